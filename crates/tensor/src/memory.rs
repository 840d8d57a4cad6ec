//! How much memory this process holds, and a GPU's allocator.

use kiln_tensor_sys as sys;

use crate::Result;
use crate::gradients::check;

/// Resident memory of this process in bytes, or `None` where the system does not say.
pub fn resident_bytes() -> Option<u64> {
    status("VmRSS:")
}

/// Most resident memory that this process ever held in bytes, since it began or since [`forget_peak`]; `None` where the
/// system does not say.
pub fn peak_resident_bytes() -> Option<u64> {
    status("VmHWM:")
}

/// Let [`peak_resident_bytes`] begin anew with what is held now. Whether the system could.
pub fn forget_peak() -> bool {
    std::fs::write("/proc/self/clear_refs", "5").is_ok()
}

fn status(name: &str) -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with(name))?;
    let kibibytes: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kibibytes * 1024)
}

/// Memory of a GPU as libtorch's caching allocator counts it, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeviceMemory {
    /// Held by tensors now.
    pub allocated: u64,
    /// Held by tensors at most, since the process began or the peak was forgotten.
    pub peak_allocated: u64,
    /// Taken from the device now, in use or kept for later.
    pub reserved: u64,
    /// The same at most.
    pub peak_reserved: u64,
}

/// What the allocator of a GPU holds. With `forget_peak` the peaks begin anew with what is held now.
///
/// # Errors
/// There is no such GPU, or no tensor was made on it yet.
#[allow(unsafe_code)]
pub fn cuda_memory(index: usize, forget_peak: bool) -> Result<DeviceMemory> {
    let mut numbers = [0i64; 4];
    let index = i64::try_from(index).unwrap_or(i64::MAX);
    // SAFETY: the shim writes four numbers.
    let code = unsafe { sys::kiln_cuda_memory(index, forget_peak.into(), numbers.as_mut_ptr()) };
    check(code)?;
    let [allocated, peak_allocated, reserved, peak_reserved] = numbers.map(i64::unsigned_abs);
    Ok(DeviceMemory {
        allocated,
        peak_allocated,
        reserved,
        peak_reserved,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_holds_some_memory_and_held_no_less_at_its_peak() {
        let now = resident_bytes().unwrap();
        assert!(now > 1 << 20);
        assert!(peak_resident_bytes().unwrap() >= now);
    }

    #[test]
    fn a_gpu_that_was_not_used_is_an_error_of_one_line() {
        let error = cuda_memory(0, false).unwrap_err().to_string();
        assert!(error.starts_with("libtorch: "), "{error}");
        assert_eq!(error.lines().count(), 1);
    }
}
