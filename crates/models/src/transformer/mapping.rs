//! What other tools call a Transformer's weights: Hugging Face's GPT-2, Llama (with Mistral, Qwen3 and Mixtral), BERT and T5.

use super::plan::Plan;
use super::style::{Positions, Style};
use super::{Activation, Config, NormKind};
use crate::draft::Outputs;
use crate::mapping::Piece;

impl Config {
    /// The weights of a network of this configuration as its family's files have them.
    ///
    /// # Errors
    /// Why no family has a network like it.
    pub fn mapping(&self, outputs: Outputs) -> Result<Vec<Piece>, String> {
        let plan = self.plan();
        expect(
            "no family",
            &[
                (
                    "tables of several tokens: leave ngrams out",
                    plan.ngrams.is_empty(),
                ),
                (
                    "a convolution before attention: leave short_convolution out",
                    plan.block.short_convolution == 1,
                ),
            ],
        )?;
        match self.style {
            Style::Gpt2 => gpt2(&plan, outputs),
            Style::Llama | Style::Qwen3 => llama(&plan, outputs),
            Style::Bert => bert(&plan, outputs),
            Style::T5 => t5(&plan, outputs),
            Style::Original => Err(
                "style \"original\" is in no family's files; style \"t5\" is the nearest that maps".to_owned(),
            ),
            Style::Modern => Err(
                "style \"modern\" has value embeddings and residual factors that no family has; style \"qwen3\" is the nearest that maps"
                    .to_owned(),
            ),
        }
    }
}

/// Refuse what a family does not have.
fn expect(family: &str, conditions: &[(&str, bool)]) -> Result<(), String> {
    match conditions.iter().find(|(_, holds)| !holds) {
        Some((what, _)) => Err(format!("{family} has {what}")),
        None => Ok(()),
    }
}

/// Weight, and bias where there is one.
fn with_bias(bias: bool, ours: &str, theirs: &str) -> Vec<Piece> {
    let parts: &[&str] = if bias {
        &["weight", "bias"]
    } else {
        &["weight"]
    };
    parts
        .iter()
        .map(|part| Piece::one(format!("{ours}.{part}"), format!("{theirs}.{part}")))
        .collect()
}

/// One product of ours that is several of theirs, with as many rows each.
fn joined(bias: bool, ours: &str, theirs: &[(String, i64)]) -> Vec<Piece> {
    let parts: &[&str] = if bias {
        &["weight", "bias"]
    } else {
        &["weight"]
    };
    parts
        .iter()
        .map(|part| {
            let theirs = theirs
                .iter()
                .map(|(name, rows)| (format!("{name}.{part}"), *rows));
            Piece::joined(format!("{ours}.{part}"), theirs.collect())
        })
        .collect()
}

/// Rows of queries, keys and values of a layer's joint product.
fn query_key_value(plan: &Plan, names: [String; 3]) -> Vec<(String, i64)> {
    let attention = &plan.block.attention;
    let shared = attention.key_value_heads * attention.head_width;
    let rows = [attention.heads * attention.head_width, shared, shared];
    names.into_iter().zip(rows).collect()
}

fn only_tokens(family: &str, outputs: Outputs) -> Result<(), String> {
    if outputs == Outputs::Tokens {
        return Ok(());
    }
    Err(format!(
        "{family}'s files have no head like this one's for whole texts"
    ))
}

