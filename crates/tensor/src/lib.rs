//! The one door to libtorch.
//!
//! Every room that touches a tensor gets it from here: [`Tensor`] itself, devices and precision, random draws that are
//! a function of a key and never of history, the flat parameter store, attention, and safetensors files. No other room
//! names `tch`. This room knows no model, no optimizer and no training loop.
//!
//! ```
//! use kiln_tensor::{Builder, Device, Draws, Init, Precision, Role, Tensor};
//!
//! let mut builder = Builder::new(Device::Cpu, Draws::new(1337));
//! let weight = builder.parameter("head.weight", &[3, 4], Role::Head, Init::Normal { std: 0.02 });
//! let mut parameters = builder.finish(Precision::Fp32)?;
//! let loss = weight.sum(kiln_tensor::Kind::Float);
//! kiln_tensor::backward(&loss)?;
//! parameters.collect_gradients()?;
//! assert_eq!(f64::try_from(parameters.gradients().sum(kiln_tensor::Kind::Float))?, 12.0);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod attention;
mod checkpoint;
mod closures;
mod device;
mod draws;
mod error;
mod gradients;
mod host;
mod linear_cross_entropy;
mod memory;
mod parameters;
mod peak;
mod precision;
mod safetensors;

pub use attention::{Dropout, Hidden, Mask, Weighing, attention};
pub use checkpoint::{checkpoint, on_gradient};
pub use device::{DeviceChoice, LIBTORCH_VERSION, set_threads, synchronize, threads};
pub use draws::{Draws, Generator, Key};
pub use error::Error;
pub use gradients::{AdamStep, adam_step, backward};
pub use host::HostCopies;
pub use linear_cross_entropy::{
    CrossEntropyOptions, Loss, LossPath, cross_entropy, linear_cross_entropy, scored_rows,
};
pub use memory::{DeviceMemory, cuda_memory, forget_peak, peak_resident_bytes, resident_bytes};
pub use parameters::{Builder, Init, Parameter, Parameters, Role};
pub use peak::peak_operations;
pub use precision::{Precision, PrecisionChoice};
pub use safetensors::{read_tensors, write_tensors, write_tensors_to};

pub use tch::{Device, IndexOp, Kind, Reduction, TchError as TorchError, Tensor, no_grad};

/// A fallible operation of this room.
pub type Result<T> = std::result::Result<T, Error>;
