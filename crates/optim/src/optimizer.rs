//! `[optimizer]`: which update rule.

use kiln_learn::Optimizer;
use kiln_tensor::{Parameters, Role};
use serde::{Deserialize, Serialize};

use crate::Wrong;
use crate::adafactor::AdafactorConfig;
use crate::adagrad::AdagradConfig;
use crate::adam::{AdamConfig, AdamwConfig};
use crate::averaged::AverageConfig;
use crate::groups::{LEARNING, Roles};
use crate::lion::LionConfig;
use crate::muon::MuonConfig;
use crate::rms_prop::RmsPropConfig;
use crate::schedule_free::ScheduleFreeAdamwConfig;
use crate::sgd::SgdConfig;

/// Which update rule, by its `kind`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum OptimizerConfig {
    /// Adam with decoupled weight decay.
    Adamw(AdamwConfig),
    /// Adam.
    Adam(AdamConfig),
    /// Stochastic gradient descent.
    Sgd(SgdConfig),
    /// Orthogonal momentum for matrices, AdamW for the rest.
    Muon(MuonConfig),
    /// The sign of an average.
    Lion(LionConfig),
    /// Means of squares by row and column.
    Adafactor(AdafactorConfig),
    /// A running mean of squares.
    RmsProp(RmsPropConfig),
    /// A sum of squares.
    Adagrad(AdagradConfig),
    /// AdamW whose average is the model, without a decaying rate.
    ScheduleFreeAdamw(ScheduleFreeAdamwConfig),
}

/// The same call for each kind.
macro_rules! each {
    ($self:expr, $config:ident => $what:expr) => {
        match $self {
            OptimizerConfig::Adamw($config) => $what,
            OptimizerConfig::Adam($config) => $what,
            OptimizerConfig::Sgd($config) => $what,
            OptimizerConfig::Muon($config) => $what,
            OptimizerConfig::Lion($config) => $what,
            OptimizerConfig::Adafactor($config) => $what,
            OptimizerConfig::RmsProp($config) => $what,
            OptimizerConfig::Adagrad($config) => $what,
            OptimizerConfig::ScheduleFreeAdamw($config) => $what,
        }
    };
}

impl OptimizerConfig {
    /// The optimizer, at its first step; `average`, if given, is what its weights are averaged by.
    pub fn build(
        &self,
        parameters: &Parameters,
        average: Option<AverageConfig>,
    ) -> Box<dyn Optimizer> {
        let optimizer = each!(self, config => config.build(parameters));
        match average {
            Some(average) => average.around(optimizer, parameters),
            None => optimizer,
        }
    }

    /// Highest learning rate of the schedule.
    pub fn learning_rate(&self) -> f64 {
        each!(self, config => config.learning_rate)
    }

    /// Refuse numbers that the rule cannot have.
    ///
    /// # Errors
    /// The key and what is wrong with it.
    pub fn check(&self) -> Result<(), Wrong> {
        each!(self, config => config.check())?;
        self.roles().map_or(Ok(()), Roles::check)
    }

    fn roles(&self) -> Option<&Roles> {
        match self {
            Self::Adamw(config) => Some(&config.roles),
            Self::Adam(config) => Some(&config.roles),
            Self::Sgd(config) => Some(&config.roles),
            Self::Lion(config) => Some(&config.roles),
            Self::Adafactor(config) => Some(&config.roles),
            Self::RmsProp(config) => Some(&config.roles),
            Self::Adagrad(config) => Some(&config.roles),
            Self::ScheduleFreeAdamw(config) => Some(&config.roles),
            Self::Muon(_) => None,
        }
    }

    /// How many numbers it remembers, for so many weights of each role. Adafactor's few are left out.
    pub fn remembered(&self, of: impl Fn(Role) -> u64) -> u64 {
        let all: u64 = LEARNING.iter().map(|role| of(*role)).sum();
        match self {
            Self::Adamw(_) | Self::Adam(_) => 2 * all,
            Self::Sgd(config) => {
                if config.momentum > 0.0 {
                    all
                } else {
                    0
                }
            }
            Self::Muon(_) => 2 * all - of(Role::Matrix),
            Self::Lion(_) | Self::Adagrad(_) => all,
            Self::Adafactor(_) => of(Role::Vector),
            Self::RmsProp(config) => {
                (1 + u64::from(config.centered) + u64::from(config.momentum > 0.0)) * all
            }
            // The stepped weights and the squares.
            Self::ScheduleFreeAdamw(_) => 2 * all,
        }
    }
}

#[cfg(test)]
mod tests {
    use kiln_learn::Rates;
    use kiln_tensor::{Builder, Device, Draws, Init, Kind, Precision, Tensor, backward};

    use super::*;
    use crate::clip_by_norm;

