//! Forward values and gradients against Hugging Face's model classes and PyTorch's own Transformer, from files that
//! scripts/reference/huggingface.py writes. Weights go in and gradients come out by the families' names.

use std::collections::BTreeMap;

use kiln_learn::{Context, Inputs, Network, Source};
use kiln_tensor::{Kind, Precision, Reduction, Tensor, backward, no_grad, read_tensors};
use kiln_tokens::IGNORED;
use serde_json::Value;

use super::{Activation, Config, Positions, RotaryScaling, Style};
use crate::checks::{builder, device, distance, reference_file, tolerance};
use crate::mapping::{Piece, gather, scatter};
use crate::{Draft, Outputs};

struct Reference {
    name: &'static str,
    tensors: BTreeMap<String, Tensor>,
    config: Value,
}

impl Reference {
    fn open(name: &'static str) -> Self {
        let (tensors, metadata) = read_tensors(&reference_file(name), device()).unwrap();
        Self {
            name,
            tensors,
            config: serde_json::from_str(&metadata["config"]).unwrap(),
        }
    }

    fn number(&self, key: &str) -> Option<i64> {
        self.config[key].as_i64()
    }

    fn tensor(&self, name: &str) -> Option<Tensor> {
        self.tensors.get(name).map(Tensor::shallow_clone)
    }

    fn with_prefix(&self, prefix: &str) -> BTreeMap<String, Tensor> {
        let named = self.tensors.iter().filter_map(|(name, tensor)| {
            Some((
                name.strip_prefix(prefix)?.to_owned(),
                tensor.shallow_clone(),
            ))
        });
        named
            .flat_map(|(name, tensor)| published(name, tensor))
            .collect()
    }

    fn config(&self) -> Config {
        let style = match self.config["style"].as_str().unwrap() {
            "gpt2" => Style::Gpt2,
            "qwen3" => Style::Qwen3,
            "bert" => Style::Bert,
            "t5" => Style::T5,
            "original" => Style::Original,
            _ => Style::Llama,
        };
        let activation = match self.config["activation"].as_str() {
            Some("gelu_new") if style == Style::Gpt2 => Some(Activation::GeluTanh),
            Some("gelu_new") => Some(Activation::Geglu),
            _ => None,
        };
        let gpt2 = style == Style::Gpt2;
        Config {
            style,
            layers: self.number("layers").unwrap(),
            decoder_layers: self.number("decoder_layers"),
            heads: self.number("heads").unwrap(),
            key_value_heads: self.number("key_value_heads"),
            head_width: self.number("head_width"),
            width: self.number("width").unwrap(),
            feed_forward_width: self.number("feed_forward_width"),
            activation,
            norm_epsilon: self.config["norm_epsilon"].as_f64(),
            rotary_base: self.config["rotary_base"].as_f64(),
            rotary_scaling: scaling(&self.config["rotary_scaling"]),
            relative_buckets: self.number("relative_buckets"),
            relative_distance: self.number("relative_distance"),
            window: self.number("window"),
            experts: self.number("experts"),
            experts_per_token: self.number("experts_per_token"),
            bias: gpt2.then_some(true),
            tied_head: self.config["tied_head"].as_bool(),
            ..Config::default()
        }
    }

    fn outputs(&self) -> Outputs {
        match self.number("classes") {
            Some(classes) => Outputs::Classes(classes),
            None => Outputs::Tokens,
        }
    }

    fn inputs(&self) -> Inputs {
        let lengths = |name: &str| self.tensor(name).map(|lengths| lengths.view([-1]));
        Inputs {
            lengths: lengths("input.lengths"),
            segments: self.tensor("input.segments"),
            source: self.tensor("input.source").map(|ids| Source {
                ids,
                lengths: lengths("input.source_lengths"),
            }),
            ..Inputs::of(self.tensor("input.inputs").unwrap())
        }
    }

