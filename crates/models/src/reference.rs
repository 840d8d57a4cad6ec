//! Forward values and gradients against PyTorch's own modules, from files that scripts/reference/spines.py writes.

use std::collections::BTreeMap;

use kiln_learn::{Context, Inputs, Network, Output};
use kiln_tensor::{Builder, Draws, Precision, Reduction, Tensor, backward, no_grad, read_tensors};
use serde_json::Value;

use crate::checks::{device, reference_file, tolerance, whole_numbers};
use crate::{Outputs, convolutional, recurrent, transformer};

pub(crate) struct Reference {
    tensors: BTreeMap<String, Tensor>,
    pub(crate) config: Value,
}

impl Reference {
    pub(crate) fn open(name: &str) -> Self {
        let (tensors, metadata) = read_tensors(&reference_file(name), device()).unwrap();
        Self {
            tensors,
            config: serde_json::from_str(&metadata["config"]).unwrap(),
        }
    }

    fn number(&self, key: &str) -> i64 {
        self.config[key]
            .as_i64()
            .unwrap_or_else(|| panic!("{key} in {}", self.config))
    }

    pub(crate) fn tensor(&self, name: &str) -> &Tensor {
        self.tensors.get(name).unwrap_or_else(|| panic!("{name}"))
    }

    pub(crate) fn with_prefix(&self, prefix: &str) -> BTreeMap<String, Tensor> {
        let tensors = self.tensors.iter();
        tensors
            .filter_map(|(name, tensor)| {
                Some((
                    name.strip_prefix(prefix)?.to_owned(),
                    tensor.shallow_clone(),
                ))
            })
            .collect()
    }

    /// The network with the file's weights.
    fn network(&self, draft: crate::Draft) -> Network {
        let mut network = draft.finish(Precision::Fp32).unwrap();
        network
            .parameters
            .load(&self.with_prefix("parameter."))
            .unwrap();
        network
    }

    fn builder() -> Builder {
        Builder::new(device(), Draws::new(0))
    }

    pub(crate) fn check(&self, name: &str, ours: &Tensor) {
        let theirs = self.tensor(name);
        assert_eq!(ours.size(), theirs.size(), "{name}");
        let distance = f64::try_from((ours - theirs).norm() / theirs.norm()).unwrap();
        assert!(distance < tolerance(), "{name}: {distance}");
    }

    fn check_gradients(&self, network: &Network) {
        let gradients = network.parameters.named_gradients();
        assert_eq!(gradients.len(), self.with_prefix("gradient.").len());
        for (name, gradient) in gradients {
            self.check(&format!("gradient.{name}"), &gradient);
        }
    }
}

fn token_loss(logits: &Tensor, targets: &Tensor) -> Tensor {
    let width = logits.size()[2];
    logits.view([-1, width]).cross_entropy_loss::<&Tensor>(
        &targets.view([-1]),
        None,
        Reduction::Sum,
        kiln_tokens::IGNORED,
        0.0,
    )
}

fn score(
    reference: &Reference,
    network: &Network,
    output: &Output,
    loss: impl Fn(&Tensor) -> Tensor,
) {
    let outputs = network.head.project(&output.hidden).unwrap();
    reference.check("output.hidden", &output.hidden);
    reference.check("output.logits", &outputs);
    let loss = loss(&outputs);
    reference.check("output.loss", &loss);
    backward(&loss).unwrap();
    reference.check_gradients(network);
}

#[test]
fn the_transformer_is_nanogpts() {
    for file in ["transformer", "transformer-no-bias"] {
        let reference = Reference::open(file);
        let config = transformer::Config {
            layers: reference.number("layers"),
            heads: reference.number("heads"),
            width: reference.number("width"),
            bias: Some(file == "transformer"),
            ..transformer::Config::default()
        };
        let (vocabulary, context) = (
            reference.tensor("parameter.embedding.weight").size()[0],
            reference.tensor("parameter.position.weight").size()[0],
        );
        let network = reference.network(config.build(
            Reference::builder(),
            vocabulary,
            context,
            Outputs::Tokens,
        ));
        let inputs = Inputs::of(reference.tensor("input.inputs").shallow_clone());
        let output = network
            .trunk
            .forward(&inputs, None, &Context::evaluation())
            .unwrap();
        score(&reference, &network, &output, |logits| {
            token_loss(logits, reference.tensor("input.targets"))
        });
    }
}

