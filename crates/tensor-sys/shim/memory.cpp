// What the allocator of a CUDA device holds. The interface is device-neutral: no CUDA header, nothing of CUDA at link time.
#include "kiln_shim.h"

#include "border.h"

#include <c10/core/CachingDeviceAllocator.h>

int kiln_cuda_memory(int64_t device, int reset, int64_t out[4]) {
  return kiln::guarded([&] {
    auto *allocator = c10::getDeviceAllocator(c10::DeviceType::CUDA);
    TORCH_CHECK(allocator->initialized(), "no CUDA device was used yet");
    const auto index = static_cast<c10::DeviceIndex>(device);
    if (reset != 0) {
      allocator->resetPeakStats(index);
    }
    const auto all = static_cast<size_t>(c10::CachingAllocator::StatType::AGGREGATE);
    const auto stats = allocator->getDeviceStats(index);
    out[0] = stats.allocated_bytes[all].current;
    out[1] = stats.allocated_bytes[all].peak;
    out[2] = stats.reserved_bytes[all].current;
    out[3] = stats.reserved_bytes[all].peak;
  });
}