    fn close(&self, name: &str, ours: &Tensor, theirs: &Tensor) {
        let distance = distance(ours, theirs);
        assert!(distance < tolerance(), "{}: {name}: {distance}", self.name);
    }

    fn check(&self, name: &str, ours: &Tensor) {
        self.close(name, ours, &self.tensor(name).unwrap());
    }
}

/// Tensors as published files have them: a mixture's experts each alone, PyTorch's queries apart from keys and values where it
/// attends to another sequence.
fn published(name: String, tensor: Tensor) -> Vec<(String, Tensor)> {
    if let Some(layer) = name.strip_suffix(".mlp.gate.weight") {
        return vec![(format!("{layer}.block_sparse_moe.gate.weight"), tensor)];
    }
    if let Some((layer, part)) = name.split_once(".mlp.experts.") {
        let experts = tensor.unbind(0).into_iter().enumerate();
        return experts
            .flat_map(|(expert, own)| {
                let name =
                    |part: &str| format!("{layer}.block_sparse_moe.experts.{expert}.{part}.weight");
                if part == "down_proj" {
                    return vec![(name("w2"), own)];
                }
                let halves = own.chunk(2, 0);
                vec![
                    (name("w1"), halves[0].shallow_clone()),
                    (name("w3"), halves[1].shallow_clone()),
                ]
            })
            .collect();
    }
    if let Some((layer, part)) = name.split_once(".multihead_attn.in_proj_") {
        let width = tensor.size()[0] / 3;
        return vec![
            (
                format!("{layer}.multihead_attn.query.{part}"),
                tensor.narrow(0, 0, width),
            ),
            (
                format!("{layer}.multihead_attn.key_value.{part}"),
                tensor.narrow(0, width, 2 * width),
            ),
        ];
    }
    vec![(name, tensor)]
}

fn scaling(value: &Value) -> Option<RotaryScaling> {
    let number = |key: &str| value[key].as_f64().unwrap();
    let original = || value["original_max_position_embeddings"].as_i64().unwrap();
    Some(match value["rope_type"].as_str()? {
        "linear" => RotaryScaling::Linear {
            factor: number("factor"),
        },
        "llama3" => RotaryScaling::Llama3 {
            factor: number("factor"),
            low_frequency_factor: number("low_freq_factor"),
            high_frequency_factor: number("high_freq_factor"),
            original_context_length: original(),
        },
        "yarn" => RotaryScaling::Yarn {
            factor: number("factor"),
            beta_fast: 32.0,
            beta_slow: 1.0,
            original_context_length: original(),
        },
        other => panic!("{other}"),
    })
}

/// PyTorch's names of the original's parameters.
fn original(config: &Config) -> Vec<Piece> {
    let mut pieces = vec![Piece::one("embedding.weight", "embedding.weight")];
    for (stack, layer) in ["encoder", "decoder"]
        .into_iter()
        .flat_map(|stack| (0..config.layers).map(move |layer| (stack, layer)))
    {
        let decodes = stack == "decoder";
        let table: &[(&str, &str, bool)] = &[
            ("attention.query_key_value", "self_attn.in_proj_", true),
            ("attention.output", "self_attn.out_proj.", true),
            ("attention_norm", "norm1.", true),
            ("cross_attention.query", "multihead_attn.query.", decodes),
            (
                "cross_attention.key_value",
                "multihead_attn.key_value.",
                decodes,
            ),
            (
                "cross_attention.output",
                "multihead_attn.out_proj.",
                decodes,
            ),
            ("cross_attention_norm", "norm2.", decodes),
            ("feed_forward.up", "linear1.", true),
            ("feed_forward.down", "linear2.", true),
            (
                "feed_forward_norm",
                if decodes { "norm3." } else { "norm2." },
                true,
            ),
        ];
        for (ours, theirs, _) in table.iter().filter(|(_, _, there)| *there) {
            pieces.extend(["weight", "bias"].map(|part| {
                Piece::one(
                    format!("{stack}.blocks.{layer}.{ours}.{part}"),
                    format!("{stack}.layers.{layer}.{theirs}{part}"),
                )
            }));
        }
    }
    pieces
}

