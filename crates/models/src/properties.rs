//! Every architecture has the properties of its kind.

use kiln_learn::Inputs;
use kiln_tensor::Tensor;

use crate::checks::{builder, check_causal, check_gradients, check_padding, check_state, some_ids};
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

fn sentence_cnn(outputs: Outputs) -> Draft {
    let config = convolutional::Config {
        kernel_widths: vec![1, 3],
        filters: 4,
        embedding_width: 5,
        dropout: 0.2,
    };
    config.build(builder(), VOCABULARY, outputs)
}

/// Every trunk that predicts the next token, with a name for messages.
fn language_trunks() -> Vec<(&'static str, Box<dyn Fn(Outputs) -> Draft>)> {
    let transformer = |config: transformer::Config| {
        move |outputs| config.build(builder(), VOCABULARY, 16, outputs)
    };
    let recurrent =
        |config: recurrent::Config| move |outputs| config.build(builder(), VOCABULARY, outputs);
    vec![
        ("gpt2", Box::new(transformer(small_transformer()))),
        ("lstm", Box::new(recurrent(small_lstm()))),
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
    check_gradients(sentence_cnn(Outputs::Classes(3)), &inputs(true), true);
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
    check_padding(sentence_cnn(Outputs::Classes(3)), VOCABULARY, true);
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
