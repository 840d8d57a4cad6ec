use std::fmt::Write as _;

use proptest::prelude::*;

use super::*;
use crate::conllu::{Reader, Sentence};
use crate::lexicon::LexiconBuilder;

/// `form/lemma/UPOS/XPOS`, sentences parted by ` | `.
const TREEBANK: &str = "\
    She/she/PRON/PRP walks/walk/VERB/VBZ ./././. | They/they/PRON/PRP walked/walk/VERB/VBD ./././. | \
    He/he/PRON/PRP talked/talk/VERB/VBD to/to/ADP/IN dogs/dog/NOUN/NNS ./././. | \
    Cats/cat/NOUN/NNS climbed/climb/VERB/VBD walls/wall/NOUN/NNS ./././. | \
    The/the/DET/DT dog/dog/NOUN/NN saw/see/VERB/VBD the/the/DET/DT saw/saw/NOUN/NN ./././. | \
    Paris/Paris/PROPN/NNP climbed/climb/VERB/VBD ./././. | The/the/DET/DT walls/wall/NOUN/NNS fell/fall/VERB/VBD ./././. | \
    James/James/PROPN/NNP talks/talk/VERB/VBZ to/to/ADP/IN the/the/DET/DT cat/cat/NOUN/NN ./././.";

fn treebank(times: usize) -> String {
    written(&vec![TREEBANK; times].join(" | "))
}

/// CoNLL-U of sentences as in [`TREEBANK`].
fn written(sentences: &str) -> String {
    let mut text = String::new();
    for sentence in sentences.split(" | ") {
        text.push_str("# a comment\n");
        for (number, word) in sentence.split_whitespace().enumerate() {
            let fields: Vec<&str> = word.split('/').collect();
            let (form, lemma, upos, xpos) = match fields[..] {
                [form, lemma, upos, xpos] if form != "." => (form, lemma, upos, xpos),
                _ => (".", ".", "PUNCT", "."),
            };
            let number = number + 1;
            writeln!(
                text,
                "{number}\t{form}\t{lemma}\t{upos}\t{xpos}\t_\t_\t_\t_\tA=b"
            )
            .unwrap();
        }
        text.push('\n');
    }
    text
}

fn sentences(text: &str) -> impl Iterator<Item = Result<Sentence, kiln_text::Error>> {
    Reader::new(text.as_bytes(), "t.conllu")
}

fn config() -> TrainingConfig {
    let mut config = TrainingConfig::default();
    config.tagger.minimum_updates = 1;
    config.notice = "made up".to_owned();
    config
}

fn trained() -> Lemmatizer {
    let config = TrainingConfig {
        second: Some(SecondTag::Xpos),
        ..config()
    };
    train(&config, sentences(&treebank(3))).unwrap()
}