fn gpt2(plan: &Plan, outputs: Outputs) -> Result<Vec<Piece>, String> {
    only_tokens("GPT-2", outputs)?;
    let block = &plan.block;
    expect(
        "GPT-2",
        &[
            (
                "layer normalisation",
                block.norm.kind == NormKind::LayerNorm,
            ),
            ("normalisation before each branch", block.norm_first),
            ("biases: set bias = true", block.attention.bias),
            ("learned positions", plan.positions == Positions::Learned),
            ("a tied head", plan.tied_head),
            (
                "the approximated GELU: set activation = \"gelu-tanh\"",
                block.feed_forward.activation == Activation::GeluTanh,
            ),
            (
                "as many key-value heads as heads",
                block.attention.key_value_heads == block.attention.heads,
            ),
            (
                "heads as wide as the stream together",
                block.attention.heads * block.attention.head_width == plan.width(),
            ),
            ("no experts", block.experts.is_none()),
            (
                "no normalised queries",
                block.attention.query_key_norm.is_none(),
            ),
            ("no window", plan.windows().iter().all(Option::is_none)),
            ("no cap on logits", plan.logit_cap.is_none()),
        ],
    )?;
    let mut pieces = vec![
        Piece::one("embedding.weight", "transformer.wte.weight"),
        Piece::one("position.weight", "transformer.wpe.weight"),
    ];
    pieces.extend(with_bias(true, "norm", "transformer.ln_f"));
    for layer in 0..plan.layers {
        let (ours, theirs) = (format!("blocks.{layer}"), format!("transformer.h.{layer}"));
        for (our, their) in [("attention_norm", "ln_1"), ("feed_forward_norm", "ln_2")] {
            pieces.extend(with_bias(
                true,
                &format!("{ours}.{our}"),
                &format!("{theirs}.{their}"),
            ));
        }
        for (our, their) in [
            ("attention.query_key_value", "attn.c_attn"),
            ("attention.output", "attn.c_proj"),
            ("feed_forward.up", "mlp.c_fc"),
            ("feed_forward.down", "mlp.c_proj"),
        ] {
            let [ours, theirs] = [format!("{ours}.{our}"), format!("{theirs}.{their}")];
            let weight = Piece::one(format!("{ours}.weight"), format!("{theirs}.weight"));
            pieces.push(weight.transposed());
            pieces.push(Piece::one(format!("{ours}.bias"), format!("{theirs}.bias")));
        }
    }
    Ok(pieces)
}

fn llama(plan: &Plan, outputs: Outputs) -> Result<Vec<Piece>, String> {
    only_tokens("Llama", outputs)?;
    let block = &plan.block;
    expect(
        "Llama's family",
        &[
            ("RMS normalisation", block.norm.kind == NormKind::RmsNorm),
            ("normalisation before each branch", block.norm_first),
            ("rotary positions", plan.positions == Positions::Rotary),
            (
                "a gate of sigmoid linear units: activation = \"swiglu\"",
                block.feed_forward.activation == Activation::Swiglu,
            ),
            ("no biases", !block.attention.bias),
            ("no value embeddings", !plan.value_embeddings),
            ("no residual factors", !plan.residual_scalars),
            ("no cap on logits", plan.logit_cap.is_none()),
        ],
    )?;
    let mut pieces = vec![
        Piece::one("embedding.weight", "model.embed_tokens.weight"),
        Piece::one("norm.weight", "model.norm.weight"),
    ];
    if !plan.tied_head {
        pieces.push(Piece::one("head.weight", "lm_head.weight"));
    }
    for layer in 0..plan.layers {
        let (ours, theirs) = (format!("blocks.{layer}"), format!("model.layers.{layer}"));
        let mut one = |our: &str, their: &str| {
            pieces.push(Piece::one(
                format!("{ours}.{our}.weight"),
                format!("{theirs}.{their}.weight"),
            ));
        };
        one("attention_norm", "input_layernorm");
        one("feed_forward_norm", "post_attention_layernorm");
        one("attention.output", "self_attn.o_proj");
        if block.attention.query_key_norm.is_some() {
            one("attention.query_norm", "self_attn.q_norm");
            one("attention.key_norm", "self_attn.k_norm");
        }
        let names = ["q", "k", "v"].map(|part| format!("{theirs}.self_attn.{part}_proj"));
        let parts = query_key_value(plan, names);
        pieces.extend(joined(
            false,
            &format!("{ours}.attention.query_key_value"),
            &parts,
        ));
        let (inner, width) = (block.feed_forward.inner, block.feed_forward.width);
        let ours = format!("{ours}.feed_forward");
        if let Some(experts) = block.experts {
            let theirs = format!("{theirs}.block_sparse_moe");
            pieces.push(Piece::one(
                format!("{ours}.router.weight"),
                format!("{theirs}.gate.weight"),
            ));
            let of_each = |parts: &[(&str, i64)]| -> Vec<(String, i64)> {
                (0..experts.experts)
                    .flat_map(|expert| parts.iter().map(move |(part, rows)| (expert, part, rows)))
                    .map(|(expert, part, rows)| {
                        (format!("{theirs}.experts.{expert}.{part}"), *rows)
                    })
                    .collect()
            };
            let gate_up = of_each(&[("w1", inner), ("w3", inner)]);
            pieces.extend(joined(false, &format!("{ours}.gate_up"), &gate_up));
            let down = of_each(&[("w2", width)]);
            pieces.extend(joined(false, &format!("{ours}.down"), &down));
        } else {
            let gate_up = ["gate", "up"].map(|part| (format!("{theirs}.mlp.{part}_proj"), inner));
            pieces.extend(joined(false, &format!("{ours}.gate_up"), &gate_up));
            pieces.extend(with_bias(
                false,
                &format!("{ours}.down"),
                &format!("{theirs}.mlp.down_proj"),
            ));
        }
    }
    Ok(pieces)
}

