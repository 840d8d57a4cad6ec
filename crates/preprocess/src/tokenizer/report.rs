//! How well a tokenizer suits texts: bytes per token by language and by source, what it does not know, what it never uses.

use std::collections::BTreeMap;
use std::fmt;

use kiln_tokens::{TokenId, Tokenizer};
use serde::{Deserialize, Serialize};

/// Names that vocabularies give to the token of what they do not know.
const UNKNOWN: [&str; 4] = ["<unk>", "[UNK]", "<|unk|>", "<UNK>"];

/// How many of the longest tokens are named.
const LONGEST: usize = 20;

/// A text to be encoded, and what it is counted under.
#[derive(Clone, Copy, Debug)]
pub struct ReportText<'a> {
    /// Its language, as a tag or a name.
    pub language: &'a str,
    /// Where it comes from.
    pub source: &'a str,
    /// The text.
    pub text: &'a str,
}

/// Texts and their tokens, counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenCounts {
    /// Number of texts.
    pub texts: u64,
    /// Their bytes of UTF-8.
    pub bytes: u64,
    /// Their tokens.
    pub tokens: u64,
    /// The tokens among them that stand for something unknown.
    pub unknown: u64,
    /// Their tokens by the tokenizer that is compared; 0 without one.
    pub other_tokens: u64,
}

impl TokenCounts {
    /// Bytes per token, the higher the fewer tokens; `None` without tokens.
    pub fn bytes_per_token(&self) -> Option<f64> {
        (self.tokens > 0).then(|| self.bytes as f64 / self.tokens as f64)
    }

    /// Share of unknown tokens, 0 to 1; 0 without tokens.
    pub fn unknown_share(&self) -> f64 {
        self.unknown as f64 / self.tokens.max(1) as f64
    }

    /// Tokens for each token of the tokenizer that is compared: below 1 if this one needs fewer; `None` without one.
    pub fn tokens_per_other(&self) -> Option<f64> {
        (self.other_tokens > 0).then(|| self.tokens as f64 / self.other_tokens as f64)
    }

    fn add(&mut self, text: &Self) {
        self.texts += text.texts;
        self.bytes += text.bytes;
        self.tokens += text.tokens;
        self.unknown += text.unknown;
        self.other_tokens += text.other_tokens;
    }
}

/// A token of the vocabulary with its use in the texts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UsedToken {
    /// The id.
    pub id: TokenId,
    /// The token as a person would write it.
    pub token: String,
    /// How often it occurs in the texts.
    pub count: u64,
}

/// What texts become with a tokenizer.
///
/// ```
/// use kiln_preprocess::{ByteConfig, ReportText, TokenizerConfig, TokenizerReport, train};
///
/// let bytes = train(&TokenizerConfig::Byte(ByteConfig {}), &mut std::iter::empty())?.tokenizer();
/// let text = ReportText { language: "fr", source: "menus", text: "thé" };
/// let report = TokenizerReport::of(bytes.as_ref(), None, [text])?;
/// assert_eq!(report.by_language["fr"].bytes_per_token(), Some(1.0));
/// assert_eq!(report.unused.len(), 252);
/// # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenizerReport {
    /// Number of ids.
    pub vocabulary_size: usize,
    /// Number of ids of the tokenizer that is compared, if there is one.
    pub other_vocabulary_size: Option<usize>,
    /// All texts together.
    pub total: TokenCounts,
    /// The texts of each language.
    pub by_language: BTreeMap<String, TokenCounts>,
    /// The texts of each source.
    pub by_source: BTreeMap<String, TokenCounts>,
    /// The 20 longest tokens in bytes, the longest first.
    pub longest: Vec<UsedToken>,
    /// The ids that no text has, special tokens among them.
    pub unused: Vec<TokenId>,
}

impl TokenizerReport {
    /// Encode texts with a tokenizer, and with another one to compare, and count. Memory holds a count for each id and each
    /// language and source, never the texts.
    ///
    /// # Errors
    /// A text that one of the tokenizers cannot encode.
    pub fn of<'a>(
        tokenizer: &dyn Tokenizer,
        other: Option<&dyn Tokenizer>,
        texts: impl IntoIterator<Item = ReportText<'a>>,
    ) -> Result<Self, kiln_tokens::Error> {
        let vocabulary_size = tokenizer.vocabulary_size();
        let names: Vec<String> = (0..vocabulary_size as TokenId)
            .map(|id| tokenizer.token(id).unwrap_or_default())
            .collect();
        let unknown: Vec<bool> = names
            .iter()
            .map(|name| UNKNOWN.contains(&name.as_str()))
            .collect();
        let mut uses = vec![0u64; vocabulary_size];
        let mut report = Self {
            vocabulary_size,
            other_vocabulary_size: other.map(|other| other.vocabulary_size()),
            total: TokenCounts::default(),
            by_language: BTreeMap::new(),
            by_source: BTreeMap::new(),
            longest: Vec::new(),
            unused: Vec::new(),
        };
        let mut ids = Vec::new();
        for ReportText {
            language,
            source,
            text,
        } in texts
        {
            let mut counts = TokenCounts {
                texts: 1,
                bytes: text.len() as u64,
                ..TokenCounts::default()
            };
            if let Some(other) = other {
                ids.clear();
                other.encode(text, &mut ids)?;
                counts.other_tokens = ids.len() as u64;
            }
            ids.clear();
            tokenizer.encode(text, &mut ids)?;
            counts.tokens = ids.len() as u64;
            for id in &ids {
                if let Some(count) = uses.get_mut(*id as usize) {
                    *count += 1;
                }
                counts.unknown += u64::from(unknown.get(*id as usize) == Some(&true));
            }
            report.total.add(&counts);
            add_to(&mut report.by_language, language, &counts);
            add_to(&mut report.by_source, source, &counts);
        }
        report.unused = (0..)
            .zip(&uses)
            .filter(|(_, count)| **count == 0)
            .map(|(id, _)| id)
            .collect();
        let mut used: Vec<UsedToken> = (0..)
            .zip(names)
            .zip(uses)
            .map(|((id, token), count)| UsedToken { id, token, count })
            .collect();
        used.sort_by_key(|used| (std::cmp::Reverse(used.token.len()), used.id));
        used.truncate(LONGEST);
        report.longest = used;
        Ok(report)
    }
}

