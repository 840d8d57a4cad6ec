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
