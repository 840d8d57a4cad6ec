//! Published sizes by name, and one dial for sizes that nobody published.

/// A published model: the keys of `[model]` that it has, and what it was published with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Preset {
    /// What a recipe calls it.
    pub name: &'static str,
    /// Keys of `[model]`, as TOML.
    pub keys: &'static str,
    /// Its tokenizer's ids.
    pub vocabulary: i64,
    /// Tokens in a row that it was trained with.
    pub context_length: i64,
    /// Its parameters with that vocabulary and context length.
    pub parameters: u64,
}

/// Sizes that recipes know by name. Sources: nanoGPT's configurations (Karpathy, 2022); the `config.json` of GPT-2, Llama 3, Qwen3,
/// Mistral, Mixtral, BERT and T5 as their authors published them.
pub const PRESETS: &[Preset] = &[
    preset(
        "nanogpt-tiny",
        "kind='transformer'\nstyle='gpt2'\nlayers=4\nheads=4\nwidth=128",
        [65, 64],
        804_096,
    ),
    preset(
        "nanogpt-baby",
        "kind='transformer'\nstyle='gpt2'\nlayers=6\nheads=6\nwidth=384",
        [65, 256],
        10_745_088,
    ),
    preset(
        "gpt2-124m",
        "kind='transformer'\nstyle='gpt2'\nlayers=12\nheads=12\nwidth=768\nbias=true\nactivation='gelu-tanh'",
        [50_257, 1024],
        124_439_808,
    ),
    preset(
        "gpt2-355m",
        "kind='transformer'\nstyle='gpt2'\nlayers=24\nheads=16\nwidth=1024\nbias=true\nactivation='gelu-tanh'",
        [50_257, 1024],
        354_823_168,
    ),
    preset(
        "gpt2-774m",
        "kind='transformer'\nstyle='gpt2'\nlayers=36\nheads=20\nwidth=1280\nbias=true\nactivation='gelu-tanh'",
        [50_257, 1024],
        774_030_080,
    ),
    preset(
        "gpt2-1558m",
        "kind='transformer'\nstyle='gpt2'\nlayers=48\nheads=25\nwidth=1600\nbias=true\nactivation='gelu-tanh'",
        [50_257, 1024],
        1_557_611_200,
    ),
    preset(
        "llama-1b",
        "kind='transformer'\nstyle='llama'\nlayers=16\nheads=32\nkey_value_heads=8\nwidth=2048\nfeed_forward_width=8192\ntied_head=true\nrotary_base=500000.0\nrotary_scaling={kind='llama3',factor=32.0,original_context_length=8192}",
        [128_256, 131_072],
        1_235_814_400,
    ),
    preset(
        "llama-3b",
        "kind='transformer'\nstyle='llama'\nlayers=28\nheads=24\nkey_value_heads=8\nwidth=3072\nfeed_forward_width=8192\ntied_head=true\nrotary_base=500000.0\nrotary_scaling={kind='llama3',factor=32.0,original_context_length=8192}",
        [128_256, 131_072],
        3_212_749_824,
    ),
    preset(
        "llama-8b",
        "kind='transformer'\nstyle='llama'\nlayers=32\nheads=32\nkey_value_heads=8\nwidth=4096\nfeed_forward_width=14336\nrotary_base=500000.0\nrotary_scaling={kind='llama3',factor=8.0,original_context_length=8192}",
        [128_256, 131_072],
        8_030_261_248,
    ),
    preset(
        "qwen3-0.6b",
        "kind='transformer'\nstyle='qwen3'\nlayers=28\nheads=16\nkey_value_heads=8\nhead_width=128\nwidth=1024\nfeed_forward_width=3072",
        [151_936, 40_960],
        596_049_920,
    ),
    preset(
        "qwen3-1.7b",
        "kind='transformer'\nstyle='qwen3'\nlayers=28\nheads=16\nkey_value_heads=8\nhead_width=128\nwidth=2048\nfeed_forward_width=6144",
        [151_936, 40_960],
        1_720_574_976,
    ),
    preset(
        "mistral-7b",
        "kind='transformer'\nstyle='llama'\nlayers=32\nheads=32\nkey_value_heads=8\nwidth=4096\nfeed_forward_width=14336\nwindow=4096",
        [32_000, 32_768],
        7_241_732_096,
    ),
    preset(
        "mixtral-8x7b",
        "kind='transformer'\nstyle='llama'\nlayers=32\nheads=32\nkey_value_heads=8\nwidth=4096\nfeed_forward_width=14336\nrotary_base=1000000.0\nexperts=8\nexperts_per_token=2",
        [32_000, 32_768],
        46_702_792_704,
    ),
    preset(
        "bert-base",
        "kind='transformer'\nstyle='bert'\nlayers=12\nheads=12\nwidth=768\ndropout=0.1",
        [30_522, 512],
        109_514_298,
    ),
    preset(
        "bert-large",
        "kind='transformer'\nstyle='bert'\nlayers=24\nheads=16\nwidth=1024\ndropout=0.1",
        [30_522, 512],
        335_174_458,
    ),
    preset(
        "t5-small",
        "kind='transformer'\nstyle='t5'\nlayers=6\nheads=8\nhead_width=64\nwidth=512\nfeed_forward_width=2048\ndropout=0.1",
        [32_128, 512],
        60_506_624,
    ),
    preset(
        "t5-base",
        "kind='transformer'\nstyle='t5'\nlayers=12\nheads=12\nhead_width=64\nwidth=768\nfeed_forward_width=3072\ndropout=0.1",
        [32_128, 512],
        222_903_552,
    ),
];

