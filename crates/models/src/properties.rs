//! Every architecture has the properties of its kind.

use kiln_learn::Inputs;
use kiln_tensor::Tensor;

use crate::checks::{builder, check_causal, check_gradients, check_padding, check_state, some_ids};
use crate::convolutional::{Config, Embeddings};
use crate::recurrent::Cell;
use crate::{Draft, Outputs, Pooling, convolutional, recurrent, transformer};

const VOCABULARY: i64 = 17;

fn small_transformer() -> transformer::Config {
    transformer::Config {
        layers: 2,
        heads: 2,
        width: 8,
        dropout: 0.2,
        bias: true,
        ..transformer::Config::default()
    }
}

fn small_lstm() -> recurrent::Config {
    recurrent::Config {
        width: 6,
        dropout: 0.2,
        ..recurrent::Config::default()
    }
}

fn small(cell: Cell) -> recurrent::Config {
    recurrent::Config {
        cell,
        ..small_lstm()
    }
}

fn awd_lstm() -> recurrent::Config {
    recurrent::Config {
        width: 6,
        tied_head: true,
        weight_drop: 0.3,
        input_dropout: 0.2,
        hidden_dropout: 0.2,
        output_dropout: 0.2,
        embedding_dropout: 0.1,
        activation_regularisation: 2.0,
        temporal_activation_regularisation: 1.0,
        ..recurrent::Config::default()
    }
}

/// Every trunk that reads a text both ways.
fn two_way_trunks() -> Vec<(&'static str, recurrent::Config)> {
    let both = |config: recurrent::Config| recurrent::Config {
        bidirectional: true,
        ..config
    };
    vec![
        ("elman both ways", both(small(Cell::ElmanTanh))),
        ("gru both ways", both(small(Cell::Gru))),
        ("lstm both ways", both(small_lstm())),
        (
            "awd-lstm both ways",
            both(recurrent::Config {
                tied_head: false,
                projection: Some(4),
                ..awd_lstm()
            }),
        ),
    ]
}

/// Every trunk that reads a text as a whole. Rows hold 12 ids.
fn text_trunks() -> Vec<(&'static str, convolutional::Config)> {
    let sentence = |embeddings| {
        Config::Kim(convolutional::Sentence {
            kernel_widths: vec![1, 3],
            filters: 4,
            embedding_width: 5,
            embeddings,
            dropout: 0.2,
        })
    };
    let character = convolutional::Character {
        filters: 4,
        kernel_widths: vec![3, 2, 2],
        pools: vec![2, 1, 3],
        hidden_width: 5,
        dropout: 0.2,
    };
    vec![
        ("sentence", sentence(Embeddings::Random)),
        ("static", sentence(Embeddings::Static)),
        ("multichannel", sentence(Embeddings::Multichannel)),
        ("character", Config::Zhang(character)),
    ]
}

fn small_gated() -> convolutional::Gated {
    convolutional::Gated {
        layers: 2,
        width: 6,
        kernel_width: 3,
        dropout: 0.2,
        ..convolutional::Gated::default()
    }
}

fn small_dilated() -> convolutional::Dilated {
    convolutional::Dilated {
        layers: 2,
        width: 6,
        kernel_width: 2,
        dropout: 0.2,
        ..convolutional::Dilated::default()
    }
}

/// A network that gives these outputs.
type Make = Box<dyn Fn(Outputs) -> Draft>;