fn bert(plan: &Plan, outputs: Outputs) -> Result<Vec<Piece>, String> {
    let block = &plan.block;
    expect(
        "BERT",
        &[
            (
                "layer normalisation",
                block.norm.kind == NormKind::LayerNorm,
            ),
            ("normalisation after each branch", !block.norm_first),
            ("biases", block.attention.bias),
            ("learned positions", plan.positions == Positions::Learned),
            ("a tied head", plan.tied_head || outputs != Outputs::Tokens),
            (
                "no gated feed-forward layers",
                !block.feed_forward.activation.is_gated(),
            ),
            ("no experts", block.experts.is_none()),
            (
                "no normalised queries",
                block.attention.query_key_norm.is_none(),
            ),
            (
                "as many key-value heads as heads",
                block.attention.key_value_heads == block.attention.heads,
            ),
            ("no cap on logits", plan.logit_cap.is_none()),
        ],
    )?;
    let table = |ours: &str, theirs: &str| {
        Piece::one(
            format!("{ours}.weight"),
            format!("bert.embeddings.{theirs}_embeddings.weight"),
        )
    };
    let mut pieces = vec![
        table("embedding", "word"),
        table("position", "position"),
        table("segment", "token_type"),
    ];
    let mut both = |ours: &str, theirs: &str| pieces.extend(with_bias(true, ours, theirs));
    both("embedding_norm", "bert.embeddings.LayerNorm");
    match outputs {
        Outputs::Tokens => {
            both("head.dense", "cls.predictions.transform.dense");
            both("head.norm", "cls.predictions.transform.LayerNorm");
        }
        Outputs::Classes(_) | Outputs::Values(_) => {
            both("head.dense", "bert.pooler.dense");
            both("head", "classifier");
        }
    }
    if outputs == Outputs::Tokens {
        pieces.push(Piece::one("head.bias", "cls.predictions.bias"));
    }
    for layer in 0..plan.layers {
        let (ours, theirs) = (
            format!("blocks.{layer}"),
            format!("bert.encoder.layer.{layer}"),
        );
        for (our, their) in [
            ("attention.output", "attention.output.dense"),
            ("attention_norm", "attention.output.LayerNorm"),
            ("feed_forward.up", "intermediate.dense"),
            ("feed_forward.down", "output.dense"),
            ("feed_forward_norm", "output.LayerNorm"),
        ] {
            pieces.extend(with_bias(
                true,
                &format!("{ours}.{our}"),
                &format!("{theirs}.{their}"),
            ));
        }
        let names = ["query", "key", "value"].map(|part| format!("{theirs}.attention.self.{part}"));
        let parts = query_key_value(plan, names);
        pieces.extend(joined(
            true,
            &format!("{ours}.attention.query_key_value"),
            &parts,
        ));
    }
    Ok(pieces)
}

