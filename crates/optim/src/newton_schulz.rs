//! The nearest orthogonal matrix, by products alone.

use kiln_learn::Result;
use kiln_tensor::{Kind, Tensor};
use serde::{Deserialize, Serialize};

/// Which odd polynomials move all singular values towards 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Polynomial {
    /// One of degree five with a steep beginning, again and again: values end between .7 and 1.2 (Jordan, 2024).
    Jordan,
    /// The best of degree five for what the one before has left (Amsel et al., 2025): as good after fewer products.
    #[default]
    PolarExpress,
}

const JORDAN: [f64; 3] = [3.4445, -4.7750, 2.0315];

/// Amsel et al. (2025), for singular values from 1e-3 on; the last is for all that follow.
const POLAR_EXPRESS: [[f64; 3]; 8] = [
    [
        8.287_212_018_145_63,
        -23.595_886_519_098_837,
        17.300_387_312_530_933,
    ],
    [
        4.107_059_111_542_203,
        -2.947_849_916_737_910_6,
        0.544_843_108_292_660_1,
    ],
    [
        3.948_690_853_482_294_6,
        -2.908_902_115_962_949,
        0.551_819_139_437_013_7,
    ],
    [
        3.318_419_657_370_601_5,
        -2.488_488_024_314_874,
        0.510_048_940_123_72,
    ],
    [
        2.300_652_019_954_817,
        -1.668_903_984_574_749_3,
        0.418_807_311_952_567_3,
    ],
    [
        1.891_301_407_787_398,
        -1.267_995_827_194_586_8,
        0.376_804_089_485_248_35,
    ],
    [
        1.875_001_480_853_448,
        -1.250_001_645_399_948_7,
        0.375_000_164_547_424_8,
    ],
    [1.875, -1.25, 0.375],
];

/// How far beyond 1 a value may lie by rounding before the polynomials throw it further.
const SAFETY: f64 = 1.01;

impl Polynomial {
    fn factors(self, iteration: u32, iterations: u32) -> [f64; 3] {
        match self {
            Self::Jordan => JORDAN,
            Self::PolarExpress => {
                let known = POLAR_EXPRESS.len() - 1;
                let [a, b, c] = POLAR_EXPRESS[(iteration as usize).min(known)];
                if iteration + 1 == iterations {
                    return [a, b, c];
                }
                [a / SAFETY, b / SAFETY.powi(3), c / SAFETY.powi(5)]
            }
        }
    }

    /// What the norm of a matrix is divided by, so that no singular value is above 1.
    fn margin(self) -> f64 {
        match self {
            Self::Jordan => 1.0,
            Self::PolarExpress => SAFETY,
        }
    }
}

/// Each matrix of `[matrices, rows, columns]` with all its singular values moved near 1: `x (a + b x'x + c (x'x)²)`, so many times, over
/// the shorter side. The products are of the given kind.
pub(crate) fn orthogonal(
    matrices: &Tensor,
    polynomial: Polynomial,
    iterations: u32,
    kind: Kind,
) -> Result<Tensor> {
    /// Of a matrix of zeros.
    const TINY: f64 = 1e-7;
    let (_, rows, columns) = matrices.size3()?;
    let tall = rows > columns;
    let norm = matrices.f_norm_scalaropt_dim(2.0, &[-2i64, -1][..], true)?;
    let scale = norm.f_mul_scalar(polynomial.margin())?.f_add_scalar(TINY)?;
    let mut x = matrices.f_div(&scale)?.f_to_kind(kind)?;
    if tall {
        x = x.f_transpose(1, 2)?;
    }
    for iteration in 0..iterations {
        let [a, b, c] = polynomial.factors(iteration, iterations);
        let gram = x.f_bmm(&x.f_transpose(1, 2)?)?; // [matrices, shorter, shorter]
        let both = gram.f_baddbmm(&gram, &gram, b, c)?;
        x = x.f_baddbmm(&both, &x, a, 1.0)?;
    }
    if tall {
        x = x.f_transpose(1, 2)?;
    }
    Ok(x.f_to_kind(matrices.kind())?)
}

#[cfg(test)]
mod tests {
    use kiln_tensor::{Device, Draws};

    use super::*;

    fn singular_values(matrices: &Tensor) -> Vec<f64> {
        let (_, values, _) = matrices.to_kind(Kind::Double).svd(true, true);
        Vec::try_from(values.view([-1])).unwrap()
    }

    #[test]
    fn singular_values_come_near_one_and_vectors_stay() {
        let mut numbers = vec![0.0f32; 2 * 24 * 40];
        Draws::new(3)
            .generator("matrices", 0)
            .fill_normal(&mut numbers, 1.0);
        let wide = Tensor::from_slice(&numbers).view([2, 24, 40]);
        for (polynomial, iterations, within) in [
            (Polynomial::Jordan, 5, 0.35),
            (Polynomial::PolarExpress, 5, 0.15),
            (Polynomial::PolarExpress, 8, 1e-3),
        ] {
            for matrices in [wide.shallow_clone(), wide.transpose(1, 2)] {
                let near = orthogonal(&matrices, polynomial, iterations, Kind::Float).unwrap();
                assert_eq!(near.size(), matrices.size());
                for value in singular_values(&near) {
                    assert!((value - 1.0).abs() < within, "{polynomial:?} {value}");
                }
                // u v' of the decomposition u s v'.
                let (u, _, v) = matrices.to_kind(Kind::Double).svd(true, true);
                let polar = u.matmul(&v.transpose(1, 2));
                let far = (near.to_kind(Kind::Double) - &polar).norm() / polar.norm();
                assert!(f64::try_from(far).unwrap() < within);
            }
        }
    }

    #[test]
    fn a_matrix_of_zeros_stays_one() {
        let zeros = Tensor::zeros([1, 3, 5], (Kind::Float, Device::Cpu));
        for polynomial in [Polynomial::Jordan, Polynomial::PolarExpress] {
            let near = orthogonal(&zeros, polynomial, 5, Kind::Float).unwrap();
            assert_eq!(near, zeros);
        }
    }
}
