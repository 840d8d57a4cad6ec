//! Lexicons as others publish them.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use kiln_text::{Error, Position};
use serde_json::Value;

use super::{Lexicon, LexiconBuilder};

/// Bytes that a line, or a whole JSON file, may have.
const LONGEST: u64 = 1 << 30;

impl Lexicon {
    /// Read a lexicon of one of these kinds, told by the end of its name without `.gz` or `.zst`:
    ///
    /// | name | lines |
    /// | --- | --- |
    /// | a folder | WordNet's `dict`: `noun.exc`, `verb.exc`, `adj.exc`, `adv.exc` (`form lemma ...`), and `index.sense` |
    /// | `.csv` | `form,pos,lemma/lemma`, as in lemminflect's `lemma_lu.csv` |
    /// | `.json` | `{"form": "lemma"}`, or `{"noun": {"form": ["lemma"]}}`: spaCy's tables `lemma_lookup` and `lemma_exc` |
    /// | any other | `form<TAB>lemma` or `form<TAB>lemma<TAB>UPOS`; empty lines and such as begin with `#` and a space count for nothing |
    ///
    /// Parts of speech are UPOS or `noun`, `verb`, `aux`, `adj`, `adv`, `propn` in any case. Where a form has several
    /// lemmas the first one counts. Lists that are pickled, as simplemma's are, are not read; they become text by
    ///
    /// ```python
    /// from simplemma.strategies.dictionaries.dictionary_factory import DefaultDictionaryFactory as F
    /// print(*(f"{form}\t{lemma}" for form, lemma in F().get_dictionary("en").items()), sep="\n")
    /// ```
    ///
    /// # Errors
    /// A file cannot be read or has a line that is none of these; the message names it.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, Error> {
        let path = path.as_ref();
        let mut builder = LexiconBuilder::new();
        if path.is_dir() {
            word_net(path, &mut builder)?;
        } else {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            let name = name.strip_suffix(".gz").unwrap_or(&name);
            let name = name.strip_suffix(".zst").unwrap_or(name);
            if name.ends_with(".json") {
                json(path, &mut builder)?;
            } else if name.ends_with(".csv") {
                lines(path, |line| comma_separated(line, &mut builder))?;
            } else {
                lines(path, |line| tab_separated(line, &mut builder))?;
            }
        }
        if builder.is_empty() {
            return Err(Error::mistake(
                path,
                Position::Whole,
                "no forms: expected lines of form, tab, lemma",
            ));
        }
        Ok(builder.build())
    }
}

fn open(path: &Path) -> Result<Box<dyn BufRead>, Error> {
    let io = |error: std::io::Error| Error::io(path, &error);
    let file = std::fs::File::open(path).map_err(io)?;
    Ok(match path.extension().and_then(|end| end.to_str()) {
        Some("gz") => Box::new(BufReader::new(flate2::read::MultiGzDecoder::new(file))),
        Some("zst") => Box::new(BufReader::new(zstd::Decoder::new(file).map_err(io)?)),
        _ => Box::new(BufReader::new(file)),
    })
}

/// Hand each line to `take`, which says what is wrong with it.
fn lines(path: &Path, mut take: impl FnMut(&str) -> Result<(), &'static str>) -> Result<(), Error> {
    let mut input = open(path)?;
    let mut line = Vec::new();
    let mut number = 0;
    loop {
        line.clear();
        let read = (&mut input)
            .take(LONGEST)
            .read_until(b'\n', &mut line)
            .map_err(|error| Error::io(path, &error))?;
        if read == 0 {
            return Ok(());
        }
        number += 1;
        std::str::from_utf8(&line)
            .map_err(|_| "not UTF-8: convert the file to UTF-8")
            .and_then(|line| take(line.trim_end_matches(['\n', '\r'])))
            .map_err(|problem| Error::mistake(path, Position::Line(number), problem))?;
    }
}

fn tab_separated(line: &str, to: &mut LexiconBuilder) -> Result<(), &'static str> {
    let line = line.trim_start_matches('\u{feff}');
    if line.is_empty() || line.starts_with("# ") {
        return Ok(());
    }
    let mut fields = line.split('\t');
    match (fields.next(), fields.next(), fields.next(), fields.next()) {
        (Some(form), Some(lemma), upos, None) if !form.is_empty() && !lemma.is_empty() => {
            let upos = upos.map(part_of_speech).transpose()?;
            to.add(form, lemma, upos.as_deref());
            Ok(())
        }
        _ => Err("expected form, tab, lemma, and after another tab UPOS if it is known"),
    }
}

