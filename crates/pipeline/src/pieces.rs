//! Tokenizers shown: the pieces of a text, and what texts become with them.

use std::io::Write;
use std::path::{Path, PathBuf};

use kiln_corpus::{DocumentReader, Part, language};
use kiln_preprocess::{PREPROCESSING_FILE, Preprocessor, ReportText, TokenizerReport};
use kiln_run::RunFolder;
use kiln_tokens::{Encoded, Tokenizer};
use serde_json::json;

use crate::Error;
use crate::encode::is_mistake;
use crate::ingest::{CORPUS, Ingested};
use crate::prepare::stage;
use crate::tokenize::tokenizer_file;

/// How the pieces of a text are told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PiecesForm {
    /// By two colours in turn, for a terminal.
    Colours,
    /// By `|`.
    Bars,
    /// `{"text":..,"tokens":[{"id":..,"start":..,"end":..,"token":..},..],"bytes_per_token":..}`, places in bytes.
    Json,
}

/// Background colours of ANSI terminals, black letters on them.
const COLOURS: [&str; 2] = ["\u{1b}[30;46m", "\u{1b}[30;43m"];
const PLAIN: &str = "\u{1b}[0m";

/// Show the tokens of a text, as the steps before the tokenizer leave it.
///
/// # Errors
/// There is no tokenizer, or it cannot express the text.
pub fn pieces(
    path: &Path,
    text: &str,
    form: PiecesForm,
    writer: &mut dyn Write,
) -> Result<(), Error> {
    let file = tokenizer_file(path);
    let steps = file.with_file_name(PREPROCESSING_FILE);
    let text = match steps.exists() {
        true => Preprocessor::load(&steps)?.apply(text).into_owned(),
        false => text.to_owned(),
    };
    let tokenizer = kiln_preprocess::TrainedTokenizer::load(&file)?.tokenizer();
    let mut tokens = Vec::new();
    tokenizer
        .encode_with_offsets(&text, &mut tokens)
        .map_err(|error| refused(&file, &error))?;
    let shown = match form {
        PiecesForm::Json => as_json(&text, &tokens, tokenizer.as_ref()),
        PiecesForm::Colours | PiecesForm::Bars => {
            let pieces = match form {
                PiecesForm::Colours => in_colours(&text, &tokens),
                _ => with_bars(&text, &tokens),
            };
            let ids: Vec<_> = tokens.iter().map(|token| token.id.to_string()).collect();
            let (count, bytes) = (tokens.len(), text.len());
            let each = bytes as f64 / count.max(1) as f64;
            format!(
                "{pieces}\n{}\n{count} tokens, {bytes} bytes, {each:.2} bytes a token",
                ids.join(" ")
            )
        }
    };
    writeln!(writer, "{shown}").map_err(Error::Output)
}

fn refused(file: &Path, error: &kiln_tokens::Error) -> Error {
    let whole = kiln_text::Position::Whole;
    let problem = error.to_string();
    if is_mistake(error) {
        kiln_text::Error::mistake(file, whole, problem).into()
    } else {
        kiln_text::Error::failure(file, whole, problem).into()
    }
}

/// The bytes of each token as text; of halves of a character what can be shown.
fn parts<'a>(text: &'a str, tokens: &'a [Encoded]) -> impl Iterator<Item = String> + 'a {
    tokens.iter().map(|token| {
        let bytes = text.as_bytes().get(token.start..token.end);
        String::from_utf8_lossy(bytes.unwrap_or_default()).into_owned()
    })
}

fn in_colours(text: &str, tokens: &[Encoded]) -> String {
    parts(text, tokens)
        .zip(COLOURS.iter().cycle())
        .map(|(part, colour)| {
            // A coloured line end would colour the rest of the terminal's line.
            format!(
                "{colour}{}{PLAIN}",
                part.replace('\n', &format!("{PLAIN}\n{colour}"))
            )
        })
        .collect()
}

fn with_bars(text: &str, tokens: &[Encoded]) -> String {
    parts(text, tokens).collect::<Vec<_>>().join("|")
}

fn as_json(text: &str, tokens: &[Encoded], tokenizer: &dyn Tokenizer) -> String {
    let list: Vec<_> = tokens
        .iter()
        .map(|token| {
            json!({
                "id": token.id,
                "start": token.start,
                "end": token.end,
                "token": tokenizer.token(token.id),
            })
        })
        .collect();
    let each = (!tokens.is_empty()).then(|| text.len() as f64 / tokens.len() as f64);
    json!({ "text": text, "tokens": list, "bytes_per_token": each }).to_string()
}

/// Text that a report reads at most.
const REPORT_BYTES: usize = 64 << 20;

