#include "kiln_shim.h"

#include "border.h"

#include <ATen/Parallel.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/_fused_adam.h>
#include <ATen/ops/_fused_adamw.h>

#include <optional>

using kiln::guarded;
using kiln::tensor;

namespace {

// Finaliser of a 32-bit hash with low bias (Chris Wellons' lowbias32): every input bit reaches every output bit.
inline uint32_t mix(uint32_t x) {
  x ^= x >> 16;
  x *= 0x7feb352dU;
  x ^= x >> 15;
  x *= 0x846ca68bU;
  x ^= x >> 16;
  return x;
}

// `tensor::Draws` computes the same numbers from tensor operations for other devices; a test holds both together.
struct RowKey {
  uint32_t add;
  uint32_t flip;
};

RowKey row_key(uint64_t key, uint64_t position) {
  const uint32_t low = mix(static_cast<uint32_t>(key) ^ mix(static_cast<uint32_t>(position)));
  const uint32_t high = mix(static_cast<uint32_t>(key >> 32) ^ mix(static_cast<uint32_t>(position >> 32) + low));
  return {low, high};
}

template <typename Element>
void fill_mask(Element *out, int64_t rows, int64_t width, uint64_t key, uint64_t position, uint32_t threshold,
               float scale) {
  const Element kept = static_cast<Element>(scale);
  const Element dropped = static_cast<Element>(0.0F);
  constexpr int64_t grain = 16384;
  at::parallel_for(0, rows * width, grain, [=](int64_t begin, int64_t end) {
    while (begin < end) {
      const int64_t row = begin / width;
      const int64_t row_end = std::min(end, (row + 1) * width);
      const RowKey keys = row_key(key, position + static_cast<uint64_t>(row));
      const int64_t start = row * width;
      for (int64_t at = begin; at < row_end; ++at) {
        const auto index = static_cast<uint32_t>(at - start);
        out[at] = mix(mix(index + keys.add) ^ keys.flip) >= threshold ? kept : dropped;
      }
      begin = row_end;
    }
  });
}

} // namespace

const char *kiln_last_error() { return kiln::last_error.c_str(); }

void kiln_set_error(const char *message, size_t length) { kiln::last_error.assign(message, length); }

int kiln_set_gradient(void *parameter, void *gradient) {
  return guarded([&] { tensor(parameter).mutable_grad() = tensor(gradient); });
}

int kiln_adam(void *parameter, void *gradient, void *average, void *square, void *step, double learning_rate,
              double beta1, double beta2, double weight_decay, double epsilon, int decoupled, void *skip) {
  return guarded([&] {
    const std::optional<at::Tensor> found = skip ? std::optional<at::Tensor>(tensor(skip)) : std::nullopt;
    const auto fused = decoupled ? &at::_ops::_fused_adamw_::call : &at::_ops::_fused_adam_::call;
    fused({tensor(parameter)}, {tensor(gradient)}, {tensor(average)}, {tensor(square)}, {}, {tensor(step)}, learning_rate,
          beta1, beta2, weight_decay, epsilon, /*amsgrad=*/false, /*maximize=*/false, /*grad_scale=*/std::nullopt, found);
  });
}

int kiln_dropout_mask(void *out, int64_t rows, uint64_t key, uint64_t position, uint32_t threshold, float scale) {
  return guarded([&] {
    at::Tensor &mask = tensor(out);
    TORCH_CHECK(mask.is_contiguous() && mask.device().is_cpu(), "a dropout mask is filled in contiguous CPU memory");
    const int64_t width = rows == 0 ? 0 : mask.numel() / rows;
    if (mask.scalar_type() == at::kFloat) {
      fill_mask(mask.mutable_data_ptr<float>(), rows, width, key, position, threshold, scale);
    } else if (mask.scalar_type() == at::kBFloat16) {
      fill_mask(mask.mutable_data_ptr<at::BFloat16>(), rows, width, key, position, threshold, scale);
    } else if (mask.scalar_type() == at::kHalf) {
      fill_mask(mask.mutable_data_ptr<at::Half>(), rows, width, key, position, threshold, scale);
    } else if (mask.scalar_type() == at::kDouble) {
      fill_mask(mask.mutable_data_ptr<double>(), rows, width, key, position, threshold, scale);
    } else {
      TORCH_CHECK(false, "a dropout mask of kind ", mask.scalar_type());
    }
  });
}
