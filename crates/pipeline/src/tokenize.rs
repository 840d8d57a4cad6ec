//! Texts to ids and back, a line at a time.

use std::io::{BufRead, Write};
use std::path::{Path, PathBuf};

use kiln_tokens::{TokenId, Tokenizer};

use crate::Error;
use crate::encode::is_mistake;
use crate::lines::{each_line, refused, text};
use crate::vocabulary::{TOKENIZER, TOKENIZER_FILE};

/// Read texts, one a line, and write their ids, separated by spaces; with `decode`, the other way round.
///
/// `tokenizer` is a `tokenizer.json`, or a run or a checkpoint that has one.
///
/// # Errors
/// There is no tokenizer; a line that is not UTF-8 or that it cannot express, or ids that it does not have, with the line's
/// number.
pub fn tokenize(
    tokenizer: &Path,
    decode: bool,
    mut reader: impl BufRead,
    mut writer: impl Write,
) -> Result<(), Error> {
    let tokenizer = kiln_preprocess::load(&tokenizer_file(tokenizer))?;
    each_line(&mut reader, &mut writer, |line, number| {
        if decode {
            decoded(tokenizer.as_ref(), line, number)
        } else {
            encoded(tokenizer.as_ref(), line, number)
        }
    })
}

/// Where a tokenizer lies in what was named.
pub(crate) fn tokenizer_file(named: &Path) -> PathBuf {
    let in_run = named.join(TOKENIZER).join(TOKENIZER_FILE);
    if in_run.is_file() {
        in_run
    } else if named.is_dir() {
        named.join(TOKENIZER_FILE)
    } else {
        named.to_owned()
    }
}

fn encoded(tokenizer: &dyn Tokenizer, line: &[u8], number: u64) -> Result<Vec<u8>, Error> {
    let text = text(line, number)?;
    let mut ids = Vec::new();
    tokenizer
        .encode(text, &mut ids)
        .map_err(|error| refused(number, error.to_string(), is_mistake(&error)))?;
    let ids: Vec<_> = ids.iter().map(TokenId::to_string).collect();
    Ok(ids.join(" ").into_bytes())
}

fn decoded(tokenizer: &dyn Tokenizer, line: &[u8], number: u64) -> Result<Vec<u8>, Error> {
    let ids: Vec<TokenId> = text(line, number)?
        .split_whitespace()
        .map(|word| {
            word.parse().map_err(|_| {
                let problem =
                    format!("{word:?} is not an id; expected whole numbers separated by spaces");
                refused(number, problem, true)
            })
        })
        .collect::<Result<_, _>>()?;
    tokenizer
        .decode(&ids)
        .map_err(|error| refused(number, error.to_string(), is_mistake(&error)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lines::BATCH_LINES;
    use kiln_preprocess::{ByteConfig, CharacterConfig, TokenizerConfig, train};

    fn file(config: TokenizerConfig) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        let texts = ["abc é"].map(|text| Ok(text.to_owned()));
        let trained = train(&config, &mut texts.into_iter()).unwrap();
        std::fs::write(folder.path().join(TOKENIZER_FILE), trained.json()).unwrap();
        folder
    }

    fn run(folder: &Path, decode: bool, input: &[u8]) -> Result<String, String> {
        let mut output = Vec::new();
        tokenize(folder, decode, input, &mut output).map_err(|error| {
            assert!(error.is_mistake());
            error.to_string()
        })?;
        Ok(String::from_utf8(output).unwrap())
    }

    #[test]
    fn lines_become_ids_and_ids_lines() {
        let folder = file(TokenizerConfig::Byte(ByteConfig {}));
        let ids = run(folder.path(), false, "ab\n\n\u{e9} \r\nlast".as_bytes()).unwrap();
        assert_eq!(ids, "97 98\n\n195 169 32 13\n108 97 115 116\n");
        let texts = run(folder.path(), true, ids.as_bytes()).unwrap();
        assert_eq!(texts, "ab\n\n\u{e9} \r\nlast\n");
        // A run's folder serves as well as the file itself.
        let in_run = tempfile::tempdir().unwrap();
        std::fs::create_dir(in_run.path().join(TOKENIZER)).unwrap();
        let target = in_run.path().join(TOKENIZER).join(TOKENIZER_FILE);
        std::fs::copy(folder.path().join(TOKENIZER_FILE), &target).unwrap();
        assert_eq!(run(in_run.path(), false, b"a").unwrap(), "97\n");
        assert_eq!(run(&target, false, b"a").unwrap(), "97\n");
    }

    #[test]
    fn many_lines_keep_their_order() {
        let folder = file(TokenizerConfig::Byte(ByteConfig {}));
        let input: String = (0..3 * BATCH_LINES)
            .map(|line| format!("{line}\n"))
            .collect();
        let ids = run(folder.path(), false, input.as_bytes()).unwrap();
        assert!(run(folder.path(), true, ids.as_bytes()).unwrap() == input);
    }

    #[test]
    fn what_is_wrong_is_said_with_its_line() {
        let folder = file(TokenizerConfig::Character(CharacterConfig {}));
        for (decode, input, expected) in [
            (false, &b"abc\nabd\n"[..], "input:2: character 'd'"),
            (false, b"\xff", "input:1: not UTF-8 at byte 0"),
            (true, b"0 1\n2 x\n", "input:2: \"x\" is not an id"),
            (true, b"\n-1\n", "input:2: \"-1\" is not an id"),
            (true, b"999", "input:1: token id 999 is not in"),
        ] {
            let message = run(folder.path(), decode, input).unwrap_err();
            assert!(message.starts_with(expected), "{message}");
        }
        let missing = run(Path::new("/nowhere"), false, b"").unwrap_err();
        assert!(missing.contains("/nowhere"), "{missing}");
    }
}