fn draft(reference: &Reference, config: &Config) -> Draft {
    let sizes = ["vocabulary_size", "context_length"].map(|key| reference.number(key).unwrap());
    config.build(builder(), sizes[0], sizes[1], reference.outputs())
}

fn network(
    reference: &Reference,
    config: &Config,
    pieces: &[Piece],
    precision: Precision,
) -> Network {
    config.check().unwrap();
    let mut network = draft(reference, config).finish(precision).unwrap();
    let shapes = network.parameters.iter();
    let shapes = shapes
        .map(|parameter| (parameter.name().to_owned(), parameter.shape().to_vec()))
        .collect();
    let gathered = gather(pieces, &shapes, &reference.with_prefix("parameter.")).unwrap();
    assert!(
        gathered.unused.is_empty(),
        "{}: {:?}",
        reference.name,
        gathered.unused
    );
    network.parameters.load(&gathered.parameters).unwrap();
    network
}

/// Places that are not padding as ones, the rest as zeros.
fn inside(inputs: &Inputs, like: &Tensor) -> Tensor {
    match &inputs.lengths {
        Some(lengths) if like.dim() == 3 => {
            let places = Tensor::arange(like.size()[1], (Kind::Int64, device()));
            places
                .lt_tensor(&lengths.unsqueeze(1))
                .unsqueeze(2)
                .to_kind(like.kind())
        }
        _ => Tensor::ones([1], (like.kind(), device())),
    }
}

fn check(name: &'static str) {
    let reference = Reference::open(name);
    let config = reference.config();
    let pieces = match config.style {
        Style::Original => original(&config),
        _ => config.mapping(reference.outputs()).unwrap(),
    };
    let network = network(&reference, &config, &pieces, Precision::Fp32);
    let inputs = reference.inputs();
    let context = Context::evaluation();
    let output = network.trunk.forward(&inputs, None, &context).unwrap();
    let logits = network.head.project(&output.hidden).unwrap();
    // BERT's pooler is part of the head here.
    let hidden = match reference.outputs() {
        Outputs::Tokens => output.hidden.shallow_clone(),
        _ => network.head.transform(&output.hidden).unwrap(),
    };
    reference.check("output.hidden", &(&hidden * inside(&inputs, &hidden)));
    reference.check("output.logits", &(&logits * inside(&inputs, &logits)));
    if let Some(loss) = reference.tensor("output.router_loss") {
        check_balance(&reference, &output.auxiliary, &loss);
    }
    let Some(expected) = reference.tensor("output.loss") else {
        return;
    };
    let targets = reference.tensor("input.targets");
    let targets = targets
        .or(reference.tensor("input.labels"))
        .unwrap()
        .view([-1]);
    let loss = logits
        .view([targets.size()[0], -1])
        .cross_entropy_loss::<&Tensor>(&targets, None, Reduction::Sum, IGNORED, 0.0);
    reference.close("loss", &loss, &expected);
    backward(&loss).unwrap();
    let gradients = network.parameters.named_gradients().into_iter().collect();
    let ours = scatter(&pieces, &gradients).unwrap();
    let theirs = reference.with_prefix("gradient.");
    assert_eq!(ours.len(), theirs.len(), "{name}");
    for (parameter, gradient) in &theirs {
        // A key's bias moves all scores of a query alike: its gradient is zero, and what is there is rounding.
        if f64::try_from(gradient.norm()).unwrap() < 1e-4 {
            assert!(
                f64::try_from(ours[parameter].norm()).unwrap() < 1e-4,
                "{name}: {parameter}"
            );
            continue;
        }
        reference.close(parameter, &ours[parameter], gradient);
    }
}