    /// One of each, with all that it has switched on.
    fn every_kind() -> Vec<OptimizerConfig> {
        [
            "kind = 'adamw'\nlearning_rate = 0.1\nweight_decay = 0.5",
            "kind = 'adamw'\nlearning_rate = 0.1\nweight_decay = 0.5\ncautious_decay = true",
            "kind = 'adam'\nlearning_rate = 0.1\nweight_decay = 0.5",
            "kind = 'sgd'\nlearning_rate = 0.1\nweight_decay = 0.5\nmomentum = 0.9\nnesterov = true",
            "kind = 'muon'\nlearning_rate = 0.1\nweight_decay = 0.5\ncautious_decay = true",
            "kind = 'muon'\nlearning_rate = 0.1\nscale = 'adamw'\npolynomial = 'jordan'\nweight_decay = 0.5",
            "kind = 'lion'\nlearning_rate = 0.1\nweight_decay = 0.5",
            "kind = 'adafactor'\nlearning_rate = 0.1\nweight_decay = 0.5",
            "kind = 'rms-prop'\nlearning_rate = 0.1\nweight_decay = 0.5\ncentered = true\nmomentum = 0.9",
            "kind = 'adagrad'\nlearning_rate = 0.1\nweight_decay = 0.5",
            "kind = 'schedule-free-adamw'\nlearning_rate = 0.1\nweight_decay = 0.5",
        ]
        .map(|text| toml::from_str(text).unwrap())
        .to_vec()
    }

    const AVERAGES: [Option<AverageConfig>; 3] = [
        None,
        Some(AverageConfig::Exponential { decay: 0.7 }),
        Some(AverageConfig::Last {
            count: 3,
            every_steps: 2,
        }),
    ];

    /// Two joined matrices, a table, a head, a gain and what is frozen.
    fn network(precision: Precision) -> (Vec<Tensor>, Parameters) {
        let mut builder = Builder::new(Device::Cpu, Draws::new(1));
        let init = Init::Normal { std: 0.5 };
        let leaves = vec![
            builder.stacked("joint", &[6, 4], Role::Matrix, init, &[4, 2]),
            builder.parameter("kernel", &[4, 2, 2], Role::Matrix, init),
            builder.parameter("table", &[5, 4], Role::Embedding, init),
            builder.parameter("head", &[5, 4], Role::Head, init),
            builder.parameter("gain", &[4], Role::Vector, Init::Constant(1.0)),
            builder.parameter("frozen", &[4], Role::Frozen, Init::Constant(1.0)),
        ];
        (leaves, builder.finish(precision).unwrap())
    }

    /// A step on a loss that is never flat, at a number that differs from step to step.
    fn step(
        (leaves, parameters): &mut (Vec<Tensor>, Parameters),
        optimizer: &mut dyn Optimizer,
        number: u64,
        skip: Option<f32>,
    ) {
        parameters.clear_gradients().unwrap();
        let mut loss = Tensor::zeros([], (leaves[0].kind(), Device::Cpu));
        for (place, leaf) in leaves.iter().enumerate() {
            let far = 0.3 * (number + place as u64) as f64;
            loss += (leaf - far.sin()).square().sum(leaf.kind()) * &leaves[5].sum(leaf.kind());
        }
        backward(&loss).unwrap();
        parameters.collect_gradients().unwrap();
        let _ = clip_by_norm(parameters, Some(1.0)).unwrap();
        if skip == Some(1.0) {
            let _ = parameters.gradients().shallow_clone().fill_(f64::NAN);
        }
        let rates = Rates {
            learning_rate: 0.1 / (1.0 + number as f64),
        };
        let skip = skip.map(|skip| Tensor::from_slice(&[skip]));
        optimizer.step(parameters, &rates, skip.as_ref()).unwrap();
    }

    fn saved(optimizer: &dyn Optimizer, parameters: &Parameters) -> Vec<(String, Tensor)> {
        let mut all = optimizer.save(parameters).tensors;
        all.extend(parameters.named());
        all.into_iter()
            .map(|(name, tensor)| (name, tensor.copy()))
            .collect()
    }

    #[test]
    fn sections_read_as_they_are_written_and_unknown_keys_are_refused() {
        for config in every_kind() {
            config.check().unwrap();
            let text = toml::to_string(&config).unwrap();
            assert_eq!(
                toml::from_str::<OptimizerConfig>(&text).unwrap(),
                config,
                "{text}"
            );
            let unknown = format!("{text}\n[rols]\n");
            assert!(
                toml::from_str::<OptimizerConfig>(&unknown).is_err(),
                "{unknown}"
            );
        }
    }