fn add_to(all: &mut BTreeMap<String, TokenCounts>, name: &str, counts: &TokenCounts) {
    match all.get_mut(name) {
        Some(total) => total.add(counts),
        None => {
            all.insert(name.to_owned(), *counts);
        }
    }
}

impl fmt::Display for TokenizerReport {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unused = self.unused.len();
        writeln!(
            formatter,
            "{} ids, {unused} of them unused",
            self.vocabulary_size
        )?;
        if let Some(size) = self.other_vocabulary_size {
            writeln!(formatter, "compared with a tokenizer of {size} ids")?;
        }
        write_row(formatter, "all texts", &self.total)?;
        for (title, rows) in [("language", &self.by_language), ("source", &self.by_source)] {
            for (name, counts) in rows {
                write_row(formatter, &format!("{title} {name}"), counts)?;
            }
        }
        write!(formatter, "longest tokens:")?;
        for UsedToken { token, count, .. } in &self.longest {
            write!(formatter, " {token:?} x {count}")?;
        }
        writeln!(formatter)
    }
}

fn write_row(formatter: &mut fmt::Formatter<'_>, name: &str, counts: &TokenCounts) -> fmt::Result {
    let TokenCounts {
        texts,
        bytes,
        tokens,
        ..
    } = counts;
    write!(
        formatter,
        "{name}: {texts} texts, {bytes} bytes, {tokens} tokens"
    )?;
    if let Some(rate) = counts.bytes_per_token() {
        let unknown = 100.0 * counts.unknown_share();
        write!(
            formatter,
            ", {rate:.3} bytes per token, {unknown:.2} % unknown"
        )?;
    }
    if let Some(rate) = counts.tokens_per_other() {
        write!(formatter, ", {rate:.3} tokens for each of the other's")?;
    }
    writeln!(formatter)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ByteConfig, CharacterConfig, TokenizerConfig, TrainedTokenizer, train};

    const TEXTS: [ReportText<'static>; 3] = [
        ReportText {
            language: "en",
            source: "letters",
            text: "a kiln",
        },
        ReportText {
            language: "de",
            source: "letters",
            text: "ein Öfen",
        },
        ReportText {
            language: "en",
            source: "signs",
            text: "",
        },
    ];

    #[test]
    fn counts_are_by_language_and_source() {
        let mut texts = TEXTS.iter().map(|text| Ok(text.text.to_owned()));
        let characters = TokenizerConfig::Character(CharacterConfig {});
        let characters = train(&characters, &mut texts).unwrap().tokenizer();
        let bytes = TokenizerConfig::Byte(ByteConfig {});
        let bytes = train(&bytes, &mut std::iter::empty()).unwrap().tokenizer();
        let report = TokenizerReport::of(bytes.as_ref(), Some(characters.as_ref()), TEXTS).unwrap();
        assert_eq!(
            report.by_language["de"],
            TokenCounts {
                texts: 1,
                bytes: 9,
                tokens: 9,
                unknown: 0,
                other_tokens: 8
            }
        );
        assert_eq!(report.by_language["en"].texts, 2);
        assert_eq!(report.by_source["signs"].bytes_per_token(), None);
        assert_eq!(
            report.by_source["letters"],
            TokenCounts {
                texts: 2,
                ..report.total
            }
        );
        assert_eq!(report.total.tokens_per_other(), Some(15.0 / 14.0));
        // a, space, k, i, l, n, e, f and the two bytes of Ö are used.
        assert_eq!(report.unused.len(), 256 - 10);
        assert_eq!(report.longest.len(), 20);
        assert!(
            report
                .longest
                .iter()
                .all(|used| used.token.starts_with("<0x"))
        );
        let written = report.to_string();
        assert!(
            written.contains(
                "language de: 1 texts, 9 bytes, 9 tokens, 1.000 bytes per token, 0.00 % unknown, 1.125 tokens for each"
            ),
            "{written}"
        );
        let json = serde_json::to_string(&report).unwrap();
        assert_eq!(
            serde_json::from_str::<TokenizerReport>(&json).unwrap(),
            report
        );
    }

    #[test]
    fn unknown_tokens_are_counted_and_long_ones_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tokenizer.json");
        let words = r#"{"version": "1.0", "pre_tokenizer": {"type": "Whitespace"}, "model":
            {"type": "WordLevel", "vocab": {"[UNK]": 0, "a": 1, "kiln": 2, "furnaces": 3}, "unk_token": "[UNK]"}}"#;
        std::fs::write(&path, words).unwrap();
        let tokenizer = TrainedTokenizer::load(&path).unwrap().tokenizer();
        let report = TokenizerReport::of(tokenizer.as_ref(), None, TEXTS).unwrap();
        assert_eq!(report.total.unknown, 2);
        assert_eq!(report.by_language["de"].unknown_share(), 1.0);
        assert_eq!(report.total.tokens_per_other(), None);
        assert_eq!(report.unused, [3]);
        let longest: Vec<_> = report
            .longest
            .iter()
            .map(|used| (used.id, used.count))
            .collect();
        assert_eq!(longest, [(3, 0), (0, 2), (2, 1), (1, 1)]);
    }
}
