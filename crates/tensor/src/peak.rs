//! How fast a device multiplies matrices: what a model's speed is measured against.

use std::time::Instant;

use tch::{Device, Kind, Tensor};

use crate::Result;

/// Floating-point operations a second of a large matrix product in a kind: the best of a few, some tens of milliseconds in all.
///
/// # Errors
/// The device has no memory for three matrices of 1,024 x 1,024, or no product of this kind.
pub fn peak_operations(device: Device, kind: Kind) -> Result<f64> {
    const SIDE: i64 = 1024;
    const TRIES: usize = 4;
    let matrix = Tensor::f_ones([SIDE, SIDE], (kind, device))?;
    let mut fastest = f64::INFINITY;
    for _ in 0..TRIES {
        let began = Instant::now();
        let product = matrix.f_matmul(&matrix)?;
        // Reading one value waits for the device.
        let _ = product.f_double_value(&[0, 0])?;
        fastest = fastest.min(began.elapsed().as_secs_f64());
    }
    Ok(2.0 * (SIDE as f64).powi(3) / fastest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_processor_does_between_a_million_and_a_quadrillion_operations_a_second() {
        let peak = peak_operations(Device::Cpu, Kind::Float).unwrap();
        assert!((1e6..1e15).contains(&peak), "{peak}");
    }
}