    #[test]
    fn numbers_that_a_rule_cannot_have_are_refused_by_key() {
        for (text, key) in [
            ("kind = 'adamw'\nlearning_rate = 0", "learning_rate"),
            (
                "kind = 'adamw'\nlearning_rate = 1\nbetas = [0.9, 1.0]",
                "betas",
            ),
            ("kind = 'adam'\nlearning_rate = 1\nepsilon = 0", "epsilon"),
            (
                "kind = 'sgd'\nlearning_rate = 1\nnesterov = true",
                "nesterov",
            ),
            (
                "kind = 'muon'\nlearning_rate = 1\niterations = 0",
                "iterations",
            ),
            (
                "kind = 'muon'\nlearning_rate = 1\nadamw.learning_rate = -1",
                "adamw",
            ),
            (
                "kind = 'lion'\nlearning_rate = 1\nweight_decay = -1",
                "weight_decay",
            ),
            (
                "kind = 'adafactor'\nlearning_rate = 1\ndecay_exponent = 0.8",
                "decay_exponent",
            ),
            (
                "kind = 'rms-prop'\nlearning_rate = 1\nsmoothing = 2",
                "smoothing",
            ),
            ("kind = 'adagrad'\nlearning_rate = nan", "learning_rate"),
            (
                "kind = 'schedule-free-adamw'\nlearning_rate = 1\nbetas = [0, 0.9]",
                "betas",
            ),
            (
                "kind = 'sgd'\nlearning_rate = 1\nroles.head.weight_decay = -1",
                "roles",
            ),
        ] {
            let config: OptimizerConfig = toml::from_str(text).unwrap();
            assert_eq!(config.check().unwrap_err().0, key, "{text}");
        }
    }

    #[test]
    fn what_is_frozen_stays_and_what_learns_moves_in_every_role() {
        for precision in [Precision::Fp32, Precision::Bf16, Precision::Fp64] {
            for config in every_kind() {
                let mut network = network(precision);
                let before = network.1.masters().copy();
                let mut optimizer = config.build(&network.1, None);
                for number in 0..3 {
                    step(&mut network, &mut *optimizer, number, None);
                }
                for (name, now) in network.1.named() {
                    let was = network
                        .1
                        .views(&before)
                        .into_iter()
                        .find(|(other, _)| *other == name);
                    let same = was.unwrap().1 == now;
                    assert_eq!(same, name == "frozen", "{config:?} {precision:?} {name}");
                }
            }
        }
    }

    #[test]
    fn a_state_saved_and_loaded_goes_on_to_the_bit() {
        for (config, average) in every_kind()
            .into_iter()
            .flat_map(|config| AVERAGES.map(|average| (config.clone(), average)))
        {
            let mut network_a = network(Precision::Fp32);
            let mut optimizer_a = config.build(&network_a.1, average);
            for number in 0..5 {
                step(&mut network_a, &mut *optimizer_a, number, None);
            }
            // As a checkpoint is written: the model is what is to be used.
            optimizer_a.begin_evaluation(&mut network_a.1).unwrap();
            let snapshot = optimizer_a.save(&network_a.1);
            let tensors = snapshot
                .tensors
                .into_iter()
                .map(|(name, tensor)| (name, tensor.copy()));
            let tensors = tensors.collect();
            let weights = network_a.1.named().into_iter();
            let weights = weights
                .map(|(name, tensor)| (name, tensor.copy()))
                .collect();
            optimizer_a.end_evaluation(&mut network_a.1).unwrap();

            let mut network_b = network(Precision::Fp32);
            let mut optimizer_b = config.build(&network_b.1, average);
            network_b.1.load(&weights).unwrap();
            optimizer_b
                .load(&network_b.1, &tensors, &snapshot.values)
                .unwrap();
            network_b.1.refresh().unwrap();
            for number in 5..10 {
                step(&mut network_a, &mut *optimizer_a, number, None);
                step(&mut network_b, &mut *optimizer_b, number, None);
            }
            assert_eq!(
                saved(&*optimizer_a, &network_a.1),
                saved(&*optimizer_b, &network_b.1),
                "{config:?} {average:?}"
            );
        }
    }

    #[test]
    fn a_skipped_step_changes_no_weight_and_nothing_that_is_remembered() {
        for config in every_kind() {
            let mut network = network(Precision::Fp32);
            let mut optimizer = config.build(&network.1, None);
            step(&mut network, &mut *optimizer, 0, Some(0.0));
            let before = saved(&*optimizer, &network.1);
            step(&mut network, &mut *optimizer, 1, Some(1.0));
            assert_eq!(before, saved(&*optimizer, &network.1), "{config:?}");
        }
    }

