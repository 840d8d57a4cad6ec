//! Every architecture has the properties of its kind.

use kiln_learn::{Context, Inputs, Source, State};
use kiln_tensor::{Precision, Tensor, no_grad};

use crate::checks::{
    builder, check_causal, check_checkpoints, check_gradients, check_packing, check_padding,
    check_state, distance, some_ids, stir, tolerance, whole_numbers,
};
use crate::convolutional::{Config, Embeddings};
use crate::recurrent::Cell;
use crate::transformer::{Activation, Positions, Style};
use crate::{Draft, Outputs, Pooling, convolutional, recurrent, transformer};

const VOCABULARY: i64 = 17;

fn small_transformer() -> transformer::Config {
    transformer::Config {
        layers: 2,
        heads: 2,
        width: 8,
        feed_forward_width: Some(12),
        dropout: 0.2,
        ..transformer::Config::default()
    }
}

/// Every kind of decoder, by what it adds.
fn decoders() -> Vec<(&'static str, transformer::Config)> {
    let with = |style: Style| transformer::Config {
        style,
        ..small_transformer()
    };
    let llama = transformer::Config {
        heads: 4,
        key_value_heads: Some(2),
        ..with(Style::Llama)
    };
    vec![
        (
            "gpt2",
            transformer::Config {
                bias: Some(true),
                ..with(Style::Gpt2)
            },
        ),
        ("llama", llama.clone()),
        (
            "qwen3",
            transformer::Config {
                head_width: Some(6),
                ..with(Style::Qwen3)
            },
        ),
        (
            "modern",
            transformer::Config {
                layers: 3,
                window: Some(3),
                window_pattern: Some("SL".to_owned()),
                ..with(Style::Modern)
            },
        ),
        (
            "modern with pairs and convolutions",
            transformer::Config {
                short_convolution: Some(3),
                ngrams: vec![1000],
                ..with(Style::Modern)
            },
        ),
        (
            "pairs that share rows",
            transformer::Config {
                short_convolution: Some(2),
                ngrams: vec![11, 13, 100_000],
                ..with(Style::Llama)
            },
        ),
        (
            "mixtral",
            transformer::Config {
                experts: Some(3),
                expert_balance: Some(0.1),
                ..llama.clone()
            },
        ),
        (
            "mistral",
            transformer::Config {
                window: Some(3),
                ..llama
            },
        ),
        (
            "sinusoidal",
            transformer::Config {
                positions: Some(Positions::Sinusoidal),
                activation: Some(Activation::Geglu),
                norm_first: Some(false),
                ..with(Style::Gpt2)
            },
        ),
    ]
}

fn encoder() -> transformer::Config {
    transformer::Config {
        style: Style::Bert,
        ..small_transformer()
    }
}

