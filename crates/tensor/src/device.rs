//! Devices: what a recipe may ask for, and what this machine has.

use std::ffi::{CStr, CString, c_void};
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::OnceLock;

use tch::Device;

use crate::{Error, Result};

/// What a recipe asks for: `auto`, `cpu`, `cuda` or `cuda:INDEX`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeviceChoice {
    /// The first GPU if there is one, else the CPU.
    Auto,
    /// The CPU, whatever else there is.
    Cpu,
    /// A GPU by its number.
    Cuda(usize),
}

impl FromStr for DeviceChoice {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let index = match text {
            "auto" => return Ok(Self::Auto),
            "cpu" => return Ok(Self::Cpu),
            "cuda" => Some(0),
            other => other
                .strip_prefix("cuda:")
                .and_then(|index| index.parse().ok()),
        };
        index.map(Self::Cuda).ok_or_else(|| Error::Device {
            asked: text.to_owned(),
            reason: "expected auto, cpu, cuda or cuda:INDEX".to_owned(),
        })
    }
}

impl DeviceChoice {
    /// The device itself. CUDA libraries are opened only here and only if a GPU could be used.
    ///
    /// # Errors
    /// A GPU was asked for by name and there is none, or its libraries are missing; the error says which.
    pub fn open(self) -> Result<Device> {
        let index = match self {
            Self::Cpu => return Ok(Device::Cpu),
            Self::Auto if !driver_present() => return Ok(Device::Cpu),
            Self::Auto => 0,
            Self::Cuda(index) => index,
        };
        let asked = format!("cuda:{index}");
        let refused = |reason: String| Error::Device {
            asked: asked.clone(),
            reason,
        };
        match open_cuda_library() {
            Ok(()) => {}
            Err(reason) if self == Self::Auto => {
                tracing::warn!(
                    "a GPU driver is present but cannot be used, going on with the CPU: {reason}"
                );
                return Ok(Device::Cpu);
            }
            Err(reason) => return Err(refused(reason)),
        }
        let count = tch::Cuda::device_count();
        if i64::try_from(index).is_ok_and(|index| index < count) {
            Ok(Device::Cuda(index))
        } else if self == Self::Auto {
            Ok(Device::Cpu)
        } else {
            Err(refused(format!("this machine has {count} usable GPUs")))
        }
    }
}

/// Threads that one libtorch operation may use.
pub fn threads() -> usize {
    usize::try_from(tch::get_num_threads()).unwrap_or(1)
}

/// Set the threads that one libtorch operation may use. Sums are taken in an order that depends on it.
pub fn set_threads(count: usize) {
    tch::set_num_threads(i32::try_from(count).unwrap_or(i32::MAX));
}

fn driver_present() -> bool {
    std::path::Path::new("/dev/nvidiactl").exists()
}

/// Open `libtorch_cuda.so` beside the loaded `libtorch_cpu.so`, once, before the first CUDA query: libtorch remembers
/// the answer to that query for the life of the process.
fn open_cuda_library() -> std::result::Result<(), String> {
    static OPENED: OnceLock<std::result::Result<(), String>> = OnceLock::new();
    OPENED
        .get_or_init(|| {
            let library = library_folder()
                .ok_or("the folder of libtorch_cpu.so cannot be found")?
                .join("libtorch_cuda.so");
            if !library.exists() {
                return Err(format!(
                    "{} is missing: run scripts/setup.sh --cuda",
                    library.display()
                ));
            }
            open_globally(&library)
        })
        .clone()
}

#[allow(unsafe_code)]
fn library_folder() -> Option<PathBuf> {
    let mut info = libc::Dl_info {
        dli_fname: std::ptr::null(),
        dli_fbase: std::ptr::null_mut(),
        dli_sname: std::ptr::null(),
        dli_saddr: std::ptr::null_mut(),
    };
    // `aoti_torch_device_type_cpu` is a plain C function of libtorch_cpu.so.
    let name = c"aoti_torch_device_type_cpu";
    // SAFETY: dlsym and dladdr read the tables of loaded libraries; `info` outlives the call, and the file name it then
    // points to belongs to a library that is never closed.
    let file = unsafe {
        let symbol: *mut c_void = libc::dlsym(libc::RTLD_DEFAULT, name.as_ptr());
        if symbol.is_null() || libc::dladdr(symbol, &raw mut info) == 0 || info.dli_fname.is_null()
        {
            return None;
        }
        CStr::from_ptr(info.dli_fname)
    };
    let path = PathBuf::from(file.to_str().ok()?);
    path.parent().map(PathBuf::from)
}

#[allow(unsafe_code)]
fn open_globally(library: &std::path::Path) -> std::result::Result<(), String> {
    let path = CString::new(library.as_os_str().as_encoded_bytes())
        .map_err(|_| format!("{}: a path with a NUL byte", library.display()))?;
    // SAFETY: opening a library runs its initialisers; libtorch's own are made for this. The handle is kept for good.
    unsafe {
        if !libc::dlopen(path.as_ptr(), libc::RTLD_NOW | libc::RTLD_GLOBAL).is_null() {
            return Ok(());
        }
        let message = libc::dlerror();
        if message.is_null() {
            return Err(format!("{}: cannot be opened", library.display()));
        }
        Err(CStr::from_ptr(message).to_string_lossy().into_owned())
    }
}

/// Wait until a device has done all that it was given. On a CPU an operation is done when its call returns.
pub fn synchronize(device: Device) {
    if let Device::Cuda(index) = device {
        tch::Cuda::synchronize(i64::try_from(index).unwrap_or(0));
    }
}

/// The version of libtorch that this is built for; the bindings refuse to be built with another.
pub const LIBTORCH_VERSION: &str = "2.11.0";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_devices() {
        assert_eq!("auto".parse::<DeviceChoice>().unwrap(), DeviceChoice::Auto);
        assert_eq!(
            "cuda:3".parse::<DeviceChoice>().unwrap(),
            DeviceChoice::Cuda(3)
        );
        let error = "gpu".parse::<DeviceChoice>().unwrap_err();
        assert_eq!(
            error.to_string(),
            "device `gpu` cannot be used: expected auto, cpu, cuda or cuda:INDEX"
        );
        assert!(error.is_mistake());
    }

    #[test]
    fn the_folder_of_libtorch_is_found() {
        let _ = tch::Tensor::from_slice(&[1.0]);
        let folder = library_folder().unwrap();
        assert!(folder.join("libtorch_cpu.so").exists(), "{folder:?}");
    }

    #[test]
    fn a_gpu_that_is_not_there_is_refused_with_a_reason() {
        if driver_present() {
            return;
        }
        let error = DeviceChoice::Cuda(0).open().unwrap_err().to_string();
        assert!(
            error.starts_with("device `cuda:0` cannot be used: "),
            "{error}"
        );
        assert_eq!(DeviceChoice::Auto.open().unwrap(), Device::Cpu);
    }
}
