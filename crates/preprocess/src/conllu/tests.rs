use proptest::prelude::*;

use super::*;

fn read(text: &[u8]) -> Result<Vec<Sentence>, String> {
    Reader::new(text, "t.conllu")
        .collect::<Result<_, _>>()
        .map_err(|error| error.to_string())
}

fn row(id: &str, form: &str) -> String {
    format!("{id}\t{form}\tl\tX\tx\tA=b|C=d\t0\troot\t_\t_\n")
}

#[test]
fn ids() {
    for (text, expected) in [
        ("1", Some(Id::Word(1))),
        ("12", Some(Id::Word(12))),
        ("8-9", Some(Id::Range(8, 9))),
        ("8-8", Some(Id::Range(8, 8))),
        ("0.1", Some(Id::Empty(0, 1))),
        ("8.10", Some(Id::Empty(8, 10))),
        ("", None),
        ("0", None),
        ("01", None),
        ("+1", None),
        ("-1", None),
        ("9-8", None),
        ("0-1", None),
        ("1.0", None),
        ("1.", None),
        ("1-2-3", None),
        ("4294967296", None),
        ("x", None),
    ] {
        assert_eq!(Id::parse(text), expected, "{text}");
        if let Some(id) = expected {
            assert_eq!(id.to_string(), text);
        }
    }
}

#[test]
fn what_is_wrong_is_said_with_its_line() {
    let good = format!("# c\n{}\n", row("1", "a"));
    for (rest, expected) in [
        (
            "1\ta\t_\t_\t_\t_\t_\t_\t_\n".to_owned(),
            "t.conllu:4: 9 columns parted by tabs: expected the ten columns of CoNLL-U, ID to MISC",
        ),
        (
            "1 a\n".to_owned(),
            "t.conllu:4: 1 column parted by tabs: expected the ten columns of CoNLL-U, ID to MISC",
        ),
        (
            row("1", "a\tb"),
            "t.conllu:4: 11 columns parted by tabs: expected the ten columns of CoNLL-U, ID to MISC",
        ),
        (
            row("1", "a") + &row("3", "b"),
            "t.conllu:5: the id 3 after word 1: expected 2; a blank line parts sentences",
        ),
        (
            row("1", "a") + &row("1", "b"),
            "t.conllu:5: the id 1 after word 1: expected 2; a blank line parts sentences",
        ),
        (
            row("1.1", "a"),
            "t.conllu:4: the id 1.1 after word 0: expected 0; a blank line parts sentences",
        ),
        (
            row("2-3", "a"),
            "t.conllu:4: the id 2-3 after word 0: expected 1; a blank line parts sentences",
        ),
        (
            row("one", "a"),
            "t.conllu:4: the id \"one\": expected a word `8`, a range `8-9` or an empty node `8.1`",
        ),
        (
            row("1", ""),
            "t.conllu:4: an empty form: expected the word, or `_`",
        ),
    ] {
        assert_eq!(
            read((good.clone() + &rest).as_bytes()).unwrap_err(),
            expected
        );
    }
    assert_eq!(
        read(b"# ok\n1\ta\xff\n").unwrap_err(),
        "t.conllu:2: byte 3 of the line is not UTF-8: convert the file to UTF-8"
    );
}

#[test]
fn after_an_error_there_is_nothing() {
    let mut reader = Reader::new(&b"x\n1\ta\n"[..], "t");
    assert!(reader.next().unwrap().is_err());
    assert!(reader.next().is_none());
}

#[test]
fn words_tokens_comments() {
    let text = format!(
        "# newdoc id = d\n# newpar\n# text = a cannot b\n#key=v\n{}{}{}{}{}{}\n{}",
        row("1", "a"),
        row("2-3", "cannot"),
        row("2", "can"),
        row("3", "not"),
        row("3.1", "e"),
        row("4", "b").replace("\t_\n", "\tX=y|SpaceAfter=No\n"),
        row("1", "c"),
    );
    let sentences = read(text.as_bytes()).unwrap();
    assert_eq!(sentences.len(), 2);
    let first = &sentences[0];
    let forms: Vec<_> = first.words().map(|row| row.form()).collect();
    assert_eq!(forms, ["a", "can", "not", "b"]);
    let tokens: Vec<_> = first
        .tokens()
        .map(|token| (token.row.form(), token.words, token.row.space_after()))
        .collect();
    assert_eq!(
        tokens,
        [("a", 1, true), ("cannot", 2, true), ("b", 1, false)]
    );
    assert_eq!(first.rows().count(), 6);
    assert_eq!(first.comment("text"), Some("a cannot b"));
    assert_eq!(first.comment("newpar"), Some(""));
    assert_eq!(first.comment("newdoc id"), Some("d"));
    assert_eq!(first.comment("key"), Some("v"));
    assert_eq!(first.comment("ke"), None);
    assert!(first.begins_document() && first.begins_paragraph());
    assert!(!sentences[1].begins_paragraph());
    let row = first.words().next().unwrap();
    assert_eq!(row.feature("C"), Some("d"));
    assert_eq!(row.feature("D"), None);
    assert_eq!(row.field(Field::Deprel), "root");
}