fn lemmas(words: &[Analysis<'_>]) -> Vec<String> {
    words.iter().map(|word| word.lemma.clone()).collect()
}

#[test]
fn lemmas_that_a_treebank_leaves_out_by_rule_are_left_out() {
    let sentence = "a/o/DET/ART Maria/_/PROPN/N canta/cantar/VERB/V ./././. | \
                    a/o/DET/ART Ana/_/PROPN/N fala/falar/VERB/V ./././.";
    // Once the article has none: its commonest lemma, which keeps nothing of it, counts all the same.
    let text = written(&format!(
        "{} | a/_/DET/ART Eva/_/PROPN/N",
        [sentence; 5].join(" | ")
    ));
    let model = train(&config(), sentences(&text)).unwrap();
    assert_eq!(model.lemma_as("a", "DET"), "o");
    assert_eq!(model.lemma_as("Lisboa", "PROPN"), "_");
    let given = Given {
        upos: "PROPN",
        second: "",
    };
    let name = &model.lemmatize_tagged(&["Lisboa"], &[given])[0];
    assert_eq!(name.word("Lisboa"), "Lisboa");

    // One word in hundreds is a gap.
    let text = format!("{}{}", treebank(10), written("Zog/_/PROPN/NNP"));
    let model = train(&config(), sentences(&text)).unwrap();
    assert_ne!(model.lemma_as("Zog", "PROPN"), "_");
}

#[test]
fn what_was_trained_on_is_known_and_carried_over() {
    let model = trained();
    assert_eq!(model.second_tag(), SecondTag::Xpos);
    let words = model.lemmatize(&["The", "dog", "saw", "the", "saw", "."]);
    assert_eq!(lemmas(&words), ["the", "dog", "see", "the", "saw", "."]);
    assert_eq!((words[2].upos, words[2].second), ("VERB", "VBD"));
    let given = |upos, second| Given { upos, second };
    for (form, upos, second, expected) in [
        ("saw", "VERB", "VBD", "see"),
        ("saw", "NOUN", "NN", "saw"),
        ("saw", "VERB", "", "see"),
        ("saw", "VERB", "XYZ", "see"),
        ("jumped", "VERB", "VBD", "jump"),
        ("Birds", "NOUN", "NNS", "bird"),
        ("", "NOUN", "NN", ""),
    ] {
        let words = model.lemmatize_tagged(&[form], &[given(upos, second)]);
        assert_eq!(words[0].lemma, expected, "{form} {upos} {second}");
        assert_eq!(words[0].upos, upos);
    }
    // A UPOS that no word had, and too few tags: the tagger helps.
    let words = model.lemmatize_tagged(&["dogs", "walls"], &[given("NOPE", "")]);
    assert_eq!(lemmas(&words), ["dog", "wall"]);
    assert_eq!(model.lemma("Walls"), "wall");
    assert_eq!(model.lemma_as("saw", "NOUN"), "saw");
    assert!(model.lemmatize(&[]).is_empty());
}

#[test]
fn a_treebank_without_xpos_takes_features_or_nothing() {
    let text = treebank(2);
    let mut features = String::new();
    let mut nothing = String::new();
    for line in text.lines() {
        let mut fields: Vec<&str> = line.split('\t').collect();
        if fields.len() == 10 {
            (fields[4], fields[5]) = ("_", fields[4]);
        }
        features.push_str(&(fields.join("\t") + "\n"));
        if fields.len() == 10 {
            fields[5] = "_";
        }
        nothing.push_str(&(fields.join("\t") + "\n"));
    }
    for (text, second) in [(features, SecondTag::Feats), (nothing, SecondTag::None)] {
        let model = train(&config(), sentences(&text)).unwrap();
        assert_eq!(model.second_tag(), second);
        let words = model.lemmatize(&["The", "walls", "fell", "."]);
        assert_eq!(lemmas(&words), ["the", "wall", "fall", "."]);
    }
}

#[test]
fn a_lexicon_is_for_what_the_treebank_lacks() {
    let mut lexicon = LexiconBuilder::new();
    lexicon.add("mice", "mouse", Some("NOUN"));
    lexicon.add("saw", "sew", Some("VERB"));
    let model = trained().with_lexicon(lexicon.build());
    assert_eq!(model.lemma_as("Mice", "NOUN"), "mouse");
    assert_eq!(model.lemma("mice"), "mouse");
    assert_eq!(model.lemma_as("saw", "VERB"), "see");
    let again = Lemmatizer::from_bytes(&model.to_bytes(), "again").unwrap();
    assert_eq!(again.lemma("mice"), "mouse");
    assert_eq!(again.to_bytes(), model.to_bytes());
}

#[test]
fn training_gives_the_same_bytes_on_any_number_of_threads() {
    let bytes = |threads| {
        rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .unwrap()
            .install(|| trained().to_bytes())
    };
    assert_eq!(bytes(1), bytes(3));
}

#[test]
fn files_come_back_whole_or_say_what_is_wrong() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("m");
    let model = trained();
    model.save(&path).unwrap();
    let again = Lemmatizer::load(&path).unwrap();
    assert_eq!(again.notice(), "made up");
    assert_eq!(again.summary(), model.summary());
    assert_eq!(again.lemma("walls"), "wall");
    let bytes = model.to_bytes();
    let problem = |bytes: &[u8]| Lemmatizer::from_bytes(bytes, "m").unwrap_err().to_string();
    for cut in (0..bytes.len()).step_by(7) {
        let problem = problem(&bytes[..cut]);
        assert!(
            problem.contains("cut short")
                || problem.contains("not a lemmatizer")
                || problem.contains("checksum"),
            "{problem}"
        );
    }
    let mut other = bytes.clone();
    other[8] += 1;
    assert_eq!(
        problem(&other),
        "m: a lemmatizer of another version: train it again"
    );
    let mut other = bytes.clone();
    *other.last_mut().unwrap() ^= 1;
    assert_eq!(
        problem(&other),
        "m: the checksum is wrong, the file was changed: copy or train the model again"
    );
    let mut other = bytes;
    other[100] ^= 1;
    assert!(problem(&other).starts_with("m: the checksum is wrong"));
    let error = Lemmatizer::load(folder.path().join("none")).unwrap_err();
    assert!(error.is_mistake());
}

#[test]
fn nothing_to_train_on() {
    let problem = train(&config(), sentences("")).unwrap_err().to_string();
    assert_eq!(
        problem,
        "training sentences: no words: expected CoNLL-U with FORM, LEMMA and UPOS"
    );
    assert!(
        train(&config(), sentences("1\ta\n"))
            .unwrap_err()
            .to_string()
            .starts_with("t.conllu:1: 2 columns")
    );
}

