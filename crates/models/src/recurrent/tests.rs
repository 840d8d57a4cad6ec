//! Every cell against PyTorch's modules, from files that scripts/reference/recurrent.py writes, and AWD-LSTM's parts against their
//! formulas.

use kiln_learn::{Context, Inputs, Network};
use kiln_tensor::{Draws, Kind, Precision, Reduction, Tensor, backward, no_grad};
use kiln_tokens::SamplePosition;

use super::{Cell, Config};
use crate::Outputs;
use crate::checks::{builder, distance, some_ids, some_numbers, stir, whole_numbers};
use crate::mapping::{gather, scatter};
use crate::reference::Reference;

const VOCABULARY: i64 = 23;

/// The network of a file, its weights taken by PyTorch's names.
fn network(reference: &Reference, outputs: Outputs) -> (Config, Network) {
    let config: Config = serde_json::from_value(reference.config.clone()).unwrap();
    let mut network = config
        .build(builder(), VOCABULARY, outputs)
        .finish(Precision::Fp32)
        .unwrap();
    let theirs = reference.with_prefix("parameter.");
    let shapes = (network.parameters.iter())
        .map(|parameter| (parameter.name().to_owned(), parameter.shape().to_vec()))
        .collect();
    let gathered = gather(&config.pieces(), &shapes, &theirs).unwrap();
    assert!(gathered.unused.is_empty(), "{:?}", gathered.unused);
    assert_eq!(
        scatter(&config.pieces(), &gathered.parameters).unwrap(),
        theirs
    );
    network.parameters.load(&gathered.parameters).unwrap();
    (config, network)
}

fn check_gradients(reference: &Reference, config: &Config, network: &Network) {
    let ours = network.parameters.named_gradients().into_iter().collect();
    let gradients = scatter(&config.pieces(), &ours).unwrap();
    assert_eq!(gradients.len(), reference.with_prefix("gradient.").len());
    for (name, gradient) in gradients {
        reference.check(&format!("gradient.{name}"), &gradient);
    }
}

#[test]
fn every_cell_is_pytorchs_and_carries_its_state() {
    for file in ["elman-tanh", "elman-relu", "gru", "lstm", "lstm-projection"] {
        let reference = Reference::open(&format!("recurrent-{file}"));
        let (config, network) = network(&reference, Outputs::Tokens);
        let ids = reference.tensor("input.inputs");
        let mut state = network.trunk.new_state(ids.size()[0], 0).unwrap();
        let parts = config.cell.carried();
        let layers = usize::try_from(config.layers).unwrap();
        for (offset, part) in parts.iter().enumerate() {
            let carry = reference.tensor(&format!("input.carry.{part}"));
            for (layer, values) in carry.unbind(0).into_iter().enumerate() {
                state.set_part(parts.len() * layer + offset, values);
            }
        }
        let inputs = Inputs::of(ids.shallow_clone());
        let output = network
            .trunk
            .forward(&inputs, Some(&mut state), &Context::evaluation())
            .unwrap();
        for (offset, part) in parts.iter().enumerate() {
            let last: Vec<Tensor> = (0..layers)
                .map(|layer| state.part(parts.len() * layer + offset).shallow_clone())
                .collect();
            reference.check(&format!("output.carry.{part}"), &Tensor::stack(&last, 0));
        }
        reference.check("output.hidden", &output.hidden);
        let logits = network.head.project(&output.hidden).unwrap();
        reference.check("output.logits", &logits);
        let loss = logits.view([-1, VOCABULARY]).cross_entropy_loss::<&Tensor>(
            &reference.tensor("input.targets").view([-1]),
            None,
            Reduction::Sum,
            kiln_tokens::IGNORED,
            0.0,
        );
        reference.check("output.loss", &loss);
        backward(&loss).unwrap();
        check_gradients(&reference, &config, &network);
    }
}

