//! The verbs about words, as they are typed.

use crate::workspace;

#[test]
fn words_go_from_stream_to_stream() {
    let workspace = workspace();
    let run = |arguments: &[&str], input: &str| {
        let answer = workspace.kiln_with_input(arguments, input);
        assert_eq!(answer.code, 0, "{}", answer.stderr);
        answer.stdout
    };
    let stems = run(&["stem", "--language", "english"], "running\nponies\n");
    assert_eq!(stems, "run\nponi\n");
    assert!(run(&["stem", "--languages"], "").contains("swedish sv"));
    let spans = run(
        &["segment", "--language", "en", "--json"],
        "Go home. Now!\n",
    );
    assert_eq!(
        spans,
        "{\"sentences\":[[0,8],[9,13]],\"tokens\":[[0,2],[3,7],[7,8],[9,12],[12,13]]}\n"
    );
    let conllu = "1\tchildren\t_\tNOUN\tNNS\t_\t_\t_\t_\t_\n\n";
    let lemmas = [
        "lemmatize",
        "--language",
        "english",
        "--conllu",
        "--gold-tags",
    ];
    assert_eq!(run(&lemmas, conllu), conllu.replacen('_', "child", 1));
}

#[test]
fn a_model_of_ones_own_is_trained_scored_and_used() {
    let workspace = workspace();
    let treebank: String = (0..40)
        .map(|number| {
            let (form, lemma) = [("Katzen", "Katze"), ("Hunde", "Hund")][number % 2];
            format!(
                "1\t{form}\t{lemma}\tNOUN\t_\t_\t_\t_\t_\t_\n2\t.\t.\tPUNCT\t_\t_\t_\t_\t_\t_\n\n"
            )
        })
        .collect();
    workspace.write("german.conllu", &treebank);
    let train = ["lemmatizer", "train", "german.conllu", "--output", "german"];
    assert_eq!(workspace.kiln(&train).code, 0);
    let score = workspace.kiln(&[
        "lemmatizer",
        "score",
        "--model",
        "german",
        "german.conllu",
        "--json",
    ]);
    assert!(score.stdout.contains("\"lemmas\":1.0"), "{}", score.stdout);
    let lemmas = workspace.kiln_with_input(&["lemmatize", "--model", "german"], "Hunde .\n");
    assert_eq!(lemmas.stdout, "Hund .\n");
}

#[test]
fn mistakes_about_words_are_one_line() {
    let workspace = workspace();
    workspace.write("nine.conllu", "1\ta\ta\tX\t_\t_\t_\t_\t_\n\n");
    for (arguments, expected) in [
        (&["stem", "--language", "klingon"][..], "no stemmer"),
        (
            &["lemmatize", "--language", "klingon"],
            "kiln lemmatizer train",
        ),
        (&["segment", "--model", "missing"], "missing"),
        (
            &["lemmatizer", "train", "nine.conllu", "--output", "x"],
            "nine.conllu:1:",
        ),
        (
            &["lemmatizer", "score", "--language", "en", "nine.conllu"],
            "nine.conllu:1:",
        ),
        (
            &[
                "segmenter",
                "train",
                "nine.conllu",
                "--language",
                "en",
                "--output",
                "x",
            ],
            "nine.conllu:1:",
        ),
    ] {
        let answer = workspace.kiln_with_input(arguments, "");
        assert_eq!(answer.code, 2, "{arguments:?}: {}", answer.stderr);
        assert!(
            answer.error().contains(expected),
            "{arguments:?}: {}",
            answer.error()
        );
    }
    assert!(!workspace.path("x").exists());
}
