//! Which parameters weight decay reaches.

use std::ops::Range;

use kiln_tensor::{Parameters, Role, Tensor};

/// The flat ranges with and without weight decay: matrices, tables and heads decay, biases and gains do not. What is frozen is in
/// neither.
pub(crate) fn ranges(parameters: &Parameters) -> [(Range<i64>, bool); 2] {
    let vectors = parameters.range(Role::Vector);
    [(0..vectors.start, true), (vectors, false)]
}

/// A range of a flat buffer, as a view.
pub(crate) fn part(flat: &Tensor, range: &Range<i64>) -> Tensor {
    flat.narrow(0, range.start, range.end - range.start)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{AdamwConfig, SgdConfig, clip_by_norm};
    use kiln_learn::{Optimizer, Rates};
    use kiln_tensor::{Builder, Device, Draws, Init, Kind, Precision, backward};

    #[test]
    fn no_optimizer_decay_or_clipping_reaches_what_is_frozen() {
        let adamw = r#"{ "learning_rate": 0.1, "weight_decay": 0.5 }"#;
        let sgd = r#"{ "learning_rate": 0.1, "weight_decay": 0.5, "momentum": 0.9 }"#;
        for precision in [Precision::Fp32, Precision::Bf16] {
            let mut builder = Builder::new(Device::Cpu, Draws::new(0));
            let one = Init::Constant(1.0);
            let frozen = builder.parameter("frozen", &[3], Role::Frozen, one);
            let learns = builder.parameter("learns", &[3], Role::Matrix, one);
            let mut parameters = builder.finish(precision).unwrap();
            let config: AdamwConfig = serde_json::from_str(adamw).unwrap();
            let adamw = config.build(&parameters);
            let config: SgdConfig = serde_json::from_str(sgd).unwrap();
            let sgd = config.build(&parameters);
            let optimizers: [Box<dyn Optimizer>; 2] = [Box::new(adamw), Box::new(sgd)];
            let rates = Rates { learning_rate: 0.1 };
            for mut optimizer in optimizers {
                for _ in 0..3 {
                    parameters.clear_gradients().unwrap();
                    backward(&(&frozen * &learns * 3.0).sum(Kind::Float)).unwrap();
                    parameters.collect_gradients().unwrap();
                    let norm = clip_by_norm(&mut parameters, Some(1.0)).unwrap();
                    assert!((f64::try_from(norm).unwrap() - 27f64.sqrt()).abs() < 1e-4);
                    optimizer.step(&mut parameters, &rates, None).unwrap();
                }
                let values =
                    |of: &Tensor| -> Vec<f32> { of.to_kind(Kind::Float).try_into().unwrap() };
                assert_eq!(values(&frozen), [1.0; 3]);
                assert!(values(&learns)[0] < 0.9);
            }
        }
    }
}