#[test]
fn both_ways_are_pytorchs_for_rows_of_their_own_lengths() {
    for file in [
        "elman-both-ways",
        "gru-both-ways",
        "lstm-both-ways",
        "lstm-projection-both-ways",
    ] {
        let reference = Reference::open(&format!("recurrent-{file}"));
        let (config, network) = network(&reference, Outputs::Values(3));
        assert!(network.trunk.new_state(3, 0).is_none());
        let lengths = reference.tensor("input.lengths").shallow_clone();
        let inputs = Inputs::of(reference.tensor("input.inputs").shallow_clone());
        let output = network
            .trunk
            .forward(&inputs.with_lengths(lengths), None, &Context::evaluation())
            .unwrap();
        reference.check("output.hidden", &output.hidden);
        let values = network.head.project(&output.hidden).unwrap();
        reference.check("output.logits", &values);
        let loss = values.mse_loss(reference.tensor("input.values"), Reduction::Sum);
        reference.check("output.loss", &loss);
        backward(&loss).unwrap();
        check_gradients(&reference, &config, &network);
    }
}

fn small(config: Config) -> Network {
    let config = Config {
        width: 6,
        embedding_width: Some(6),
        ..config
    };
    config.check().unwrap();
    let draft = config.build(builder(), VOCABULARY, Outputs::Tokens);
    let mut network = draft.finish(Precision::Fp64).unwrap();
    stir(&mut network.parameters);
    network
}

fn training(position: u64) -> Context {
    Context::training(Draws::new(5), SamplePosition(position))
}

#[test]
fn activations_cost_what_the_paper_says() {
    let network = small(Config {
        output_dropout: 0.4,
        activation_regularisation: 2.0,
        temporal_activation_regularisation: 3.0,
        ..Config::default()
    });
    let plain = |inputs: &Inputs| {
        let output = network
            .trunk
            .forward(inputs, None, &Context::evaluation())
            .unwrap();
        assert!(output.auxiliary.is_empty());
        output.hidden
    };
    let ids = some_ids(VOCABULARY, 2, 5);
    for lengths in [None, Some([5i64, 3])] {
        let mut inputs = Inputs::of(ids.copy());
        inputs.lengths = lengths.map(|lengths| whole_numbers(&lengths));
        let raw: Vec<f64> = plain(&inputs).reshape([-1]).try_into().unwrap(); // rows of 5 places of 6
        let output = network.trunk.forward(&inputs, None, &training(0)).unwrap();
        let dropped: Vec<f64> = output.hidden.reshape([-1]).try_into().unwrap();
        let at = |values: &[f64], row: usize, place: usize, unit: usize| {
            values[(row * 5 + place) * 6 + unit]
        };
        let (mut activation, mut temporal) = (0.0, 0.0);
        for (row, length) in lengths.unwrap_or([5, 5]).into_iter().enumerate() {
            for place in 0..usize::try_from(length).unwrap() {
                for unit in 0..6 {
                    activation += 2.0 * at(&dropped, row, place, unit).powi(2) / 6.0;
                    if place > 0 {
                        let step = at(&raw, row, place, unit) - at(&raw, row, place - 1, unit);
                        temporal += 3.0 * step.powi(2) / 6.0;
                    }
                }
            }
        }
        let found: Vec<(&str, f64)> = (output.auxiliary.iter())
            .map(|(name, value)| (name.as_str(), f64::try_from(value).unwrap()))
            .collect();
        for ((name, value), (expected_name, expected)) in found.iter().zip([
            ("activation_regularisation", activation),
            ("temporal_activation_regularisation", temporal),
        ]) {
            assert_eq!(*name, expected_name);
            assert!(
                (value - expected).abs() < 1e-9 * expected,
                "{name}: {value}, {expected}"
            );
        }
        assert_eq!(found.len(), 2);
    }
}

#[test]
fn one_mask_of_the_output_holds_at_all_steps_of_a_row() {
    let network = small(Config {
        output_dropout: 0.5,
        ..Config::default()
    });
    let inputs = Inputs::of(some_ids(VOCABULARY, 8, 5));
    let output = |context: &Context| {
        network
            .trunk
            .forward(&inputs, None, context)
            .unwrap()
            .hidden
    };
    let kept = output(&training(0)) / output(&Context::evaluation()); // [batch, time, width] of 0 and 2
    let first = kept.narrow(1, 0, 1);
    assert!(
        (&kept - &first)
            .abs()
            .less(1e-9)
            .all()
            .try_into()
            .unwrap_or(false)
    );
    let dropped = f64::try_from(first.less(1.0).to_kind(Kind::Double).mean(None::<Kind>)).unwrap();
    assert!((0.2..0.8).contains(&dropped), "{dropped}"); // 48 draws of a half
    assert_ne!(first.get(0), first.get(1));
}

