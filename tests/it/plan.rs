//! `kiln plan`: what a recipe comes to, before anything is run.

use std::fs;

use serde_json::Value;

use crate::workspace;

#[test]
fn every_recipe_that_comes_along_is_read_and_counted() {
    let workspace = workspace();
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../configs");
    let mut counted = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let recipe = path.to_str().unwrap();
        let answer = workspace.kiln(&["plan", recipe, "--json"]);
        if answer.code == 0 {
            let plan: Value = serde_json::from_str(&answer.stdout).unwrap();
            assert!(plan["parameters"].as_u64().unwrap() > 1000, "{recipe}");
            assert!(plan["operations_per_token"].as_f64().unwrap() > 1000.0);
            counted += 1;
        } else {
            // Characters and classes are known when the text was read.
            assert_eq!(answer.code, 2, "{recipe}: {}", answer.stderr);
            assert!(
                answer
                    .stderr
                    .contains("is not known before the data is prepared"),
                "{recipe}: {}",
                answer.stderr
            );
        }
    }
    assert!(counted >= 5, "{counted}");
}

#[test]
fn a_published_size_is_counted_without_memory_for_it() {
    let workspace = workspace();
    let recipe = "name = 'large'\n[corpus]\nsources = [{ format = 'stories', documents = 10 }]\n\
        [tokenizer]\nkind = 'bpe'\nvocabulary_size = 32000\n[task]\nkind = 'language-model'\n\
        [dataset]\ncontext_length = 32768\n[model]\npreset = 'PRESET'\n\
        [optimizer]\nkind = 'adamw'\nlearning_rate = 1e-4\n[train]\nsteps = 10\nprecision = 'bf16'\n";
    let plan = |preset: &str, more: &[&str]| {
        workspace.write("large.toml", recipe.replace("PRESET", preset));
        workspace.kiln(&[&["plan", "large.toml"], more].concat())
    };
    let answer = plan("mixtral-8x7b", &[]);
    assert_eq!(answer.code, 0, "{}", answer.stderr);
    assert!(
        answer.stdout.contains("parameters  46,702,792,704\n"),
        "{}",
        answer.stdout
    );
    // bf16 beside fp32 masters, gradients and two averages: 18 bytes for each of 7,241,732,096 parameters.
    let answer = plan("mistral-7b", &["--json"]);
    let plan_of: Value = serde_json::from_str(&answer.stdout).unwrap();
    let bytes = ["weight_bytes", "gradient_bytes", "optimizer_bytes"]
        .map(|key| plan_of[key].as_u64().unwrap());
    assert_eq!(bytes.iter().sum::<u64>(), 18 * 7_241_732_096);
    let answer = plan("mistral-8b", &[]);
    assert_eq!(answer.code, 2);
    assert!(
        answer
            .stderr
            .contains("large.toml:12: [model] preset = \"mistral-8b\": expected one of"),
        "{}",
        answer.stderr
    );
    assert!(!workspace.path("runs").exists());
}