#[test]
fn a_transformer_with_a_cache_reads_token_by_token_as_in_one_go() {
    let reference = Reference::open("transformer");
    let config = transformer::Config {
        layers: reference.number("layers"),
        heads: reference.number("heads"),
        width: reference.number("width"),
        bias: Some(true),
        ..transformer::Config::default()
    };
    let (vocabulary, context) = (
        reference.tensor("parameter.embedding.weight").size()[0],
        reference.tensor("parameter.position.weight").size()[0],
    );
    let network =
        reference.network(config.build(Reference::builder(), vocabulary, context, Outputs::Tokens));
    let ids = reference.tensor("input.inputs");
    let (rows, time) = ids.size2().unwrap();
    let mut state = network.trunk.new_state(rows, time).unwrap();
    let mut logits = Vec::new();
    no_grad(|| {
        for (start, length) in [(0, 3), (3, 1), (4, time - 4)] {
            let inputs = Inputs::of(ids.narrow(1, start, length));
            let part = network.outputs(&inputs, Some(&mut state), &Context::evaluation());
            logits.push(part.unwrap());
        }
    });
    reference.check("output.logits", &Tensor::cat(&logits, 1));
}

#[test]
fn the_lstm_is_pytorchs_and_carries_its_state() {
    let reference = Reference::open("lstm");
    let config = recurrent::Config {
        layers: reference.number("layers"),
        width: reference.number("width"),
        embedding_width: Some(reference.tensor("parameter.embedding.weight").size()[1]),
        ..recurrent::Config::default()
    };
    let vocabulary = reference.tensor("parameter.embedding.weight").size()[0];
    let network =
        reference.network(config.build(Reference::builder(), vocabulary, Outputs::Tokens));
    let ids = reference.tensor("input.inputs");
    let mut state = network.trunk.new_state(ids.size()[0], 0).unwrap();
    for layer in 0..config.layers {
        for (offset, part) in ["hidden", "cell"].iter().enumerate() {
            let carry = reference.tensor(&format!("input.carry.{part}")).get(layer);
            state.set_part(2 * usize::try_from(layer).unwrap() + offset, carry);
        }
    }
    let inputs = Inputs::of(ids.shallow_clone());
    let output = network
        .trunk
        .forward(&inputs, Some(&mut state), &Context::evaluation())
        .unwrap();
    for (offset, part) in ["hidden", "cell"].iter().enumerate() {
        let layers: Vec<Tensor> = (0..usize::try_from(config.layers).unwrap())
            .map(|layer| state.part(2 * layer + offset).shallow_clone())
            .collect();
        reference.check(&format!("output.carry.{part}"), &Tensor::stack(&layers, 0));
    }
    score(&reference, &network, &output, |logits| {
        token_loss(logits, reference.tensor("input.targets"))
    });
}

#[test]
fn a_reset_row_forgets_and_others_do_not() {
    let config = recurrent::Config {
        width: 8,
        ..recurrent::Config::default()
    };
    let network = config
        .build(Reference::builder(), 10, Outputs::Tokens)
        .finish(Precision::Fp32)
        .unwrap();
    let read = |state: &mut kiln_learn::State, reset: Option<&[i64]>| {
        let ids = whole_numbers(&[1, 2, 3, 4, 5, 6]).view([2, 3]);
        let reset = reset.map(whole_numbers);
        let inputs = Inputs {
            reset,
            ..Inputs::of(ids)
        };
        no_grad(|| network.outputs(&inputs, Some(state), &Context::evaluation())).unwrap()
    };
    let mut state = network.trunk.new_state(2, 0).unwrap();
    let fresh = read(&mut state, None);
    let after = read(&mut state, Some(&[1, 0]));
    assert_eq!(fresh.get(0), after.get(0));
    assert_ne!(fresh.get(1), after.get(1));
}