const fn preset(
    name: &'static str,
    keys: &'static str,
    [vocabulary, context_length]: [i64; 2],
    parameters: u64,
) -> Preset {
    Preset {
        name,
        keys,
        vocabulary,
        context_length,
        parameters,
    }
}

/// The preset of a name.
pub fn by_name(name: &str) -> Option<&'static Preset> {
    PRESETS.iter().find(|preset| preset.name == name)
}

/// What one dial decides: a modern decoder as deep as the number says.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Dial {
    /// Blocks: the number itself.
    pub layers: i64,
    /// 64 for each block, nanochat's proportion (2025).
    pub width: i64,
    /// Heads of 128 features, of 64 where the width is no multiple of 128.
    pub heads: i64,
    /// Training tokens: 12 for each value of a block's matrices, nanochat's ratio.
    pub tokens: u64,
    /// Tokens of a batch: 2^19 at 12 blocks, growing with the training tokens to the power 0.383 (nanochat's fit), a power of two,
    /// and at most a 500th of the training tokens.
    pub batch_tokens: u64,
    /// AdamW's: 6e-4 at a width of 768 (GPT-3's for 125 M parameters: Brown et al., 2020, table 2.1), inversely as the width
    /// (Yang et al., 2022).
    pub learning_rate: f64,
}

impl Dial {
    /// The model of a size from 1 to 64.
    pub fn new(size: i64) -> Self {
        let width = 64 * size;
        let tokens = |size: f64| 12.0 * 12.0 * size * (64.0 * size).powi(2);
        let own = tokens(size as f64);
        let batch = f64::from(1 << 19) * (own / tokens(12.0)).powf(0.383);
        let batch = batch.min(own / 500.0).max(256.0);
        Self {
            layers: size,
            width,
            heads: if size % 2 == 0 { size / 2 } else { size },
            tokens: own as u64,
            batch_tokens: 1 << (batch.log2().round() as u32),
            learning_rate: 6e-4 * 768.0 / width as f64,
        }
    }

    /// Keys of `[model]`, as TOML.
    pub fn model_keys(&self) -> String {
        format!(
            "kind='transformer'\nstyle='modern'\nlayers={}\nheads={}\nwidth={}",
            self.layers, self.heads, self.width
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Outputs, transformer};
    use kiln_tensor::{Builder, Precision};

    fn config(keys: &str) -> transformer::Config {
        let keys = keys.replace("kind='transformer'\n", "");
        let config: transformer::Config = toml::from_str(&keys).unwrap();
        config.check().unwrap();
        config
    }

    #[test]
    fn each_preset_has_as_many_parameters_as_were_published() {
        for preset in PRESETS {
            let draft = config(preset.keys).build(
                Builder::declaring(),
                preset.vocabulary,
                preset.context_length,
                Outputs::Tokens,
            );
            let size = draft.size(preset.context_length);
            assert_eq!(size.parameters(), preset.parameters, "{}", preset.name);
        }
        assert_eq!(by_name("gpt2-124m").unwrap().vocabulary, 50_257);
        assert!(by_name("gpt5").is_none());
    }

    #[test]
    fn what_is_declared_is_what_is_built() {
        for keys in [
            "style='gpt2'",
            "style='llama'\nexperts=3",
            "style='modern'",
            "style='bert'",
            "style='t5'",
        ] {
            let draft = |builder| config(keys).build(builder, 50, 16, Outputs::Tokens);
            let size = draft(Builder::declaring()).size(16);
            let network = draft(crate::checks::builder())
                .finish(Precision::Fp32)
                .unwrap();
            assert_eq!(size.parameters(), network.parameters.count(), "{keys}");
            let each = network.trunk.operations_per_token(16);
            assert_eq!(size.operations_per_token, each, "{keys}");
        }
    }

    /// GPT-2 124M at 1,024 tokens: 6 operations for each of 123.65 M weights of products, and 12 layers of attention.
    #[test]
    fn operations_are_those_of_the_formula() {
        let preset = by_name("gpt2-124m").unwrap();
        let draft = config(preset.keys).build(
            Builder::declaring(),
            preset.vocabulary,
            preset.context_length,
            Outputs::Tokens,
        );
        let products = 12.0 * 12.0 * 768.0 * 768.0 + 50_257.0 * 768.0;
        let expected = 6.0 * products + 12.0 * 12.0 * 768.0 * 1024.0;
        assert_eq!(draft.size(1024).operations_per_token, expected);
    }

    #[test]
    fn a_larger_dial_is_a_larger_model_trained_longer_at_a_lower_rate() {
        let twelve = Dial::new(12);
        assert_eq!(
            (twelve.width, twelve.heads, twelve.batch_tokens),
            (768, 6, 1 << 19)
        );
        assert!((twelve.learning_rate - 6e-4).abs() < 1e-12);
        assert_eq!(twelve.tokens, 1_019_215_872);
        for size in 1..32 {
            let (small, large) = (Dial::new(size), Dial::new(size + 1));
            assert!(small.tokens < large.tokens && small.batch_tokens <= large.batch_tokens);
            assert!(small.learning_rate > large.learning_rate);
            config(&small.model_keys());
        }
    }
}
