//! The verbs about words, stream to stream.

use std::path::PathBuf;

use kiln_pipeline::{
    Error, LemmatizeForm, ModelChoice, lemmatize, score_lemmatizer, score_segmenter, segment, stem,
    stem_languages, train_lemmatizer, train_segmenter,
};
use serde_json::{Value, json};

fn english() -> ModelChoice {
    ModelChoice::Language("english".to_owned())
}

fn text(run: impl FnOnce(&mut Vec<u8>) -> Result<(), Error>) -> Result<String, String> {
    let mut out = Vec::new();
    run(&mut out).map_err(|error| {
        assert!(error.is_mistake(), "{error}");
        error.to_string()
    })?;
    Ok(String::from_utf8(out).unwrap())
}

/// Sentences of "The cats sat." and their like.
fn treebank(sentences: usize) -> String {
    let nouns = [("cats", "cat"), ("dogs", "dog"), ("hens", "hen")];
    let verbs = [("sat", "sit"), ("ran", "run"), ("hid", "hide")];
    (0..sentences)
        .map(|number| {
            let (noun, verb) = (nouns[number % 3], verbs[number / 3 % 3]);
            format!(
                "1\tThe\tthe\tDET\tDT\t_\t_\t_\t_\t_\n\
                 2\t{}\t{}\tNOUN\tNNS\t_\t_\t_\t_\t_\n\
                 3\t{}\t{}\tVERB\tVBD\t_\t_\t_\t_\tSpaceAfter=No\n\
                 4\t.\t.\tPUNCT\t.\t_\t_\t_\t_\t_\n\n",
                noun.0, noun.1, verb.0, verb.1
            )
        })
        .collect()
}

#[test]
fn words_become_stems_line_by_line() {
    let run = |language: &str, algorithm: &str, input: &str| {
        text(|out| stem(language, algorithm, input.as_bytes(), out))
    };
    assert_eq!(
        run("english", "snowball", "Running\r\n\nponies").unwrap(),
        "run\n\nponi\n"
    );
    assert_eq!(run("de", "snowball", "Häuser\n").unwrap(), "haus\n");
    assert_eq!(run("en", "lancaster", "maximum\n").unwrap(), "maxim\n");
    for (language, algorithm, expected) in [
        ("englsh", "snowball", "did you mean english"),
        ("german", "porter", "no rules for german"),
        ("english", "porte", "expected snowball, porter"),
    ] {
        let message = run(language, algorithm, "a\n").unwrap_err();
        assert!(message.contains(expected), "{message}");
    }
    let message = text(|out| stem("en", "snowball", &b"a\n\xff\n"[..], out)).unwrap_err();
    assert!(message.starts_with("input:2: not UTF-8"), "{message}");
    let listed = text(|out| stem_languages(out)).unwrap();
    assert!(
        listed.lines().any(|line| line == "german de deu ger"),
        "{listed}"
    );
}

#[test]
fn texts_become_lemmas() {
    let run = |form, input: &str| text(|out| lemmatize(&english(), form, input.as_bytes(), out));
    let lemmas = run(
        LemmatizeForm::Text,
        "The children were flying.\n\nShe went home.",
    )
    .unwrap();
    assert_eq!(lemmas, "the child be fly .\n\nshe go home .\n");
    let line = run(LemmatizeForm::Json, "Ünique children.\n").unwrap();
    let line: Value = serde_json::from_str(&line).unwrap();
    assert_eq!(
        line["tokens"][1],
        json!({"form": "children", "lemma": "child", "upos": "NOUN", "start": 7, "end": 15})
    );
    let blank = treebank(2).replace("cat\t", "_\t").replace("sit\t", "_\t");
    let conllu = LemmatizeForm::Conllu { gold_tags: true };
    assert_eq!(run(conllu, &blank).unwrap(), treebank(2));
    let nine = treebank(1).replace("4\t.\t.\tPUNCT\t.\t_", "4\t.\t.\tPUNCT\t.");
    let message = run(conllu, &nine).unwrap_err();
    assert!(
        message.starts_with("input:4:") && message.contains('9'),
        "{message}"
    );
    let klingon = ModelChoice::Language("klingon".to_owned());
    let message = text(|out| lemmatize(&klingon, conllu, &b""[..], out)).unwrap_err();
    assert!(message.contains("kiln lemmatizer train"), "{message}");
}

#[test]
fn paragraphs_become_sentences_and_words() {
    let run = |json, input: &str| text(|out| segment(&english(), json, input.as_bytes(), out));
    let input = "Ünder it. Go now!\n";
    assert_eq!(
        run(true, input).unwrap(),
        "{\"sentences\":[[0,9],[10,17]],\"tokens\":[[0,5],[6,8],[8,9],[10,12],[13,16],[16,17]]}\n"
    );
    assert_eq!(run(false, input).unwrap(), "Ünder it .\nGo now !\n\n");
    let nowhere = ModelChoice::Language("klingonish".to_owned());
    let message = text(|out| segment(&nowhere, true, &b""[..], out)).unwrap_err();
    assert!(message.contains("klingonish"), "{message}");
}

#[test]
fn models_are_trained_and_scored() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let treebanks: Vec<PathBuf> = vec![path("train.conllu")];
    std::fs::write(&treebanks[0], treebank(90)).unwrap();

    let lemmatizer = path("a.lemmatizer");
    train_lemmatizer(&treebanks, None, "ours", &lemmatizer).unwrap();
    let lemmatizer = ModelChoice::File(lemmatizer);
    let score = score_lemmatizer(&lemmatizer, &treebanks, false).unwrap();
    assert_eq!((score.lemmas, score.upos, score.words), (1.0, 1.0, 360));
    assert!(score.to_string().starts_with("lemmas "), "{score}");
    let out = text(|out| lemmatize(&lemmatizer, LemmatizeForm::Text, &b"The hens ran."[..], out));
    assert_eq!(out.unwrap(), "the hen run .\n");

    let segmenter = path("a.segmenter");
    train_segmenter("english", &treebanks, &segmenter).unwrap();
    let score = score_segmenter(&ModelChoice::File(segmenter.clone()), &treebanks).unwrap();
    assert_eq!((score.tokens.f1, score.sentences.f1), (1.0, 1.0));
    assert!(score.to_string().contains("F1 100.00"), "{score}");

    std::fs::write(&segmenter, "none").unwrap();
    for (model, treebank) in [
        (ModelChoice::File(segmenter), &treebanks),
        (ModelChoice::File(path("missing")), &treebanks),
        (english(), &vec![path("missing.conllu")]),
    ] {
        let error = score_segmenter(&model, treebank).unwrap_err();
        assert!(error.is_mistake(), "{error}");
        assert!(!error.to_string().contains('\n'), "{error}");
    }
}
