//! `tokenizer_config.json`, which lies beside a `tokenizer.json`: where Hugging Face's `transformers` keeps the template of
//! chats and the names of the special tokens.

use std::path::{Path, PathBuf};

use kiln_text::Position;
use serde_json::{Map, Value, json};

use crate::{Error, TokenizerConfig};

/// Name of the file.
pub(crate) const NAME: &str = "tokenizer_config.json";

/// Its contents for a tokenizer that was trained as a section says; `None` if there is nothing to say.
///
/// Keys: `tokenizer_class`, the class that reads any `tokenizer.json`; `eos_token`, the one that ends documents;
/// `unk_token`, `pad_token`, `bos_token`, `cls_token`, `sep_token`, `mask_token`, where special tokens have the usual names;
/// `additional_special_tokens`, the other ones; and `chat_template`.
pub(crate) fn written(config: &TokenizerConfig, end_of_text: Option<&str>) -> Option<String> {
    let special_tokens = config.special_tokens();
    if special_tokens.is_empty() && config.chat_template().is_none() {
        return None;
    }
    let mut keys = Map::new();
    keys.insert("tokenizer_class".into(), json!("PreTrainedTokenizerFast"));
    let mut others = Vec::new();
    for token in special_tokens {
        let role = ROLES
            .iter()
            .find(|(_, names)| names.contains(&token.as_str()));
        match role {
            _ if end_of_text == Some(token) => {
                keys.insert("eos_token".into(), json!(token));
            }
            Some((key, _)) if !keys.contains_key(*key) => {
                keys.insert((*key).into(), json!(token));
            }
            _ => others.push(token),
        }
    }
    keys.insert("additional_special_tokens".into(), json!(others));
    if let Some(template) = config.chat_template() {
        keys.insert("chat_template".into(), json!(template));
    }
    serde_json::to_string_pretty(&keys).ok()
}

/// The names that special tokens of a role have in published vocabularies.
const ROLES: [(&str, &[&str]); 6] = [
    ("unk_token", &["<unk>", "[UNK]", "<|unk|>"]),
    ("pad_token", &["<pad>", "[PAD]", "<|pad|>"]),
    ("bos_token", &["<s>", "<bos>", "<|begin_of_text|>"]),
    ("cls_token", &["[CLS]", "<cls>"]),
    ("sep_token", &["[SEP]", "<sep>"]),
    ("mask_token", &["[MASK]", "<mask>"]),
];

/// Where it lies for a `tokenizer.json`.
pub(crate) fn beside(tokenizer: &Path) -> PathBuf {
    tokenizer.with_file_name(NAME)
}

/// What lies beside a `tokenizer.json`, if anything does.
pub(crate) fn read(tokenizer: &Path) -> Result<Option<String>, Error> {
    let path = beside(tokenizer);
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(kiln_text::Error::io(&path, &error).into()),
    };
    match serde_json::from_str::<Map<String, Value>>(&text) {
        Ok(_) => Ok(Some(text)),
        Err(error) => {
            let problem = format!("expected a JSON object as Hugging Face writes it: {error}");
            let line = Position::Line(error.line() as u64);
            Err(kiln_text::Error::mistake(path, line, problem).into())
        }
    }
}

/// The template of chats in the contents.
pub(crate) fn chat_template(contents: &str) -> Option<String> {
    let keys: Map<String, Value> = serde_json::from_str(contents).ok()?;
    keys.get("chat_template")?.as_str().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{BpeConfig, TrainedTokenizer, load, train};

    const TEMPLATE: &str =
        "{% for message in messages %}{{ '<|user|>' + message['content'] }}{% endfor %}";

    fn trained() -> TrainedTokenizer {
        let config = TokenizerConfig::Bpe(BpeConfig {
            special_tokens: ["<|endoftext|>", "<unk>", "<|user|>"]
                .map(String::from)
                .into(),
            chat_template: Some(TEMPLATE.into()),
            ..BpeConfig::new(300)
        });
        train(&config, &mut [Ok("some text".to_owned())].into_iter()).unwrap()
    }

    #[test]
    fn the_template_is_kept_beside_the_tokenizer() {
        let trained = trained();
        let keys: Value = serde_json::from_str(trained.config_json().unwrap()).unwrap();
        let expected = json!({
            "tokenizer_class": "PreTrainedTokenizerFast",
            "eos_token": "<|endoftext|>",
            "unk_token": "<unk>",
            "additional_special_tokens": ["<|user|>"],
            "chat_template": TEMPLATE,
        });
        assert_eq!(keys, expected);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tokenizer.json");
        trained.save(&path).unwrap();
        let again = TrainedTokenizer::load(&path).unwrap();
        assert_eq!(again.config_json(), trained.config_json());
        assert_eq!(again.chat_template().as_deref(), Some(TEMPLATE));
        std::fs::remove_file(folder.path().join(NAME)).unwrap();
        assert_eq!(TrainedTokenizer::load(&path).unwrap().chat_template(), None);
    }

    #[test]
    fn what_lies_beside_must_be_an_object() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tokenizer.json");
        trained().save(&path).unwrap();
        std::fs::write(folder.path().join(NAME), "{\n\"chat_template\": ").unwrap();
        let error = TrainedTokenizer::load(&path).err().unwrap();
        assert!(error.is_mistake());
        let message = error.to_string();
        assert!(
            message.contains("tokenizer_config.json:2: expected a JSON object"),
            "{message}"
        );
        assert!(load(&path).is_ok(), "ids do not depend on it");
    }
}