fn comma_separated(line: &str, to: &mut LexiconBuilder) -> Result<(), &'static str> {
    let mut fields = line.split(',');
    match (fields.next(), fields.next(), fields.next(), fields.next()) {
        (Some(form), Some(upos), Some(lemmas), None) if !form.is_empty() && !lemmas.is_empty() => {
            let upos = part_of_speech(upos)?;
            for lemma in lemmas.split('/') {
                to.add(form, lemma, Some(&upos));
            }
            Ok(())
        }
        _ => Err("expected form,part of speech,lemma"),
    }
}

/// UPOS, from it or from a shorter or lowercase name.
fn part_of_speech(name: &str) -> Result<String, &'static str> {
    let upper = name.to_uppercase();
    if super::UPOS.contains(&upper.as_str()) {
        Ok(upper)
    } else {
        Err("the part of speech is unknown: expected UPOS such as NOUN, VERB, ADJ, ADV")
    }
}

fn json(path: &Path, to: &mut LexiconBuilder) -> Result<(), Error> {
    let wrong = |key: &str| {
        Error::mistake(
            path,
            Position::Whole,
            format!(
                "the value of {key:?}: expected a lemma, a list of lemmas, or forms with theirs"
            ),
        )
    };
    let table: serde_json::Map<String, Value> = serde_json::from_reader(open(path)?.take(LONGEST))
        .map_err(|error| {
            Error::mistake(path, Position::Line(error.line() as u64), error.to_string())
        })?;
    for (key, value) in &table {
        let Value::Object(forms) = value else {
            for lemma in lemmas(value).ok_or_else(|| wrong(key))? {
                to.add(key, lemma, None);
            }
            continue;
        };
        let upos = part_of_speech(key).map_err(|problem| {
            Error::mistake(path, Position::Whole, format!("{key:?}: {problem}"))
        })?;
        for (form, value) in forms {
            for lemma in lemmas(value).ok_or_else(|| wrong(form))? {
                to.add(form, lemma, Some(&upos));
            }
        }
    }
    Ok(())
}

fn lemmas(value: &Value) -> Option<Vec<&str>> {
    match value {
        Value::String(lemma) => Some(vec![lemma]),
        Value::Array(lemmas) => lemmas.iter().map(Value::as_str).collect(),
        _ => None,
    }
}