/// The stacks of an encoder-decoder: its name, number of layers and whether it attends to the other.
fn stacks(plan: &Plan) -> [(&'static str, i64, bool); 2] {
    [
        ("encoder", plan.layers, false),
        ("decoder", plan.decoder_layers, true),
    ]
}

fn t5(plan: &Plan, outputs: Outputs) -> Result<Vec<Piece>, String> {
    only_tokens("T5", outputs)?;
    let block = &plan.block;
    expect(
        "T5",
        &[
            ("RMS normalisation", block.norm.kind == NormKind::RmsNorm),
            ("normalisation before each branch", block.norm_first),
            ("no biases", !block.attention.bias),
            ("relative positions", plan.positions == Positions::Relative),
            (
                "ReLU, or a gate of GELU: activation = \"relu\" or \"geglu\"",
                matches!(
                    block.feed_forward.activation,
                    Activation::Relu | Activation::Geglu
                ),
            ),
            ("no experts", block.experts.is_none()),
            (
                "no normalised queries",
                block.attention.query_key_norm.is_none(),
            ),
            (
                "as many key-value heads as heads",
                block.attention.key_value_heads == block.attention.heads,
            ),
            ("no cap on logits", plan.logit_cap.is_none()),
        ],
    )?;
    let mut pieces = vec![Piece::one("embedding.weight", "shared.weight")];
    if !plan.tied_head {
        pieces.push(Piece::one("head.weight", "lm_head.weight"));
    }
    for (stack, layers, crosses) in stacks(plan) {
        let weight = |ours: String, theirs: String| {
            Piece::one(format!("{ours}.weight"), format!("{theirs}.weight"))
        };
        let first = format!("{stack}.block.0.layer.0.SelfAttention.relative_attention_bias");
        pieces.push(weight(format!("{stack}.relative"), first));
        pieces.push(weight(
            format!("{stack}.norm"),
            format!("{stack}.final_layer_norm"),
        ));
        for layer in 0..layers {
            let ours = format!("{stack}.blocks.{layer}");
            let part =
                |index: i64, name: &str| format!("{stack}.block.{layer}.layer.{index}.{name}");
            let projections = |index: i64, attention: &str, parts: &[&str]| -> Vec<String> {
                let name = |projection: &&str| part(index, &format!("{attention}.{projection}"));
                parts.iter().map(name).collect()
            };
            let names = projections(0, "SelfAttention", &["q", "k", "v"]);
            if let Ok(names) = <[String; 3]>::try_from(names) {
                let parts = query_key_value(plan, names);
                pieces.extend(joined(
                    false,
                    &format!("{ours}.attention.query_key_value"),
                    &parts,
                ));
            }
            pieces.push(weight(
                format!("{ours}.attention.output"),
                part(0, "SelfAttention.o"),
            ));
            pieces.push(weight(
                format!("{ours}.attention_norm"),
                part(0, "layer_norm"),
            ));
            if crosses {
                let name = |projection: &str| part(1, &format!("EncDecAttention.{projection}"));
                let shared = block.attention.key_value_heads * block.attention.head_width;
                let key_value = [(name("k"), shared), (name("v"), shared)];
                pieces.push(weight(format!("{ours}.cross_attention.query"), name("q")));
                pieces.extend(joined(
                    false,
                    &format!("{ours}.cross_attention.key_value"),
                    &key_value,
                ));
                pieces.push(weight(format!("{ours}.cross_attention.output"), name("o")));
                pieces.push(weight(
                    format!("{ours}.cross_attention_norm"),
                    part(1, "layer_norm"),
                ));
            }
            let last = if crosses { 2 } else { 1 };
            let dense = |name: &str| part(last, &format!("DenseReluDense.{name}"));
            let inner = block.feed_forward.inner;
            if block.feed_forward.activation.is_gated() {
                let gate_up = [(dense("wi_0"), inner), (dense("wi_1"), inner)];
                pieces.extend(joined(
                    false,
                    &format!("{ours}.feed_forward.gate_up"),
                    &gate_up,
                ));
            } else {
                pieces.push(weight(format!("{ours}.feed_forward.up"), dense("wi")));
            }
            pieces.push(weight(format!("{ours}.feed_forward.down"), dense("wo")));
            pieces.push(weight(
                format!("{ours}.feed_forward_norm"),
                part(last, "layer_norm"),
            ));
        }
    }
    Ok(pieces)
}
