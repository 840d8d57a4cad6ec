//! Recipes right and wrong, through the public interface, with sections like those of real rooms.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;

use expect_test::{Expect, expect};
use proptest::prelude::*;
use serde::{Deserialize, Serialize};

use crate::{Error, Recipe, Resolved};

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Corpus {
    sources: Vec<Source>,
    #[serde(default)]
    split: Split,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Source {
    path: Option<String>,
    #[serde(default)]
    format: Format,
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Format {
    #[default]
    Text,
    Markdown,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Split {
    validation: f64,
    seed: u64,
}

impl Default for Split {
    fn default() -> Self {
        Self {
            validation: 0.1,
            seed: 0,
        }
    }
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
enum Tokenizer {
    Character,
    Bpe {
        vocabulary_size: usize,
        #[serde(default)]
        special_tokens: Vec<String>,
    },
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Transformer {
    layers: NonZeroUsize,
    #[serde(default)]
    dropout: f64,
    #[serde(default)]
    bias: bool,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct AdamW {
    learning_rate: f64,
    #[serde(default = "betas")]
    betas: [f64; 2],
    #[serde(default, skip_serializing_if = "Option::is_none")]
    note: Option<String>,
}

fn betas() -> [f64; 2] {
    [0.9, 0.999]
}

fn resolve(text: &str, overrides: &[&str]) -> Result<Resolved, Error> {
    let overrides: Vec<_> = overrides.iter().map(|text| (*text).to_owned()).collect();
    let recipe = Recipe::parse(text, "r.toml", &overrides)?;
    recipe.top::<String>("name")?;
    recipe.top_or("seed", 1337_u64)?;
    recipe.required::<Corpus>("corpus")?;
    recipe.section::<Tokenizer>("tokenizer")?;
    if recipe.kind("model", &["transformer", "rnn"])? == Some("transformer") {
        recipe.section_of_kind::<Transformer>("model")?;
    }
    recipe.section::<AdamW>("optimizer")?;
    recipe.section::<BTreeMap<String, u8>>("counts")?;
    recipe.leave(&["serve"]);
    recipe.finish()
}

const GOOD: &str = r#"name = "first"
[corpus]
sources = [
  { path = "a.txt" },
  { path = "b.md", format = "markdown" },
]
[tokenizer]
kind = "bpe"
vocabulary_size = 512
[model]
kind = "transformer"
layers = 4
[optimizer]
learning_rate = 1e-3
[serve]
address = "127.0.0.1:8080" # as written
"#;

#[test]
fn the_resolved_recipe_says_where_each_value_came_from() {
    let resolved = resolve(
        GOOD,
        &["model.dropout=0.2", "corpus.sources.0.path=x y.txt"],
    )
    .unwrap();
    expect![[r#"
        name = "first" # recipe line 1
        seed = 1337 # default

        [corpus]

        [[corpus.sources]]
        path = "x y.txt" # --set
        format = "text" # default

        [[corpus.sources]]
        path = "b.md" # recipe line 5
        format = "markdown" # recipe line 5

        [corpus.split]
        validation = 0.1 # default
        seed = 0 # default

        [tokenizer]
        kind = "bpe" # recipe line 8
        vocabulary_size = 512 # recipe line 9
        special_tokens = [] # default

        [model]
        kind = "transformer" # recipe line 11
        layers = 4 # recipe line 12
        dropout = 0.2 # --set
        bias = false # default

        [optimizer]
        learning_rate = 0.001 # recipe line 14
        betas = [0.9, 0.999] # default

        [serve]
        address = "127.0.0.1:8080" # recipe line 16
    "#]]
    .assert_eq(&resolved.text());
}

fn wrong(text: &str, overrides: &[&str], expected: Expect) {
    let error = resolve(text, overrides).expect_err(text);
    assert!(error.is_mistake());
    let message = error.to_string();
    assert!(!message.contains('\n'), "{message}");
    expected.assert_eq(&message);
}

const CORPUS: &str = "[corpus]\nsources = [{ path = 'a' }]\n";

/// A recipe that is right but for what follows its first two lines.
fn wrong_after_corpus(text: &str, expected: Expect) {
    wrong(&format!("{CORPUS}{text}"), &[], expected);
}

#[test]
fn unknown_names_are_said_with_their_line_and_the_nearest_known_one() {
    wrong_after_corpus(
        "[optimizer]\nlearning_rate = 1e-3\nbeta = [0.9, 0.99]\n",
        expect!["r.toml:5: unknown key `beta` in [optimizer]; did you mean `betas`?"],
    );
    wrong_after_corpus(
        "[optimizer]\nmomentum = 1\n",
        expect![
            "r.toml:4: unknown key `momentum` in [optimizer]; known: `learning_rate`, `betas`, `note`"
        ],
    );
    wrong(
        "[corpus]\nsources = [\n {path = 'a'},\n {path = 'b', fromat = 'text'}]\n",
        &[],
        expect!["r.toml:4: unknown key `fromat` in [corpus] sources[1]; did you mean `format`?"],
    );
    wrong_after_corpus(
        "[corpus.split]\nvalidaton = 0.2\n",
        expect!["r.toml:4: unknown key `validaton` in [corpus.split]; did you mean `validation`?"],
    );
    // In an enum told apart by `kind`, serde buffers the table: the line is found again.
    wrong_after_corpus(
        "[tokenizer]\nkind = 'bpe'\nvocabulary_size = 300\nspecial_token = []\n",
        expect![
            "r.toml:6: unknown key `special_token` in [tokenizer]; did you mean `special_tokens`?"
        ],
    );
    wrong_after_corpus(
        "[optimiser]\nlearning_rate = 1\n",
        expect!["r.toml:3: unknown section [optimiser]; did you mean [optimizer]?"],
    );
    wrong(
        &format!("sed = 3\n{CORPUS}"),
        &[],
        expect!["r.toml:1: unknown key `sed`; did you mean `seed`?"],
    );
    wrong_after_corpus(
        "[tokenizer]\nkind = 'bpee'\n",
        expect![[r#"r.toml:4: [tokenizer] kind = "bpee": unknown; did you mean "bpe"?"#]],
    );
    wrong_after_corpus(
        "[model]\nkind = 'transfromer'\n",
        expect![[
            r#"r.toml:4: [model] kind = "transfromer": unknown; did you mean "transformer"?"#
        ]],
    );
    wrong_after_corpus(
        "[model]\nkind = 'cnn'\n",
        expect![[r#"r.toml:4: [model] kind = "cnn": unknown; known: "transformer", "rnn""#]],
    );
    wrong(
        "[corpus]\nsources = [{ path = 'a', format = 'txt' }]",
        &[],
        expect![[r#"r.toml:2: [corpus] sources[0].format = "txt": unknown; did you mean "text"?"#]],
    );
}

#[test]
fn wrong_types_are_said_in_the_words_of_toml() {
    wrong_after_corpus(
        "[model]\nkind = 'transformer'\nlayers = \"four\"\n",
        expect![[r#"r.toml:5: [model] layers = "four": expected a whole number, 1 or more"#]],
    );
    wrong_after_corpus(
        "[model]\nkind = 'transformer'\nlayers = 0\n",
        expect!["r.toml:5: [model] layers = 0: expected a whole number, 1 or more"],
    );
    wrong_after_corpus(
        "[model]\nkind = 'transformer'\nlayers = 4\nbias = 1\n",
        expect!["r.toml:6: [model] bias = 1: expected true or false"],
    );
    wrong_after_corpus(
        "[optimizer]\nlearning_rate = '1e-3'\n",
        expect![[r#"r.toml:4: [optimizer] learning_rate = "1e-3": expected a number"#]],
    );
    wrong_after_corpus(
        "[optimizer]\nlearning_rate = 1\nbetas = [0.9]\n",
        expect!["r.toml:5: [optimizer] betas = [0.9]: expected an array of 2 values"],
    );
    wrong_after_corpus(
        "[optimizer]\nlearning_rate = 1\nbetas = [\n 0.9,\n '0.99']\n",
        expect![[r#"r.toml:7: [optimizer] betas[1] = "0.99": expected a number"#]],
    );
    wrong_after_corpus(
        "[optimizer]\nlearning_rate = 1979-05-27\n",
        expect!["r.toml:4: [optimizer] learning_rate = 1979-05-27: expected a number"],
    );
    wrong_after_corpus(
        "[tokenizer]\nkind = 'bpe'\nvocabulary_size = 'many'\n",
        expect![[
            r#"r.toml:5: [tokenizer] vocabulary_size = "many": expected a whole number, 0 or more"#
        ]],
    );
    wrong_after_corpus(
        "[counts]\na = 1\nb = 256\n",
        expect!["r.toml:5: [counts] b = 256: expected a whole number from 0 to 255"],
    );
    wrong(
        "[corpus]\nsources = 'input.txt'\n",
        &[],
        expect![[r#"r.toml:2: [corpus] sources = "input.txt": expected an array [..]"#]],
    );
    wrong(
        "corpus = 'input.txt'\n",
        &[],
        expect![[r#"r.toml:1: corpus = "input.txt": expected a table { key = value, .. }"#]],
    );
    wrong(
        "model = 3\n[corpus]\nsources = []\n",
        &[],
        expect!["r.toml:1: model = 3: expected a table"],
    );
    wrong(
        "name = ['a']\n[corpus]\nsources = []\n",
        &[],
        expect![[r#"r.toml:1: name = ["a"]: expected text in quotes"#]],
    );
}

#[test]
fn what_is_missing_is_named_with_an_example_of_its_type() {
    wrong(
        "name = 'x'\n",
        &[],
        expect![
            "r.toml: there is no section [corpus]; add one with for example `sources = [{ .. }]`"
        ],
    );
    wrong(
        "name = 'x'\n[corpsu]\nsources = []\n",
        &[],
        expect!["r.toml:2: unknown section [corpsu]; did you mean [corpus]?"],
    );
    wrong_after_corpus(
        "[model]\nkind = 'transformer'\n",
        expect!["r.toml:3: [model] has no `layers`; add for example `layers = 64`"],
    );
    wrong_after_corpus(
        "[model]\nlayers = 4\n",
        expect![[r#"r.toml:3: [model] has no `kind`; add one of "transformer", "rnn""#]],
    );
    wrong_after_corpus(
        "[optimizer]\n",
        expect![
            "r.toml:3: [optimizer] has no `learning_rate`; add for example `learning_rate = 0.1`"
        ],
    );
    wrong_after_corpus(
        "[tokenizer]\nvocabulary_size = 4\n",
        expect![[r#"r.toml:3: [tokenizer] has no `kind`; add for example `kind = "character"`"#]],
    );
    wrong_after_corpus(
        "[tokenizer]\nkind = 'bpe'\n",
        expect![
            "r.toml:3: [tokenizer] has no `vocabulary_size`; add for example `vocabulary_size = 64`"
        ],
    );
}

#[test]
fn overrides_are_named_in_their_errors() {
    wrong(
        GOOD,
        &["seed=1", "model.layrs=4"],
        expect!["--set model.layrs=4: unknown key `layrs` in [model]; did you mean `layers`?"],
    );
    wrong(
        GOOD,
        &["model.layers=four"],
        expect![[
            r#"--set model.layers=four: [model] layers = "four": expected a whole number, 1 or more"#
        ]],
    );
    wrong(
        GOOD,
        &["modle.layers=4"],
        expect!["--set modle.layers=4: unknown section [modle]; did you mean [model]?"],
    );
    wrong(
        GOOD,
        &["model.layers"],
        expect!["--set model.layers: expected key=value, as in schedule.warmup_steps=100"],
    );
    wrong(
        GOOD,
        &["model..layers=1"],
        expect![[r#"--set model..layers=1: "model..layers" is not a key"#]],
    );
    wrong(
        GOOD,
        &["name.first=1"],
        expect![
            "--set name.first=1: `name.first` cannot be set: what is before `.first` is a single value, not a table"
        ],
    );
    wrong(
        GOOD,
        &["corpus.sources.2.path=a"],
        expect![[
            r#"--set corpus.sources.2.path=a: `corpus.sources.2`: an array of 2 items has no "2""#
        ]],
    );
}

#[test]
fn syntax_errors_name_line_and_column() {
    wrong(
        "name = \"x\"\nseed = = 3\n",
        &[],
        expect!["r.toml:2:8: not TOML: extra `=`, expected nothing"],
    );
    wrong(
        "[corpus]\nsources = [\n",
        &[],
        expect!["r.toml:2:12: not TOML: unclosed array, expected `]`"],
    );
    wrong(
        "seed = 1\nseed = 2\n",
        &[],
        expect!["r.toml:2:1: not TOML: duplicate key"],
    );
    wrong(
        "seed = 9223372036854775808\n",
        &[],
        expect![
            "r.toml:1: 9223372036854775808 is out of range: whole numbers go up to 9223372036854775807"
        ],
    );
}

#[test]
fn rooms_own_checks_point_into_the_file() {
    let recipe = Recipe::parse(GOOD, "r.toml", &["model.layers=3".to_owned()]).unwrap();
    let at = |section, key| recipe.error_at(section, key, "too many").to_string();
    assert_eq!(
        at("tokenizer", "vocabulary_size"),
        "r.toml:9: [tokenizer] vocabulary_size = 512: too many"
    );
    assert_eq!(
        at("corpus", "sources.1.path"),
        "r.toml:5: [corpus] sources[1].path = \"b.md\": too many"
    );
    assert_eq!(
        at("model", "layers"),
        "--set model.layers=3: [model] layers = 3: too many"
    );
    assert_eq!(at("model", "width"), "r.toml:10: [model] width: too many");
    assert_eq!(
        at("schedule", "steps"),
        "r.toml: [schedule] steps: too many"
    );
    assert_eq!(at("", "name"), "r.toml:1: name = \"first\": too many");
}

#[test]
fn values_of_overrides_are_toml_or_else_text() {
    for (text, expected) in [
        ("name=plain words", "name = \"plain words\""),
        ("name=\"quoted\"", "name = \"quoted\""),
        ("name=a = b", "name = \"a = b\""),
        ("optimizer.betas=[0.5, 1]", "betas = [0.5, 1.0]"),
        ("optimizer={ learning_rate = 2 }", "learning_rate = 2.0"),
        ("counts.\"odd key\"=7", "\"odd key\" = 7"),
    ] {
        let resolved = resolve(GOOD, &[text]).unwrap().text();
        assert!(
            resolved.contains(&format!("{expected} # --set")),
            "{resolved}"
        );
    }
}

#[test]
fn the_first_difference_is_described() {
    let resolved = resolve(GOOD, &[]).unwrap();
    let check = |overrides: &[&str], expected: Expect| {
        let other = resolve(GOOD, overrides).unwrap().text();
        let difference = resolved.first_difference(&other).unwrap_or_default();
        assert_eq!(resolved.same_as(&other), difference.is_empty());
        expected.assert_eq(&difference);
    };
    check(&[], expect![""]);
    check(&["model.dropout=0"], expect![""]);
    check(
        &["model.layers=6"],
        expect!["`model.layers` is 6 there and 4 here"],
    );
    check(
        &["corpus.sources.1.path=c"],
        expect![[r#"`corpus.sources.1.path` is "c" there and "b.md" here"#]],
    );
    check(
        &["optimizer.note=x"],
        expect![[r#"`optimizer.note` is "x" there and not set here"#]],
    );
    check(
        &["corpus.split.validation=0.2"],
        expect!["`corpus.split.validation` is 0.2 there and 0.1 here"],
    );
    // Sections left to others: more may be set there, but nothing differently.
    check(&["serve.workers=4"], expect![""]);
    check(
        &["serve.address=x"],
        expect![[r#"`serve.address` is "x" there and "127.0.0.1:8080" here"#]],
    );
    // A recipe stored before a key existed did what its default does.
    let older = resolved.text().replace("seed = 0 # default\n", "");
    assert!(resolved.same_as(&older));
    let without = resolved.text().replace("layers = 4 # recipe line 12\n", "");
    expect!["`model.layers` is not set there and 4 here"]
        .assert_eq(&resolved.first_difference(&without).unwrap_or_default());
}

#[test]
fn files_that_cannot_be_read_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let missing = Recipe::load(&folder.path().join("no.toml"), &[]).unwrap_err();
    assert!(missing.is_mistake());
    assert!(
        missing
            .to_string()
            .ends_with("no.toml: no such file or folder")
    );
    let path = folder.path().join("binary.toml");
    std::fs::write(&path, b"name = \"\xff\"").unwrap();
    let binary = Recipe::load(&path, &[]).unwrap_err().to_string();
    assert!(binary.contains("not UTF-8 at byte 8"), "{binary}");
    std::fs::write(&path, "\u{feff}name = 'x'").unwrap();
    let recipe = Recipe::load(&path, &[]).unwrap();
    assert_eq!(recipe.folder(), folder.path());
    assert_eq!(recipe.top::<String>("name").unwrap().as_deref(), Some("x"));
}

/// Any TOML value, as a tree of the toml crate.
fn any_value() -> impl Strategy<Value = toml::Value> {
    let leaf = prop_oneof![
        any::<i64>().prop_map(toml::Value::Integer),
        any::<f64>().prop_map(toml::Value::Float),
        any::<bool>().prop_map(toml::Value::Boolean),
        any::<String>().prop_map(toml::Value::String),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(toml::Value::Array),
            prop::collection::btree_map(any::<String>(), inner, 0..4)
                .prop_map(|map| toml::Value::Table(map.into_iter().collect())),
        ]
    })
}

proptest! {
    /// What is written is a recipe that resolves to the same values, whatever they are.
    #[test]
    fn the_resolved_text_resolves_to_itself(
        values in prop::collection::btree_map(any::<String>(), any_value(), 0..5),
    ) {
        let recipe = Recipe::parse("", "r.toml", &[]).unwrap();
        for (key, value) in &values {
            recipe.top_or(key, value.clone()).unwrap();
        }
        let resolved = recipe.finish().unwrap();
        let text = resolved.text();
        let again = Recipe::parse(&text, "r.toml", &[]).unwrap();
        for key in values.keys() {
            again.top::<toml::Value>(key).unwrap();
        }
        let again = again.finish().unwrap();
        prop_assert_eq!(resolved.first_difference(&again.text()), None);
        prop_assert_eq!(again.first_difference(&text), None);
    }

    /// No text makes the parser panic, and what it refuses it refuses in one line.
    #[test]
    fn hostile_texts_are_refused_in_one_line(text in "[\\[\\]={}a-c.\"'\n #0-9,]{0,60}") {
        let overrides = [text.clone()];
        for (text, overrides) in [(text.as_str(), &[][..]), ("", &overrides)] {
            let refused = Recipe::parse(text, "r.toml", overrides)
                .and_then(|recipe| recipe.finish().map(|_| ()))
                .err();
            if let Some(error) = refused {
                prop_assert!(!error.to_string().contains('\n'), "{}", error);
            }
        }
    }
}
