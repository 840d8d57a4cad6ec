//! Every style against networks of PyTorch's modules, from files that scripts/reference/convolutional.py writes.

use std::collections::BTreeMap;

use kiln_learn::{Context, Inputs};
use kiln_tensor::{Precision, Reduction, Tensor, backward, no_grad};

use super::{Config, Dilated, Embeddings, Gated, Sentence};
use crate::Outputs;
use crate::checks::{builder, distance, some_ids, stir, whole_numbers};
use crate::mapping::{gather, scatter};
use crate::reference::Reference;

const VOCABULARY: i64 = 23;

#[test]
fn every_style_is_its_papers() {
    for (file, outputs) in [
        ("multichannel", Outputs::Classes(3)),
        ("character", Outputs::Classes(3)),
        ("gated", Outputs::Tokens),
        ("gated-bottleneck", Outputs::Tokens),
        ("dilated", Outputs::Tokens),
        ("dilated-plain", Outputs::Tokens),
    ] {
        let reference = Reference::open(&format!("convolutional-{file}"));
        let config: Config = serde_json::from_value(reference.config.clone()).unwrap();
        let context_length = 30; // only the character network's file depends on it
        let draft = config.build(builder(), VOCABULARY, context_length, outputs);
        let mut network = draft.finish(Precision::Fp32).unwrap();
        let shapes = (network.parameters.iter())
            .map(|parameter| (parameter.name().to_owned(), parameter.shape().to_vec()))
            .collect();
        let theirs = reference.with_prefix("parameter.");
        let gathered = gather(&config.pieces(), &shapes, &theirs).unwrap();
        assert!(gathered.unused.is_empty(), "{:?}", gathered.unused);
        network.parameters.load(&gathered.parameters).unwrap();
        let mut inputs = Inputs::of(reference.tensor("input.inputs").shallow_clone());
        let classifies = outputs != Outputs::Tokens;
        if classifies {
            inputs.lengths = Some(reference.tensor("input.lengths").shallow_clone());
        }
        let output = (network.trunk)
            .forward(&inputs, None, &Context::evaluation())
            .unwrap();
        reference.check("output.hidden", &output.hidden);
        let logits = network.head.project(&output.hidden).unwrap();
        reference.check("output.logits", &logits);
        let targets = if classifies { "labels" } else { "targets" };
        let loss = logits
            .view([-1, *logits.size().last().unwrap()])
            .cross_entropy_loss::<&Tensor>(
                &reference.tensor(&format!("input.{targets}")).view([-1]),
                None,
                Reduction::Sum,
                kiln_tokens::IGNORED,
                0.0,
            );
        reference.check("output.loss", &loss);
        backward(&loss).unwrap();
        let ours: BTreeMap<_, _> = network.parameters.named_gradients().into_iter().collect();
        let ours = scatter(&config.pieces(), &ours).unwrap();
        for (name, gradient) in reference.with_prefix("gradient.") {
            let ours = ours[&name].view(gradient.size().as_slice());
            reference.check(&format!("gradient.{name}"), &ours);
        }
    }
}

fn languages() -> [Config; 2] {
    [
        Config::Gated(Gated {
            layers: 2,
            width: 6,
            ..Gated::default()
        }),
        Config::Dilated(Dilated {
            layers: 2,
            width: 6,
            ..Dilated::default()
        }),
    ]
}

#[test]
fn a_reset_row_forgets_and_others_do_not() {
    for config in languages() {
        let draft = config.build(builder(), VOCABULARY, 16, Outputs::Tokens);
        let mut network = draft.finish(Precision::Fp32).unwrap();
        stir(&mut network.parameters);
        let mut state = network.trunk.new_state(2, 0).unwrap();
        let mut read = |reset: Option<[i64; 2]>| {
            let inputs = Inputs {
                reset: reset.map(|reset| whole_numbers(&reset)),
                ..Inputs::of(some_ids(VOCABULARY, 2, 3))
            };
            no_grad(|| network.outputs(&inputs, Some(&mut state), &Context::evaluation())).unwrap()
        };
        let fresh = read(None);
        let after = read(Some([1, 0]));
        assert!(distance(&after.get(0), &fresh.get(0)) < 1e-6);
        assert!(distance(&after.get(1), &fresh.get(1)) > 1e-2);
    }
}

