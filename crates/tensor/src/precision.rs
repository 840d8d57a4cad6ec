//! In what number format a model computes.

use tch::{Device, Kind};

/// What a recipe asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PrecisionChoice {
    /// bf16 where the device has arithmetic for it, else fp32.
    Auto,
    /// 32-bit floats throughout.
    Fp32,
    /// bf16 compute over fp32 masters.
    Bf16,
    /// fp16 compute over fp32 masters; the loss must be scaled.
    Fp16,
    /// 64-bit floats throughout.
    Fp64,
}

/// How parameters are held while a model computes. Masters, gradients and optimizer state are fp32, but for [`Precision::Fp64`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Precision {
    /// The model reads the masters themselves.
    Fp32,
    /// The model reads a bf16 copy, refreshed once a step.
    Bf16,
    /// The model reads an fp16 copy, refreshed once a step. Gradients below 6e-8 are lost unless the loss is scaled.
    Fp16,
    /// Everything in fp64: for checking a gradient against finite differences, an update against its formula.
    Fp64,
}

impl PrecisionChoice {
    /// The precision to use on a device.
    pub fn resolve(self, device: Device) -> Precision {
        match self {
            Self::Fp32 => Precision::Fp32,
            Self::Bf16 => Precision::Bf16,
            Self::Fp16 => Precision::Fp16,
            Self::Fp64 => Precision::Fp64,
            Self::Auto if device.is_cuda() || processor_multiplies_bf16() => Precision::Bf16,
            Self::Auto => Precision::Fp32,
        }
    }
}

impl Precision {
    /// The kind of the tensors that the model computes with.
    pub fn kind(self) -> Kind {
        match self {
            Self::Fp32 => Kind::Float,
            Self::Bf16 => Kind::BFloat16,
            Self::Fp16 => Kind::Half,
            Self::Fp64 => Kind::Double,
        }
    }

    /// The kind of masters, gradients and optimizer state.
    pub fn master_kind(self) -> Kind {
        match self {
            Self::Fp32 | Self::Bf16 | Self::Fp16 => Kind::Float,
            Self::Fp64 => Kind::Double,
        }
    }

    /// Whether the model computes with the masters themselves.
    pub(crate) fn works_on_masters(self) -> bool {
        self.kind() == self.master_kind()
    }
}

fn processor_multiplies_bf16() -> bool {
    #[cfg(target_arch = "x86_64")]
    {
        std::arch::is_x86_feature_detected!("avx512bf16")
    }
    #[cfg(not(target_arch = "x86_64"))]
    {
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_named_precision_is_taken_as_it_is() {
        assert_eq!(PrecisionChoice::Fp32.resolve(Device::Cpu), Precision::Fp32);
        assert_eq!(PrecisionChoice::Bf16.resolve(Device::Cpu), Precision::Bf16);
        assert_eq!(PrecisionChoice::Fp16.resolve(Device::Cpu), Precision::Fp16);
        assert_eq!(
            PrecisionChoice::Auto.resolve(Device::Cuda(0)),
            Precision::Bf16
        );
    }
}