/// A pass with dropped weights is a pass of a network whose hidden matrices hold zeros where it dropped.
#[test]
fn dropped_weights_are_dropped_for_all_rows_and_steps() {
    const DROPPED: f64 = 0.5;
    for cell in [Cell::ElmanTanh, Cell::Gru, Cell::Lstm] {
        let config = Config {
            cell,
            layers: 1,
            weight_drop: DROPPED,
            ..Config::default()
        };
        let mut network = small(config);
        let inputs = Inputs::of(some_ids(VOCABULARY, 3, 5));
        let dropped = no_grad(|| network.trunk.forward(&inputs, None, &training(3)))
            .unwrap()
            .hidden;
        let mut parameters: std::collections::BTreeMap<_, _> =
            network.parameters.named().into_iter().collect();
        let weight = &parameters["layers.0.hidden.weight"];
        let mask = training(3).weight_mask(weight, DROPPED).unwrap().unwrap();
        let masked = weight * mask;
        parameters.insert("layers.0.hidden.weight".into(), masked);
        network.parameters.load(&parameters).unwrap();
        let masked = no_grad(|| {
            let evaluation = Context::evaluation();
            network.trunk.forward(&inputs, None, &evaluation)
        });
        let masked = masked.unwrap().hidden;
        assert!(distance(&dropped, &masked) < 1e-12, "{cell:?}");
    }
}

#[test]
fn a_dropped_word_is_zero_wherever_it_stands() {
    let rules = Config {
        embedding_dropout: 0.5,
        ..Config::default()
    }
    .regularisation();
    let table = some_numbers(&[VOCABULARY, 4], Kind::Double, "table");
    let ids = some_ids(VOCABULARY, 4, 30);
    let embedded = rules.embed(&table, &ids, &training(0)).unwrap();
    let whole = rules.embed(&table, &ids, &Context::evaluation()).unwrap();
    let ratios: Vec<f64> = (embedded / whole).view([-1]).try_into().unwrap();
    let mut of_word = vec![None; 23];
    for (id, ratios) in Vec::<i64>::try_from(ids.view([-1]))
        .unwrap()
        .into_iter()
        .zip(ratios.chunks(4))
    {
        for ratio in ratios {
            let ratio = ratio.round() as i64;
            assert!(ratio == 0 || ratio == 2);
            let known = of_word[id as usize].get_or_insert(ratio);
            assert_eq!(*known, ratio, "word {id}");
        }
    }
    assert!(of_word.contains(&Some(0)) && of_word.contains(&Some(2)));
}

#[test]
fn what_cannot_be_built_is_named() {
    let base = Config::default;
    for (config, key) in [
        (
            Config {
                layers: 0,
                ..base()
            },
            "layers",
        ),
        (
            Config {
                cell: Cell::Gru,
                projection: Some(8),
                ..base()
            },
            "projection",
        ),
        (
            Config {
                projection: Some(256),
                ..base()
            },
            "projection",
        ),
        (
            Config {
                projection: Some(8),
                tied_head: true,
                ..base()
            },
            "tied_head",
        ),
        (
            Config {
                weight_drop: 1.0,
                ..base()
            },
            "weight_drop",
        ),
        (
            Config {
                embedding_dropout: -0.1,
                ..base()
            },
            "embedding_dropout",
        ),
        (
            Config {
                temporal_activation_regularisation: f64::NAN,
                ..base()
            },
            "temporal_activation_regularisation",
        ),
    ] {
        assert_eq!(config.check().unwrap_err().key, key);
    }
    let both = Config {
        bidirectional: true,
        ..base()
    };
    assert_eq!(both.check(), Ok(()));
    assert_eq!(both.check_next_token().unwrap_err().key, "bidirectional");
    let tied = Config {
        projection: Some(8),
        embedding_width: Some(8),
        tied_head: true,
        ..base()
    };
    assert_eq!(tied.check(), Ok(()));
}