#[test]
fn lines_keep_their_bytes_but_for_lemma_and_upos() {
    let model = trained();
    let text = "# c\r\n1-2\tcats.\t_\t_\t_\t_\t_\t_\t_\tSpaceAfter=No\r\n1\tCats\tx\tX\tNNS\tA=b\t0\troot\t_\tz\r\n\
                2\t.\ty\tY\t.\t_\t1\tpunct\t_\t_\r\n2.1\te\tl\tu\t_\t_\t_\t_\t_\t_\r\n\n\n1\tdogs\t_\tNOUN\tNNS\t_\t_\t_\t_\t_";
    for (gold, expected) in [
        (
            false,
            text.replace("\tx\tX", "\tcat\tNOUN")
                .replace("\ty\tY", "\t.\tPUNCT")
                .replace("\t_\tNOUN", "\tdog\tNOUN"),
        ),
        (
            true,
            text.replace("\tx\tX", "\tcat\tX")
                .replace("\ty\tY", "\t.\tY")
                .replace("\t_\tNOUN", "\tdog\tNOUN"),
        ),
    ] {
        let mut out = Vec::new();
        let counts =
            lemmatize_conllu(Reader::new(text.as_bytes(), "t"), &mut out, &model, gold).unwrap();
        assert_eq!(counts, (2, 3));
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }
}

#[test]
fn scores_count_what_they_say() {
    let model = trained();
    let text = "1\tThe\tTHE\tDET\tDT\t_\t_\t_\t_\t_\n2\twalls\twa_ll\tNOUN\tNNS\t_\t_\t_\t_\t_\n3\tdogs\tcat\tNOUN\tNNS\t_\t_\t_\t_\t_\n4\t.\tx\tPUNCT\t.\t_\t_\t_\t_\t_\n";
    let mut wrong = Vec::new();
    let found = score(&model, sentences(text), true, |row, word| {
        wrong.push((row.form().to_owned(), word.lemma.clone()));
    })
    .unwrap();
    let expected = Score {
        words: 4,
        upos: 4,
        tags: 4,
        lemmas: 3,
        right: 2,
        content: 2,
        content_right: 1,
    };
    assert_eq!(found, expected);
    assert_eq!(wrong, [("dogs".to_owned(), "dog".to_owned())]);
}

proptest! {
    #[test]
    fn any_words_get_lemmas(words in prop::collection::vec("\\PC{0,6}|[a-z]{1,5}", 0..6)) {
        thread_local!(static MODEL: Lemmatizer = trained());
        MODEL.with(|model| {
            let forms: Vec<&str> = words.iter().map(String::as_str).collect();
            let found = model.lemmatize(&forms);
            assert_eq!(found.len(), forms.len());
            for (form, word) in forms.iter().zip(found) {
                assert_eq!(word.lemma.is_empty(), form.is_empty());
                assert_eq!(model.lemma(form).is_empty(), form.is_empty());
            }
        });
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let mut file = b"kilnlem\n\x01".to_vec();
        crate::perceptron::put(&mut file, bytes.len() as u64);
        file.extend(&bytes);
        file.extend(&blake3::hash(&bytes).as_bytes()[..16]);
        let _ = Lemmatizer::from_bytes(&file, "m");
    }
}

#[cfg(feature = "english")]
#[test]
fn the_english_model_is_whole_and_small() {
    let bytes = include_bytes!("../../models/english.lemmatizer");
    assert!(bytes.len() <= 3 << 20, "{}", bytes.len());
    let english = Lemmatizer::english();
    assert!(english.notice().contains("CC BY-SA 4.0"));
    assert_eq!(english.to_bytes(), bytes);
    let words = english.lemmatize(&["I", "have", "seen", "better", "houses", "in", "London", "."]);
    assert_eq!(
        lemmas(&words),
        ["I", "have", "see", "good", "house", "in", "London", "."]
    );
}

#[test]
#[ignore = "needs data sets: set KILN_DATA"]
fn the_english_model_on_the_dev_split() {
    let data = std::env::var("KILN_DATA").expect("KILN_DATA");
    let path = std::path::Path::new(&data).join("nlp/ud/en_ewt-dev.conllu");
    let model = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("models/english.lemmatizer");
    let model = Lemmatizer::load(model).unwrap();
    for (gold, all, content) in [(false, 0.984, 0.976), (true, 0.992, 0.990)] {
        let sentences = crate::conllu::open(&path).unwrap();
        let score = score(&model, sentences, gold, |_, _| {}).unwrap();
        assert!(
            score.all_share() >= all && score.content_share() >= content,
            "{score}"
        );
    }
}