#[test]
fn keys_belong_to_their_styles() {
    let read = |section: serde_json::Value| serde_json::from_value::<Config>(section);
    let kim = read(serde_json::json!({ "filters": 64, "dropout": 0.1 })).unwrap();
    let expected = Sentence {
        filters: 64,
        dropout: 0.1,
        ..Sentence::default()
    };
    assert_eq!(kim, Config::Kim(expected));
    for (section, message) in [
        (
            serde_json::json!({ "weight_norm": true }),
            "style = \"kim\" has no key `weight_norm`",
        ),
        (
            serde_json::json!({ "style": "zhang", "embedding_width": 3 }),
            "style = \"zhang\" has no key `embedding_width`",
        ),
        (
            serde_json::json!({ "style": "gated", "kernel_widths": [3] }),
            "style = \"gated\" has no key `kernel_widths`",
        ),
        (
            serde_json::json!({ "style": "dilated", "bottleneck": 3 }),
            "style = \"dilated\" has no key `bottleneck`",
        ),
    ] {
        assert_eq!(read(section).unwrap_err().to_string(), message);
    }
    // What is written is read again.
    for style in ["kim", "zhang", "gated", "dilated"] {
        let config = read(serde_json::json!({ "style": style })).unwrap();
        assert_eq!(config.check(1014), Ok(()));
        assert_eq!(
            read(serde_json::to_value(&config).unwrap()).unwrap(),
            config
        );
    }
}

#[test]
fn what_cannot_be_built_is_named() {
    for (section, key) in [
        (serde_json::json!({ "kernel_widths": [] }), "kernel_widths"),
        (
            serde_json::json!({ "style": "zhang", "pools": [3] }),
            "pools",
        ),
        (
            serde_json::json!({ "style": "zhang", "kernel_widths": [7, 7, 3, 3, 3, 103] }),
            "kernel_widths",
        ),
        (
            serde_json::json!({ "style": "gated", "bottleneck": 0 }),
            "bottleneck",
        ),
        (
            serde_json::json!({ "style": "dilated", "tied_head": true, "embedding_width": 3 }),
            "tied_head",
        ),
        (
            serde_json::json!({ "style": "dilated", "layers": 40 }),
            "layers",
        ),
    ] {
        let config: Config = serde_json::from_value(section).unwrap();
        assert_eq!(config.check(1014).unwrap_err().key, key);
    }
    let config = Config::default();
    assert_eq!(config.check_next_token().unwrap_err().key, "kind");
    assert_eq!(languages()[0].check_next_token(), Ok(()));
}

/// 34 places are left of 1014, as in the paper (section 2.3), and an id beyond the vocabulary is named.
#[test]
fn a_row_of_characters_is_as_long_as_published() {
    let Config::Zhang(config) = serde_json::from_str(r#"{ "style": "zhang" }"#).unwrap() else {
        panic!("another style");
    };
    assert_eq!(config.places(1014), [336, 110, 108, 106, 104, 34]);
    let config = Config::Zhang(super::Character {
        filters: 4,
        hidden_width: 4,
        ..config
    });
    let network = config
        .build(builder(), 10, 1014, Outputs::Classes(2))
        .finish(Precision::Fp32)
        .unwrap();
    let inputs = Inputs::of(whole_numbers(&[3, 10]).view([1, 2]));
    let refused = network.outputs(&inputs, None, &Context::evaluation());
    assert_eq!(
        refused.unwrap_err().to_string(),
        "the batch does not fit the model: token 10 is beyond the model's vocabulary of 10: its tokenizer is another one"
    );
}

#[test]
fn a_static_table_stays_and_a_second_channel_is_another_table() {
    for (embeddings, frozen, tables) in [
        (Embeddings::Random, 0, 1),
        (Embeddings::NonStatic, 0, 1),
        (Embeddings::Static, 1, 1),
        (Embeddings::Multichannel, 1, 2),
    ] {
        let config = Config::Kim(Sentence {
            embeddings,
            filters: 2,
            embedding_width: 3,
            ..Sentence::default()
        });
        let network = config
            .build(builder(), VOCABULARY, 8, Outputs::Classes(2))
            .finish(Precision::Fp32)
            .unwrap();
        let tables_of = |frozen: bool| {
            let all = network.parameters.iter();
            let tables = all.filter(|parameter| parameter.name().starts_with("embedding"));
            tables
                .filter(|table| !frozen || table.role() == kiln_tensor::Role::Frozen)
                .count()
        };
        assert_eq!((tables_of(true), tables_of(false)), (frozen, tables));
    }
}
