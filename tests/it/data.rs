//! What needs data sets that are not in the repository: run with KILN_DATA naming their folder.

use serde_json::Value;

use crate::workspace;

/// nanoGPT's own program, with its CPU recipe, reached 1.898 on the whole held-out split.
#[test]
#[ignore = "needs KILN_DATA"]
fn shakespeare_reaches_nanogpts_own_result() {
    let data = std::env::var("KILN_DATA").expect("KILN_DATA names the folder of data sets");
    let source = format!("corpus.sources=[{{path=\"{data}/tinyshakespeare/input.txt\"}}]");
    let recipe = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../configs/shakespeare-char.toml"
    );
    let workspace = workspace();
    let set = ["--set", &source, "--set", "evaluate.every_steps=1000"];
    let arguments = [&["run", recipe, "--run-dir", "run", "--json"], &set[..]].concat();
    let answer = workspace.kiln(&arguments);
    assert_eq!(answer.code, 0, "{}", answer.stderr);
    let summary: Value = serde_json::from_str(&answer.stdout).unwrap();
    let loss = summary["scores"]["loss"].as_f64().unwrap();
    assert!((loss - 1.898).abs() < 0.03, "{loss}");
    let manifest: Value =
        serde_json::from_slice(&workspace.read("run/dataset/manifest.json")).unwrap();
    assert_eq!(manifest["counts"]["train_tokens"], 1_003_854);
    assert_eq!(manifest["counts"]["validation_tokens"], 111_540);
    assert_eq!(manifest["details"]["vocabulary_size"], 65);
}