fn transformer(config: transformer::Config) -> impl Fn(Outputs) -> Draft {
    move |outputs| config.build(builder(), VOCABULARY, 16, outputs)
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

/// Networks by what they are called.
type Trunks = Vec<(&'static str, Box<dyn Fn(Outputs) -> Draft>)>;

/// Every trunk that predicts the next token, with a name for messages.
fn language_trunks() -> Trunks {
    let recurrent =
        |config: recurrent::Config| move |outputs| config.build(builder(), VOCABULARY, outputs);
    let convolutional =
        |config: Config| move |outputs| config.build(builder(), VOCABULARY, 16, outputs);
    let cell = |cell| recurrent(small(cell));
    let projected = recurrent::Config {
        projection: Some(4),
        ..small_lstm()
    };
    let mut trunks: Trunks = vec![
        ("lstm", Box::new(recurrent(small_lstm()))),
        ("elman-tanh", Box::new(cell(Cell::ElmanTanh))),
        ("elman-relu", Box::new(cell(Cell::ElmanRelu))),
        ("gru", Box::new(cell(Cell::Gru))),
        ("projected-lstm", Box::new(recurrent(projected))),
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
    ];
    for (name, config) in decoders() {
        trunks.push((name, Box::new(transformer(config))));
    }
    trunks
}

fn inputs(lengths: bool) -> Inputs {
    let inputs = Inputs::of(some_ids(VOCABULARY, 3, 7));
    if lengths {
        inputs.with_lengths(whole_numbers(&[7, 3, 1]))
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
    let encoder = transformer(encoder());
    let segments = some_ids(2, 3, 7).sort(1, false).0;
    let pairs = Inputs {
        segments: Some(segments),
        ..inputs(true)
    };
    for outputs in [Outputs::Tokens, Outputs::Classes(3)] {
        check_gradients(encoder(outputs), &pairs, true);
    }
    for style in [Style::T5, Style::Original] {
        let config = transformer::Config {
            relative_buckets: (style == Style::T5).then_some(6),
            style,
            ..small_transformer()
        };
        check_gradients(transformer(config)(Outputs::Tokens), &translation(), true);
    }
}

/// Targets of 7 ids for sources of 5, of which one is shorter.
fn translation() -> Inputs {
    Inputs {
        source: Some(Source {
            ids: some_ids(VOCABULARY, 3, 5),
            lengths: Some(whole_numbers(&[5, 2, 4])),
        }),
        ..inputs(false)
    }
}

#[test]
fn documents_in_one_row_do_not_see_each_other() {
    for (_, config) in decoders() {
        check_packing(transformer(config)(Outputs::Tokens), VOCABULARY);
    }
}

#[test]
fn forgetting_activations_changes_no_gradient() {
    for (_, config) in decoders() {
        let draft = transformer(config);
        check_checkpoints(|| draft(Outputs::Tokens), &inputs(false));
    }
    let draft = transformer(encoder());
    check_checkpoints(|| draft(Outputs::Classes(2)), &inputs(true));
    for style in [Style::T5, Style::Original] {
        let draft = transformer(transformer::Config {
            style,
            ..small_transformer()
        });
        check_checkpoints(|| draft(Outputs::Tokens), &translation());
    }
}

#[test]
fn a_translator_writes_token_by_token_as_in_one_go() {
    for style in [Style::T5, Style::Original] {
        let config = transformer::Config {
            style,
            ..small_transformer()
        };
        let mut network = transformer(config)(Outputs::Tokens)
            .finish(Precision::Fp32)
            .unwrap();
        stir(&mut network.parameters);
        let read = |inputs: &Inputs, state: Option<&mut State>| {
            no_grad(|| network.outputs(inputs, state, &Context::evaluation())).unwrap()
        };
        let whole = read(&translation(), None);
        // What stands in a source's padding does not matter, its ids do.
        let mut other = translation();
        let source = other.source.as_mut().unwrap();
        let _ = source.ids.get(1).narrow(0, 2, 3).fill_(1);
        assert!(distance(&read(&other, None), &whole) < tolerance());
        let _ = other.source.unwrap().ids.get(1).narrow(0, 0, 1).fill_(2);
        let mut state = network.trunk.new_state(3, 7).unwrap();
        let mut parts = Vec::new();
        for (start, length) in [(0, 1), (1, 4), (5, 1), (6, 1)] {
            let mut inputs = translation();
            inputs.ids = inputs.ids.narrow(1, start, length);
            if start > 0 {
                inputs.source = None; // read once
            }
            parts.push(read(&inputs, Some(&mut state)));
        }
        assert!(distance(&Tensor::cat(&parts, 1), &whole) < tolerance());
        let none = Inputs::of(some_ids(VOCABULARY, 3, 2));
        let refused = network.trunk.forward(&none, None, &Context::evaluation());
        let message = refused.err().unwrap().to_string();
        assert!(
            message.contains("reads a source, and there is none"),
            "{message}"
        );
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
    let encoder = transformer(encoder());
    check_padding(encoder(Outputs::Tokens), VOCABULARY, false);
    check_padding(encoder(Outputs::Classes(3)), VOCABULARY, true);
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
            pooling: Some(pooling),
            ..small_transformer()
        };
        let draft = config.build(builder(), VOCABULARY, 16, Outputs::Classes(3));
        check_gradients(draft, &inputs(true), true);
    }
}

#[test]
fn a_network_that_would_mix_documents_refuses_packed_rows() {
    let recurrent = small_lstm().build(builder(), VOCABULARY, Outputs::Tokens);
    let convolutional = [
        Config::Gated(small_gated()),
        Config::Dilated(small_dilated()),
    ];
    let drafts =
        convolutional.map(|config| config.build(builder(), VOCABULARY, 16, Outputs::Tokens));
    for draft in std::iter::once(recurrent).chain(drafts) {
        let network = draft.finish(Precision::Fp32).unwrap();
        let packed = Inputs {
            documents: Some(Tensor::zeros_like(&inputs(false).ids)),
            ..inputs(false)
        };
        let refused = network.outputs(&packed, None, &Context::evaluation());
        let message = refused.unwrap_err().to_string();
        assert!(message.contains("several documents"), "{message}");
    }
}