/// Hugging Face counts the tokens of all layers together, each layer here its own: with two layers of `f` and `P` each, the mean of
/// both products lies near the product of both means, and equals it where layers route alike.
fn check_balance(reference: &Reference, auxiliary: &[(String, Tensor)], theirs: &Tensor) {
    let [(name, ours)] = auxiliary else {
        panic!("{auxiliary:?}");
    };
    assert_eq!(name, "expert_balance");
    let tokens = reference.tensor("input.inputs").unwrap().numel() as f64;
    let layers = reference.number("layers").unwrap() as f64;
    let ours = f64::try_from(ours).unwrap() / (0.01 * tokens * layers);
    let theirs = f64::try_from(theirs).unwrap();
    assert!((ours / theirs - 1.0).abs() < 0.1, "{ours} and {theirs}");
}

#[test]
fn gpt2_is_hugging_faces() {
    check("gpt2");
}

#[test]
fn llama_and_its_kin_are_hugging_faces() {
    for name in [
        "llama",
        "llama-scaled",
        "llama-linear",
        "llama-yarn",
        "mistral",
        "qwen3",
        "mixtral",
    ] {
        check(name);
    }
}

#[test]
fn bert_is_hugging_faces() {
    check("bert");
    check("bert-pooled");
}

#[test]
fn t5_is_hugging_faces() {
    check("t5");
    check("t5-gated");
}

#[test]
fn the_original_is_pytorchs() {
    check("original");
}

/// Families that compute in bf16 stay within two hundredths of fp32: with the references' weights, and as they begin. T5 alone is
/// checked as it begins: its scores are not scaled down, and with weights as large as the references' a rounded score moves a
/// weight by several hundredths, in PyTorch too.
#[test]
fn bf16_is_near() {
    for name in [
        "gpt2", "llama", "qwen3", "mistral", "bert", "t5", "original",
    ] {
        let reference = Reference::open(name);
        let config = reference.config();
        let pieces = match config.style {
            Style::Original => original(&config),
            _ => config.mapping(reference.outputs()).unwrap(),
        };
        let inputs = reference.inputs();
        let logits = |network: &Network| {
            let logits = no_grad(|| network.outputs(&inputs, None, &Context::evaluation()));
            let logits = logits.unwrap().to_kind(Kind::Float);
            &logits * inside(&inputs, &logits)
        };
        let read = |precision| logits(&network(&reference, &config, &pieces, precision));
        let begin = |precision| logits(&draft(&reference, &config).finish(precision).unwrap());
        let near = |bf16: Tensor, fp32: Tensor| {
            let distance = distance(&bf16, &fp32);
            assert!(distance < 2e-2, "{name}: {distance}");
        };
        near(begin(Precision::Bf16), begin(Precision::Fp32));
        if config.style != Style::T5 {
            near(read(Precision::Bf16), read(Precision::Fp32));
        }
    }
}

/// A network of another shape than its family's is refused with what it lacks.
#[test]
fn what_no_family_has_is_refused() {
    let refused = |config: Config| config.mapping(Outputs::Tokens).unwrap_err();
    assert_eq!(
        refused(Config::default()),
        "GPT-2 has biases: set bias = true"
    );
    let llama = Config {
        style: Style::Llama,
        positions: Some(Positions::Learned),
        ..Config::default()
    };
    assert_eq!(refused(llama), "Llama's family has rotary positions");
    let modern = Config {
        style: Style::Modern,
        ..Config::default()
    };
    assert!(refused(modern).contains("\"qwen3\" is the nearest"));
    for (config, key) in [
        (
            Config {
                ngrams: vec![100],
                ..Config::default()
            },
            "ngrams",
        ),
        (
            Config {
                short_convolution: Some(2),
                ..Config::default()
            },
            "short_convolution",
        ),
    ] {
        let why = refused(config);
        assert!(why.starts_with("no family has ") && why.ends_with(&format!("leave {key} out")));
    }
}
