//! Clipping of gradients.

use kiln_learn::Result;
use kiln_tensor::{Parameters, Tensor};

/// The Euclidean norm of all gradients, on the device; where it is above `limit`, the gradients are scaled down to it (Pascanu,
/// Mikolov and Bengio, 2013).
///
/// # Errors
/// libtorch refused.
pub fn clip_by_norm(parameters: &mut Parameters, limit: Option<f64>) -> Result<Tensor> {
    /// Keeps a norm of zero from dividing; the value that PyTorch's clip_grad_norm_ uses.
    const TINY: f64 = 1e-6;
    let mut gradients = parameters.gradients().shallow_clone();
    let norm = gradients.f_norm()?;
    if let Some(limit) = limit {
        let factor = (&norm + TINY).f_reciprocal()?.f_mul_scalar(limit)?;
        let _ = gradients.f_mul_(&factor.f_clamp_max(1.0)?)?;
    }
    Ok(norm)
}

/// Cut each element of the gradients off at a magnitude of `limit`. What is no number stays none.
///
/// # Errors
/// libtorch refused.
pub fn clip_by_value(parameters: &mut Parameters, limit: f64) -> Result<()> {
    let mut gradients = parameters.gradients().shallow_clone();
    let _ = gradients.f_clamp_(-limit, limit)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use kiln_tensor::{Builder, Device, Draws, Init, Precision, Role};

    #[test]
    fn values_are_cut_off_and_what_is_no_number_stays_none() {
        let mut builder = Builder::new(Device::Cpu, Draws::new(0));
        let _ = builder.parameter("a", &[4], Role::Vector, Init::Constant(0.0));
        let mut parameters = builder.finish(Precision::Fp32).unwrap();
        let given = Tensor::from_slice(&[3.0f32, -0.5, -7.0, f32::NAN]);
        parameters.named_gradients()[0]
            .1
            .shallow_clone()
            .copy_(&given);
        clip_by_value(&mut parameters, 2.0).unwrap();
        let cut = Vec::<f32>::try_from(&parameters.named_gradients()[0].1).unwrap();
        assert_eq!(cut[..3], [2.0, -0.5, -2.0]);
        assert!(cut[3].is_nan());
    }
}