fn cnn(reference: &Reference, outputs: impl Fn(i64) -> Outputs) -> Network {
    let weight = |index: usize| reference.tensor(&format!("parameter.convolutions.{index}.weight"));
    let groups = reference
        .with_prefix("parameter.convolutions.")
        .keys()
        .filter(|name| name.ends_with("weight"))
        .count();
    let config = convolutional::Sentence {
        kernel_widths: (0..groups).map(|index| weight(index).size()[2]).collect(),
        filters: weight(0).size()[0],
        embedding_width: weight(0).size()[1],
        dropout: 0.0,
        ..convolutional::Sentence::default()
    };
    let config = convolutional::Config::Kim(config);
    let vocabulary = reference.tensor("parameter.embedding.weight").size()[0];
    let count = reference.tensor("parameter.head.bias").size()[0];
    reference.network(config.build(Reference::builder(), vocabulary, 0, outputs(count)))
}

#[test]
fn the_sentence_cnn_is_kims_and_padding_does_not_matter() {
    for file in ["cnn-classifier", "cnn-regressor"] {
        let reference = Reference::open(file);
        let classifier = file == "cnn-classifier";
        let network = cnn(&reference, |count| {
            if classifier {
                Outputs::Classes(count)
            } else {
                Outputs::Values(count)
            }
        });
        let ids = reference.tensor("input.inputs");
        // One more column of padding, of a real token's id: nothing may change.
        let padded = Tensor::cat(&[ids.shallow_clone(), ids.narrow(1, 0, 1)], 1);
        for ids in [padded, ids.shallow_clone()] {
            let lengths = reference.tensor("input.lengths").view([-1]);
            let inputs = Inputs::of(ids).with_lengths(lengths);
            let output = network
                .trunk
                .forward(&inputs, None, &Context::evaluation())
                .unwrap();
            let _ = network.parameters.gradients().shallow_clone().zero_();
            score(&reference, &network, &output, |outputs| {
                if classifier {
                    let labels = reference.tensor("input.labels").view([-1]);
                    outputs.cross_entropy_loss::<&Tensor>(&labels, None, Reduction::Sum, -100, 0.0)
                } else {
                    outputs.mse_loss(reference.tensor("input.values"), Reduction::Sum)
                }
            });
        }
    }
}

/// nanoGPT's rules: 0.02 everywhere, branch outputs less by the root of their number, gains one.
#[test]
fn the_transformer_begins_as_nanogpts() {
    let config = transformer::Config {
        layers: 8,
        width: 64,
        ..transformer::Config::default()
    };
    let network = config
        .build(Reference::builder(), 500, 64, Outputs::Tokens)
        .finish(Precision::Fp32)
        .unwrap();
    for (name, tensor) in network.parameters.named() {
        let spread = f64::try_from(tensor.std(false)).unwrap();
        let expected = match name.as_str() {
            name if name.contains("norm") => 0.0,
            name if name.ends_with("output.weight") || name.ends_with("down.weight") => 0.02 / 4.0,
            _ => 0.02,
        };
        // At least 4,096 draws each: five standard errors are 5.6 %.
        assert!(
            (spread - expected).abs() <= 0.056 * expected,
            "{name}: {spread}"
        );
    }
}

#[test]
fn an_id_beyond_the_vocabulary_and_a_row_beyond_the_context_are_named() {
    let config = transformer::Config {
        layers: 1,
        heads: 1,
        width: 4,
        ..transformer::Config::default()
    };
    let network = config
        .build(Reference::builder(), 10, 4, Outputs::Tokens)
        .finish(Precision::Fp32)
        .unwrap();
    let refused = |ids: &[i64]| {
        let inputs = Inputs::of(whole_numbers(ids).view([1, -1]));
        let answer = network.outputs(&inputs, None, &Context::evaluation());
        answer.unwrap_err().to_string()
    };
    assert_eq!(
        refused(&[3, 10]),
        "the batch does not fit the model: token 10 is beyond the model's vocabulary of 10: its tokenizer is another one"
    );
    assert_eq!(
        refused(&[1; 5]),
        "the batch does not fit the model: 5 tokens in a row, the model sees at most 4"
    );
}