/// Exceptions first, then every lemma as a form of itself.
fn word_net(folder: &Path, to: &mut LexiconBuilder) -> Result<(), Error> {
    let mut found = false;
    for (name, upos) in [
        ("noun.exc", "NOUN"),
        ("verb.exc", "VERB"),
        ("adj.exc", "ADJ"),
        ("adv.exc", "ADV"),
    ] {
        let path = folder.join(name);
        if !path.is_file() {
            continue;
        }
        found = true;
        lines(&path, |line| {
            let mut words = line.split(' ').filter(|word| !word.is_empty());
            let form = words.next().unwrap_or_default();
            let mut lemmas = words.peekable();
            if lemmas.peek().is_none() {
                return Err("expected a form and its lemmas, parted by spaces");
            }
            lemmas.for_each(|lemma| to.add(form, lemma, Some(upos)));
            Ok(())
        })?;
    }
    let path = folder.join("index.sense");
    if path.is_file() {
        found = true;
        lines(&path, |line| {
            let (lemma, rest) = line.split_once('%').ok_or("expected lemma%key")?;
            let upos = match rest.as_bytes().first() {
                Some(b'1') => "NOUN",
                Some(b'2') => "VERB",
                Some(b'3' | b'5') => "ADJ",
                Some(b'4') => "ADV",
                _ => return Err("expected a kind of 1 to 5 after lemma%"),
            };
            // Phrases are no forms.
            if !lemma.contains('_') {
                to.add(lemma, lemma, Some(upos));
            }
            Ok(())
        })?;
    }
    if found {
        Ok(())
    } else {
        Err(Error::mistake(
            folder,
            Position::Whole,
            "a folder without noun.exc or index.sense: expected WordNet's dict",
        ))
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn open_as(name: &str, content: &[u8]) -> Result<Lexicon, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        std::fs::write(&path, content).unwrap();
        Lexicon::open(&path).map_err(|error| {
            error
                .to_string()
                .replace(&format!("{}/", folder.path().display()), "")
        })
    }

    fn lemma(lexicon: &Lexicon, form: &str, upos: Option<&str>) -> Option<String> {
        lexicon.lemma(form, &form.to_lowercase(), upos)
    }

    #[test]
    fn kinds_of_files() {
        let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gz.write_all(b"geese\tgoose\n").unwrap();
        let zst = zstd::encode_all(&b"geese,noun,goose/grease\n"[..], 1).unwrap();
        for (name, content, upos) in [
            (
                "a.txt",
                b"# list\n\ngeese\tgoose\ngeese\tother\n".to_vec(),
                None,
            ),
            (
                "a.tsv",
                b"geese\tgees\tVERB\r\ngeese\tgoose\tNOUN\r\n".to_vec(),
                Some("NOUN"),
            ),
            ("a.tsv.gz", gz.finish().unwrap(), None),
            ("a.csv", b"geese,noun,goose\n".to_vec(), Some("NOUN")),
            ("a.csv.zst", zst, Some("NOUN")),
            (
                "a.json",
                br#"{"geese": "goose", "goose": "goose"}"#.to_vec(),
                None,
            ),
            (
                "a.json",
                br#"{"noun": {"geese": ["goose", "g"]}}"#.to_vec(),
                Some("NOUN"),
            ),
        ] {
            let lexicon = open_as(name, &content).unwrap();
            assert_eq!(
                lemma(&lexicon, "Geese", upos).as_deref(),
                Some("goose"),
                "{name}"
            );
            assert_eq!(lemma(&lexicon, "ducks", upos), None, "{name}");
            // What has a part of speech says nothing of others; what has none, nothing of names.
            assert_eq!(lemma(&lexicon, "geese", Some("PROPN")), None, "{name}");
            let as_adjective = lemma(&lexicon, "geese", Some("ADJ"));
            assert_eq!(as_adjective.is_some(), upos.is_none(), "{name}");
            let mut bytes = Vec::new();
            lexicon.write(&mut bytes);
            let again = Lexicon::read(&mut crate::perceptron::Values::new(&bytes)).unwrap();
            assert_eq!(lemma(&again, "geese", upos).as_deref(), Some("goose"));
            for cut in 0..bytes.len() {
                assert!(Lexicon::read(&mut crate::perceptron::Values::new(&bytes[..cut])).is_err());
            }
        }
    }

    #[test]
    fn word_nets() {
        let folder = tempfile::tempdir().unwrap();
        let error = Lexicon::open(folder.path()).unwrap_err().to_string();
        assert!(
            error.ends_with("a folder without noun.exc or index.sense: expected WordNet's dict")
        );
        std::fs::write(folder.path().join("verb.exc"), "saw see\nwent go\n").unwrap();
        std::fs::write(
            folder.path().join("index.sense"),
            "saw%1:06:00:: 04140777 1 1\nsaw%2:35:00:: 01559590 1 0\nsaw_log%1:06:00:: 1 1 0\n",
        )
        .unwrap();
        let lexicon = Lexicon::open(folder.path()).unwrap();
        assert_eq!(lemma(&lexicon, "saw", Some("VERB")).unwrap(), "see");
        assert_eq!(lemma(&lexicon, "saw", Some("NOUN")).unwrap(), "saw");
        assert_eq!(lexicon.forms(), 2);
    }

    #[test]
    fn what_is_wrong_is_said_with_its_line() {
        for (name, content, expected) in [
            (
                "a.txt",
                "a\tb\nc d\n",
                "a.txt:2: expected form, tab, lemma, and after another tab UPOS if it is known",
            ),
            (
                "a.txt",
                "a\tb\tNOUN\tx\n",
                "a.txt:1: expected form, tab, lemma, and after another tab UPOS if it is known",
            ),
            (
                "a.txt",
                "a\t\n",
                "a.txt:1: expected form, tab, lemma, and after another tab UPOS if it is known",
            ),
            (
                "a.txt",
                "a\tb\tnomen\n",
                "a.txt:1: the part of speech is unknown: expected UPOS such as NOUN, VERB, ADJ, ADV",
            ),
            (
                "a.txt",
                "# nothing\n",
                "a.txt: no forms: expected lines of form, tab, lemma",
            ),
            (
                "a.csv",
                "a,noun,b\na,noun\n",
                "a.csv:2: expected form,part of speech,lemma",
            ),
            (
                "a.json",
                "{\"a\": 1}",
                "a.json: the value of \"a\": expected a lemma, a list of lemmas, or forms with theirs",
            ),
        ] {
            assert_eq!(open_as(name, content.as_bytes()).unwrap_err(), expected);
        }
        assert!(
            open_as("a.json", b"{\n\n,")
                .unwrap_err()
                .starts_with("a.json:3: ")
        );
        assert!(
            open_as("a.txt", b"ok\tok\n\xff\ta\n")
                .unwrap_err()
                .starts_with("a.txt:2: not UTF-8")
        );
        assert!(open_as("a.gz", b"no gzip").is_err());
    }
}