    #[test]
    fn looking_at_the_average_leaves_no_trace() {
        for (config, average) in every_kind()
            .into_iter()
            .flat_map(|config| AVERAGES.map(|average| (config.clone(), average)))
        {
            let mut network = network(Precision::Fp32);
            let mut optimizer = config.build(&network.1, average);
            for number in 0..4 {
                step(&mut network, &mut *optimizer, number, None);
            }
            let before = saved(&*optimizer, &network.1);
            optimizer.begin_evaluation(&mut network.1).unwrap();
            let averages =
                average.is_some() || matches!(config, OptimizerConfig::ScheduleFreeAdamw(_));
            let used = network.1.masters().copy();
            optimizer.end_evaluation(&mut network.1).unwrap();
            assert_eq!(
                network.1.masters() != &used,
                averages,
                "{config:?} {average:?}"
            );
            assert_eq!(
                before,
                saved(&*optimizer, &network.1),
                "{config:?} {average:?}"
            );
        }
    }

    #[test]
    fn averages_are_what_they_say() {
        let plain: OptimizerConfig = toml::from_str("kind = 'sgd'\nlearning_rate = 0.1").unwrap();
        let mut seen = Vec::new();
        for average in AVERAGES {
            let mut network = network(Precision::Fp64);
            let mut optimizer = plain.build(&network.1, average);
            let begin = network.1.masters().copy();
            let mut weights = Vec::new();
            for number in 0..9 {
                step(&mut network, &mut *optimizer, number, None);
                weights.push(network.1.masters().copy());
            }
            let expected = match average {
                None => weights[8].copy(),
                Some(AverageConfig::Exponential { decay }) => {
                    let mut mean = begin;
                    for (number, weights) in (1..).zip(&weights) {
                        let kept =
                            decay.min((f64::from(number) + 1.0) / (f64::from(number) + 10.0));
                        mean = mean * kept + weights * (1.0 - kept);
                    }
                    mean
                }
                // After steps 4, 6 and 8 of nine.
                Some(AverageConfig::Last { .. }) => (&weights[3] + &weights[5] + &weights[7]) / 3.0,
            };
            optimizer.begin_evaluation(&mut network.1).unwrap();
            let far = (network.1.masters() - expected).norm();
            assert!(f64::try_from(far).unwrap() < 1e-12, "{average:?}");
            seen.push(weights);
        }
        // Averaging does not change what is trained.
        assert_eq!(seen[0], seen[1]);
        assert_eq!(seen[0], seen[2]);
    }

    #[test]
    fn a_role_has_its_own_rate_and_decay() {
        let run = |text: &str| {
            let config: OptimizerConfig = toml::from_str(text).unwrap();
            let mut network = network(Precision::Fp64);
            let mut optimizer = config.build(&network.1, None);
            let before: Vec<Tensor> = network
                .1
                .named()
                .iter()
                .map(|(_, weights)| weights.copy())
                .collect();
            let _ = network.1.gradients().shallow_clone().fill_(1.0);
            let rates = Rates { learning_rate: 0.1 };
            optimizer.step(&mut network.1, &rates, None).unwrap();
            let after = network.1.named().into_iter();
            after
                .zip(before)
                .map(|((name, after), before)| {
                    let moved = f64::try_from((&before - after).mean(Kind::Double)).unwrap();
                    (name, moved)
                })
                .collect::<std::collections::BTreeMap<_, _>>()
        };
        let text = "kind = 'sgd'\nlearning_rate = 0.1\n[roles.head]\nlearning_rate_factor = 0.5\n[roles.embedding]\nlearning_rate_factor = 0";
        let moved = run(text);
        for (name, expected) in [
            ("joint", 0.1),
            ("table", 0.0),
            ("head", 0.05),
            ("gain", 0.1),
        ] {
            assert!(
                (moved[name] - expected).abs() < 1e-12,
                "{name} {}",
                moved[name]
            );
        }
        let decayed = run(&format!("{text}\n[roles.vector]\nweight_decay = 2.0"));
        assert!((decayed["gain"] - 0.1 * (1.0 + 2.0)).abs() < 1e-12);
    }

    #[test]
    fn the_state_of_another_optimizer_is_refused() {
        let network = network(Precision::Fp32);
        let of = |text: &str| toml::from_str::<OptimizerConfig>(text).unwrap();
        let adamw = of("kind = 'adamw'\nlearning_rate = 1").build(&network.1, None);
        let saved = adamw.save(&network.1);
        let mut sgd = of("kind = 'sgd'\nlearning_rate = 1").build(&network.1, None);
        let tensors = saved.tensors.into_iter().collect();
        let error = sgd.load(&network.1, &tensors, &saved.values).unwrap_err();
        assert_eq!(
            error.to_string(),
            "saved state does not fit: the optimizer is sgd, the saved state is that of adamw"
        );
    }
}