#[test]
fn a_field_that_is_set_moves_the_others_along() {
    let text = format!("{}# late\n{}\n", row("1", "a"), row("2", "b"));
    let mut sentence = read(text.as_bytes()).unwrap().remove(0);
    sentence.set(0, Field::Lemma, "longer\tone");
    sentence.set(1, Field::Upos, "");
    sentence.set(0, Field::Feats, "_");
    sentence.set(7, Field::Feats, "nowhere");
    let mut out = Vec::new();
    sentence.write(&mut out).unwrap();
    let out = String::from_utf8(out).unwrap();
    let expected = text
        .replacen("\tl\t", "\tlonger one\t", 1)
        .replacen("A=b|C=d", "_", 1)
        .replace("2\tb\tl\tX", "2\tb\tl\t_");
    assert_eq!(out, expected);
    let again = read(out.as_bytes()).unwrap().remove(0);
    assert_eq!(again, sentence);
}

#[test]
fn what_is_pushed_reads_back() {
    let mut sentence = Sentence::new();
    sentence.push_comment("text = a\nb");
    sentence.push_row(Id::Word(1), ["a", "", "X", "_", "_", "_", "_", "_", "t\tu"]);
    sentence.push_row(Id::Word(2), ["b"; 9]);
    let mut out = Vec::new();
    sentence.write(&mut out).unwrap();
    let out = String::from_utf8(out).unwrap();
    assert_eq!(
        out,
        "# text = a b\n1\ta\t_\tX\t_\t_\t_\t_\t_\tt u\n2\tb\tb\tb\tb\tb\tb\tb\tb\tb\n\n"
    );
    let again = read(out.as_bytes()).unwrap();
    let forms: Vec<_> = again[0].rows().map(|row| row.form()).collect();
    assert_eq!(forms, ["a", "b"]);
}

fn line() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("# a = b".to_owned()),
        Just(String::new()),
        Just("  ".to_owned()),
        Just("\u{feff}".to_owned()),
        (0u32..4, "[^\t\n\r]{0,4}", "[^\t\n\r]{1,4}")
            .prop_map(|(id, form, rest)| format!("{id}\t{form}\t{rest}\t_\t_\t_\t_\t_\t_\t_")),
        (1u32..3, "[^\t\n\r]{1,4}")
            .prop_map(|(id, form)| format!("{id}\t{form}\t_\t_\t_\t_\t_\t_\t_\t_")),
        "[^\n]{0,12}",
    ]
}

proptest! {
    #[test]
    fn bytes_come_back_as_they_were(
        lines in prop::collection::vec((line(), prop::bool::ANY), 0..12),
        ended in prop::bool::ANY,
    ) {
        let mut text: String = lines
            .iter()
            .map(|(line, carriage)| format!("{line}{}\n", if *carriage { "\r" } else { "" }))
            .collect();
        if !ended {
            text.pop();
        }
        let mut out = Vec::new();
        let mut wrong = false;
        for sentence in Reader::new(text.as_bytes(), "t") {
            match sentence {
                Ok(sentence) => sentence.write(&mut out).unwrap(),
                Err(_) => wrong = true,
            }
        }
        if wrong {
            prop_assert!(text.as_bytes().starts_with(&out));
        } else {
            prop_assert_eq!(out, text.as_bytes());
        }
    }

    #[test]
    fn setting_is_what_reading_gives(
        forms in prop::collection::vec("[^\t\n\r]{1,6}", 1..6),
        at in 0usize..6,
        value in "[^\t\n\r]{1,6}",
    ) {
        let mut sentence = Sentence::new();
        for (index, form) in forms.iter().enumerate() {
            sentence.push_row(Id::Word(index as u32 + 1), [form; 9]);
        }
        sentence.set(at, Field::Head, &value);
        let mut out = Vec::new();
        sentence.write(&mut out).unwrap();
        let again = read(&out).unwrap().remove(0);
        for (index, (row, form)) in again.rows().zip(&forms).enumerate() {
            prop_assert_eq!(row.field(Field::Head), if index == at { &value } else { form });
            prop_assert_eq!(row.field(Field::Misc), form);
            prop_assert_eq!(row.form(), form);
        }
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
        let _ = read(&bytes);
    }
}