/// Every trunk that predicts the next token, with a name for messages.
fn language_trunks() -> Vec<(&'static str, Make)> {
    let transformer = |config: transformer::Config| {
        move |outputs| config.build(builder(), VOCABULARY, 16, outputs)
    };
    let recurrent =
        |config: recurrent::Config| move |outputs| config.build(builder(), VOCABULARY, outputs);
    let convolutional =
        |config: Config| move |outputs| config.build(builder(), VOCABULARY, 16, outputs);
    vec![
        ("gpt2", Box::new(transformer(small_transformer()))),
        ("lstm", Box::new(recurrent(small_lstm()))),
        ("elman-tanh", Box::new(recurrent(small(Cell::ElmanTanh)))),
        ("elman-relu", Box::new(recurrent(small(Cell::ElmanRelu)))),
        ("gru", Box::new(recurrent(small(Cell::Gru)))),
        (
            "projected-lstm",
            Box::new(recurrent(recurrent::Config {
                projection: Some(4),
                ..small_lstm()
            })),
        ),
        ("awd-lstm", Box::new(recurrent(awd_lstm()))),
        (
            "gated",
            Box::new(convolutional(Config::Gated(small_gated()))),
        ),
        (
            "gated-bottleneck",
            Box::new(convolutional(Config::Gated(convolutional::Gated {
                bottleneck: Some(3),
                weight_norm: false,
                tied_head: true,
                ..small_gated()
            }))),
        ),
        (
            "tcn",
            Box::new(convolutional(Config::Dilated(small_dilated()))),
        ),
        (
            "tcn-narrow",
            Box::new(convolutional(Config::Dilated(convolutional::Dilated {
                embedding_width: Some(4),
                weight_norm: false,
                ..small_dilated()
            }))),
        ),
    ]
}

fn inputs(lengths: bool) -> Inputs {
    let inputs = Inputs::of(some_ids(VOCABULARY, 3, 7));
    if lengths {
        inputs.with_lengths(Tensor::from_slice(&[7i64, 3, 1]))
    } else {
        inputs
    }
}

#[test]
fn gradients_are_those_of_finite_differences() {
    for (_, draft) in language_trunks() {
        for training in [false, true] {
            check_gradients(draft(Outputs::Tokens), &inputs(false), training);
            check_gradients(draft(Outputs::Values(2)), &inputs(true), training);
        }
    }
    for (_, config) in two_way_trunks() {
        for training in [false, true] {
            let draft = config.build(builder(), VOCABULARY, Outputs::Values(2));
            check_gradients(draft, &inputs(true), training);
        }
    }
    for (_, config) in text_trunks() {
        for training in [false, true] {
            let draft = config.build(builder(), VOCABULARY, 12, Outputs::Classes(3));
            check_gradients(draft, &inputs(true), training);
        }
    }
}

#[test]
fn no_language_trunk_sees_the_future() {
    for (_, draft) in language_trunks() {
        check_causal(draft(Outputs::Tokens), VOCABULARY, 9);
    }
}

#[test]
fn padding_changes_nothing() {
    for (_, draft) in language_trunks() {
        check_padding(draft(Outputs::Tokens), VOCABULARY, false);
        check_padding(draft(Outputs::Classes(3)), VOCABULARY, true);
    }
    for (_, config) in two_way_trunks() {
        for pooling in [Pooling::First, Pooling::Last, Pooling::Mean, Pooling::Max] {
            let config = recurrent::Config {
                pooling,
                ..config.clone()
            };
            let draft = config.build(builder(), VOCABULARY, Outputs::Classes(3));
            check_padding(draft, VOCABULARY, true);
        }
    }
    for (_, config) in text_trunks() {
        let draft = config.build(builder(), VOCABULARY, 12, Outputs::Classes(3));
        check_padding(draft, VOCABULARY, true);
    }
}

#[test]
fn a_state_stands_for_all_that_was_read() {
    for (_, draft) in language_trunks() {
        check_state(draft(Outputs::Tokens), VOCABULARY, 9);
    }
}

#[test]
fn each_way_of_pooling_learns() {
    for pooling in [Pooling::First, Pooling::Last, Pooling::Mean, Pooling::Max] {
        let config = transformer::Config {
            pooling,
            ..small_transformer()
        };
        let draft = config.build(builder(), VOCABULARY, 16, Outputs::Classes(3));
        check_gradients(draft, &inputs(true), true);
    }
}