/// What texts become with a tokenizer, and with another to compare: bytes a token by language and by source, unknown and
/// unused tokens. `texts` are files of text, each one text, and runs, whose stored documents are read; 64 MiB in all.
/// Languages are those of the documents, or else what the built-in identifier says.
///
/// # Errors
/// A tokenizer or a text that cannot be read; a text that cannot be encoded.
pub fn tokenizer_report(
    tokenizer: &Path,
    against: Option<&Path>,
    texts: &[PathBuf],
) -> Result<TokenizerReport, Error> {
    let file = tokenizer_file(tokenizer);
    let tokenizer = kiln_preprocess::load(&file)?;
    let other = against
        .map(|path| kiln_preprocess::load(&tokenizer_file(path)))
        .transpose()?;
    let mut read: Vec<(String, String, String)> = Vec::new();
    let mut left = REPORT_BYTES;
    for path in texts {
        for text in texts_of(path)? {
            if left == 0 {
                break;
            }
            let (language, source, text) = text?;
            left = left.saturating_sub(text.len());
            let language = language.unwrap_or_else(|| language::identify(&text).language);
            read.push((language, source, text));
        }
    }
    let texts = read.iter().map(|(language, source, text)| ReportText {
        language,
        source,
        text,
    });
    TokenizerReport::of(tokenizer.as_ref(), other.as_deref(), texts)
        .map_err(|error| refused(&file, &error))
}

/// Language if known, source, text.
type Text = (Option<String>, String, String);

fn texts_of(path: &Path) -> Result<Box<dyn Iterator<Item = Result<Text, Error>>>, Error> {
    if !RunFolder::is_run(path) {
        let text = std::fs::read(path).map_err(|error| kiln_text::Error::io(path, &error))?;
        let text = String::from_utf8(text).map_err(|error| {
            let place = kiln_text::Position::Byte(error.utf8_error().valid_up_to() as u64);
            kiln_text::Error::mistake(path, place, "not UTF-8: convert the text, or ingest it")
        })?;
        let one = (None, path.display().to_string(), text);
        return Ok(Box::new(std::iter::once(Ok(one))));
    }
    let run = RunFolder::open(path)?;
    let corpus = Ingested::read(&run.corpus(), &stage(&run, CORPUS, &run.corpus())?)?;
    let paths: Vec<_> = Part::ALL
        .iter()
        .flat_map(|part| corpus.documents(*part))
        .collect();
    Ok(Box::new(DocumentReader::new(paths).map(|document| {
        let document = document?;
        Ok((document.language, document.source.path, document.text))
    })))
}

#[cfg(test)]
mod tests {
    use kiln_preprocess::{ByteConfig, TokenizerConfig, train};

    use super::*;

    fn shown(folder: &Path, text: &str, form: PiecesForm) -> String {
        let mut out = Vec::new();
        pieces(folder, text, form, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn pieces_are_told_apart() {
        let folder = tempfile::tempdir().unwrap();
        let bytes = TokenizerConfig::Byte(ByteConfig {});
        let trained = train(&bytes, &mut std::iter::empty()).unwrap();
        trained.save(&folder.path().join("tokenizer.json")).unwrap();
        assert_eq!(
            shown(folder.path(), "ab", PiecesForm::Bars),
            "a|b\n97 98\n2 tokens, 2 bytes, 1.00 bytes a token\n"
        );
        assert!(
            shown(folder.path(), "a\n", PiecesForm::Colours).starts_with(
                "\u{1b}[30;46ma\u{1b}[0m\u{1b}[30;43m\u{1b}[0m\n\u{1b}[30;43m\u{1b}[0m"
            )
        );
        let json: serde_json::Value =
            serde_json::from_str(&shown(folder.path(), "é", PiecesForm::Json)).unwrap();
        assert_eq!(json["tokens"][1]["start"], 1);
        assert_eq!(json["bytes_per_token"], 1.0);
    }

    #[test]
    fn files_are_reported_by_language_and_source() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tokenizer.json");
        let bytes = TokenizerConfig::Byte(ByteConfig {});
        train(&bytes, &mut std::iter::empty())
            .unwrap()
            .save(&path)
            .unwrap();
        let texts = [
            (
                "de",
                "Das Haus, in dem wir wohnen, steht seit vielen Jahren am Ende der Straße.",
            ),
            (
                "en",
                "The house in which we live has stood at the end of the street for many years.",
            ),
        ]
        .map(|(name, text)| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            path
        });
        let report = tokenizer_report(&path, Some(&path), &texts).unwrap();
        let languages: Vec<_> = report.by_language.keys().map(String::as_str).collect();
        assert_eq!(languages, ["de", "en"]);
        assert_eq!(report.by_source.len(), 2);
        assert_eq!(report.total.tokens, report.total.bytes);
        assert_eq!(report.total.tokens_per_other(), Some(1.0));
        std::fs::write(&texts[0], b"a\xff").unwrap();
        let error = tokenizer_report(&path, None, &texts).unwrap_err();
        assert!(
            error.is_mistake() && error.to_string().contains("byte 1: not UTF-8"),
            "{error}"
        );
    }
}
