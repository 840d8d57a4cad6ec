//! Keys that stand for others: a published size, and the dial of sizes.

use kiln_models::presets::{Dial, PRESETS, by_name};
use kiln_recipe::Recipe;

use crate::Error;

const PRESET: &str = "preset";
const SIZE: &str = "size";

/// Put in the place of `model.preset` and `model.size` what they stand for. Keys that the recipe has itself stay as they are.
///
/// # Errors
/// No such preset, a size that is none, or both; a mistake.
pub(crate) fn expand(recipe: &mut Recipe) -> Result<(), Error> {
    let preset: Option<String> = recipe.peek("model", PRESET)?;
    let size: Option<i64> = recipe.peek("model", SIZE)?;
    match (preset, size) {
        (None, None) => Ok(()),
        (Some(_), Some(_)) => {
            let problem = "a preset has a size of its own: keep one of `preset` and `size`";
            Err(recipe.error_at("model", SIZE, problem).into())
        }
        (Some(name), None) => {
            let Some(preset) = by_name(&name) else {
                let known: Vec<&str> = PRESETS.iter().map(|preset| preset.name).collect();
                let problem = format!("expected one of {}", known.join(", "));
                return Err(recipe.error_at("model", PRESET, &problem).into());
            };
            recipe.remove("model", PRESET);
            Ok(recipe.fill("model", preset.keys)?)
        }
        (None, Some(size)) if (1..=64).contains(&size) => {
            recipe.remove("model", SIZE);
            dial(recipe, &Dial::new(size))
        }
        (None, Some(_)) => Err(recipe.error_at("model", SIZE, "expected 1 to 64").into()),
    }
}

fn dial(recipe: &mut Recipe, dial: &Dial) -> Result<(), Error> {
    recipe.fill("model", &dial.model_keys())?;
    let kind: Option<String> = recipe.peek("optimizer", "kind")?;
    if kind.is_none_or(|kind| kind == "adamw") {
        let keys = format!(
            "kind='adamw'\nlearning_rate={:e}\nbetas=[0.9,0.95]\nweight_decay=0.1",
            dial.learning_rate
        );
        recipe.fill("optimizer", &keys)?;
    }
    let context_length: Option<u64> = recipe.peek("dataset", "context_length")?;
    let context_length = match context_length {
        Some(length) => length.max(1),
        None => kiln_dataset::Config::default().context_length as u64,
    };
    let rows = (dial.batch_tokens / context_length).max(1);
    recipe.fill("train", &format!("batch_size={rows}"))?;
    let mut given = false;
    for length in ["steps", "epochs", "tokens"] {
        given |= recipe.peek::<f64>("train", length)?.is_some();
    }
    if !given {
        recipe.fill("train", &format!("tokens={}", dial.tokens))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Design, ModelConfig};

    const DATA: &str = "name = 'x'\n[corpus]\nsources = [{ format = 'stories', documents = 10 }]\n\
        [tokenizer]\nkind = 'byte'\n[task]\nkind = 'language-model'\n[dataset]\ncontext_length = 64\n";

    fn read(rest: &str) -> Result<Design, String> {
        let mut recipe = Recipe::parse(&format!("{DATA}{rest}"), "recipe.toml", &[]).unwrap();
        expand(&mut recipe).map_err(|error| error.to_string())?;
        let design = Design::read(&recipe).map_err(|error| error.to_string())?;
        recipe.finish().map_err(|error| error.to_string())?;
        Ok(design)
    }

    #[test]
    fn a_preset_is_its_keys_and_those_that_are_given() {
        let design = read(
            "[model]\npreset = 'llama-1b'\nlayers = 3\n[optimizer]\nkind = 'adamw'\nlearning_rate = 1e-3\n[train]\nsteps = 1\n",
        );
        let ModelConfig::Transformer(config) = design.unwrap().model else {
            panic!("no Transformer");
        };
        assert_eq!((config.layers, config.width), (3, 2048));
        assert_eq!(config.key_value_heads, Some(8));
    }

    #[test]
    fn the_dial_decides_what_a_recipe_does_not() {
        let design = read("[model]\nsize = 4\n[train]\nbatch_size = 7\n").unwrap();
        let dial = Dial::new(4);
        assert_eq!(design.train.tokens, Some(dial.tokens));
        assert_eq!(design.train.batch_size, 7);
        assert!((design.optimizer.learning_rate() - dial.learning_rate).abs() < 1e-12);
        let design = read("[model]\nsize = 4\n[train]\nsteps = 9\n").unwrap();
        assert_eq!(design.train.steps, Some(9));
        assert_eq!(design.train.batch_size, dial.batch_tokens / 64);
    }

    #[test]
    fn what_is_no_size_is_refused_with_its_line() {
        let refused = |model: &str| read(&format!("[model]\n{model}\n")).unwrap_err();
        let message = refused("preset = 'gpt5'");
        assert!(
            message.starts_with("recipe.toml:11: [model] preset = \"gpt5\": expected one of"),
            "{message}"
        );
        assert!(
            message.contains("expected one of nanogpt-tiny, "),
            "{message}"
        );
        assert!(refused("size = 0").contains("size = 0: expected 1 to 64"));
        assert!(refused("size = 2\npreset = 'llama-1b'").contains("keep one of"));
        assert!(refused("size = 'big'").contains("recipe.toml:11"));
    }
}
