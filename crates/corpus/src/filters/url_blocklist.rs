//! Documents from addresses that stand on lists.
//!
//! The rules, their order and the names of their reasons are those of datatrove 0.10 (`url_filter.py`), which FineWeb was made
//! with: registered domain, whole host, whole address, a word of the address, some number of softer words, a part of the address.
//!
//! Compared with datatrove, hosts are compared in lower case, and a host without a public suffix (an IP address) is looked up as a
//! whole too.

use std::collections::HashSet;
use std::path::Path;

use aho_corasick::AhoCorasick;
use kiln_text::Position;
use serde::{Deserialize, Serialize};

use super::config::Keys;
use super::list::Paths;
use super::rule::{Limit, Rule, judge, thresholds};
use super::{Analysis, Filter, Measured, Values, Verdict};
use crate::Error;

/// `kind = "url-blocklist"`. Each list is a file, or several, with an entry on each line. A document without an address is kept.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct UrlBlocklistConfig {
    /// Hosts: `example.com` with everything below it, `a.example.com` alone.
    pub domains: Paths,
    /// Whole addresses, compared byte for byte.
    pub urls: Paths,
    /// Words of which none may stand in the address, between what are no ASCII letters or digits.
    pub banned_words: Paths,
    /// Words of which fewer than `soft_words_threshold` may.
    pub soft_words: Paths,
    /// How many different soft words are too many (2).
    pub soft_words_threshold: u64,
    /// Strings of which none may stand in the address once everything but ASCII letters and digits is taken out of it.
    pub banned_substrings: Paths,
    /// Whether words are compared with the address in lower case. datatrove compares it as it is, and lets `/CASINO/` pass (false).
    pub ignore_case: bool,
}

impl Default for UrlBlocklistConfig {
    fn default() -> Self {
        Self {
            domains: Paths::default(),
            urls: Paths::default(),
            banned_words: Paths::default(),
            soft_words: Paths::default(),
            soft_words_threshold: 2,
            banned_substrings: Paths::default(),
            ignore_case: false,
        }
    }
}

const DOMAIN: &str = "url_domain";
const SUBDOMAIN: &str = "url_subdomain";
const URL: &str = "url_listed";
const WORDS: &str = "url_banned_words";
const SOFT_WORDS: &str = "url_soft_words";
const SUBSTRINGS: &str = "url_banned_substrings";
const FOUND: &str = "url_entry";

impl UrlBlocklistConfig {
    fn lists(&self) -> [&Paths; 5] {
        [
            &self.domains,
            &self.urls,
            &self.banned_words,
            &self.soft_words,
            &self.banned_substrings,
        ]
    }

    fn rules(&self) -> Vec<Rule> {
        let soft = self.soft_words_threshold as f64 - 1.0;
        let table = [
            ("domain", DOMAIN, "domains", 0.0),
            ("subdomain", SUBDOMAIN, "domains", 0.0),
            ("url", URL, "urls", 0.0),
            ("hard_blacklisted", WORDS, "banned_words", 0.0),
            ("soft_blacklisted", SOFT_WORDS, "soft_words", soft),
            ("blacklisted_subword", SUBSTRINGS, "banned_substrings", 0.0),
        ];
        let rules = table.map(|(reason, measure, key, most)| Rule {
            reason,
            measure,
            key,
            limit: Limit::AtMost(most),
        });
        rules.into()
    }
}

impl Keys for UrlBlocklistConfig {
    fn check(&self) -> Result<(), String> {
        if self.soft_words_threshold == 0 {
            return Err(
                "soft_words_threshold = 0: expected at least 1, or no document would be kept"
                    .into(),
            );
        }
        if self.lists().iter().all(|list| list.is_empty()) {
            return Err("no list is named: name one, such as domains".into());
        }
        Ok(())
    }

    fn build(&self, base: &Path) -> Result<Box<dyn Filter>, Error> {
        let normalised = |list: &Paths| -> Result<Vec<String>, Error> {
            let entries = list.read(base)?.into_iter().map(|entry| normalise(&entry));
            Ok(entries.filter(|entry| !entry.is_empty()).collect())
        };
        let domains = self.domains.read(base)?;
        let substrings = normalised(&self.banned_substrings)?;
        let finder = AhoCorasick::new(&substrings).map_err(|error| {
            let path = base.join(self.banned_substrings.as_slice().join(", "));
            let problem = format!("cannot be searched for ({error}): the list is too long");
            kiln_text::Error::mistake(path, Position::Whole, problem)
        })?;
        Ok(Box::new(UrlBlocklist {
            domains: domains.iter().map(|domain| domain.to_lowercase()).collect(),
            urls: self.urls.read(base)?.into_iter().collect(),
            words: normalised(&self.banned_words)?.into_iter().collect(),
            soft_words: normalised(&self.soft_words)?.into_iter().collect(),
            substrings,
            finder,
            ignore_case: self.ignore_case,
            rules: self.rules(),
        }))
    }
}

struct UrlBlocklist {
    domains: HashSet<String>,
    urls: HashSet<String>,
    words: HashSet<String>,
    soft_words: HashSet<String>,
    substrings: Vec<String>,
    finder: AhoCorasick,
    ignore_case: bool,
    rules: Vec<Rule>,
}

impl UrlBlocklist {
    fn look_up(&self, url: &str) -> Values {
        let mut entry = None;
        let mut note = |found: bool, what: &str| {
            if found && entry.is_none() {
                entry = Some(what.to_owned());
            }
            f64::from(u8::from(found))
        };
        let mut values = Values::new();
        let host = host(url).to_lowercase();
        let registered = registered_domain(&host).unwrap_or_default();
        values.number(DOMAIN, note(self.domains.contains(registered), registered));
        values.number(SUBDOMAIN, note(self.domains.contains(&host), &host));
        values.number(URL, note(self.urls.contains(url), url));

        let lower = if self.ignore_case {
            url.to_lowercase()
        } else {
            String::new()
        };
        let compared = if self.ignore_case { &lower } else { url };
        let mut seen = HashSet::new();
        let (mut banned, mut soft) = (0.0, 0.0);
        for word in compared.split(|character: char| !character.is_ascii_alphanumeric()) {
            if !word.is_empty() && seen.insert(word) {
                banned += note(self.words.contains(word), word);
                soft += note(self.soft_words.contains(word), word);
            }
        }
        values.number(WORDS, banned);
        values.number(SOFT_WORDS, soft);

        let joined = normalise(url);
        let first = self.finder.find(&joined);
        let substring = first.map_or("", |found| &self.substrings[found.pattern().as_usize()]);
        values.number(SUBSTRINGS, note(first.is_some(), substring));
        if let Some(entry) = entry {
            values.text(FOUND, entry);
        }
        values
    }
}

impl Filter for UrlBlocklist {
    fn kind(&self) -> &'static str {
        "url-blocklist"
    }

    fn measure(&self, analysis: &Analysis<'_>) -> Measured {
        let url = analysis.document().source.url.as_deref();
        Measured {
            values: self.look_up(url.unwrap_or_default()),
            rewritten: None,
        }
    }

    fn decide(&self, values: &Values) -> Verdict {
        judge(&self.rules, values)
    }

    fn thresholds(&self) -> Values {
        thresholds(&self.rules)
    }
}

/// ASCII letters and digits alone, in lower case.
fn normalise(text: &str) -> String {
    let characters = text.chars().filter(char::is_ascii_alphanumeric);
    characters
        .map(|character| character.to_ascii_lowercase())
        .collect()
}

/// The host of an address: what stands after the scheme and the user's name and before the port and the path.
fn host(url: &str) -> &str {
    let rest = match url.split_once("//") {
        Some((scheme, rest)) if scheme.is_empty() || scheme.ends_with(':') => rest,
        _ => url,
    };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let host = rest[..end].rsplit('@').next().unwrap_or_default();
    if let Some(address) = host.strip_prefix('[') {
        return address.split(']').next().unwrap_or_default();
    }
    let host = host.split(':').next().unwrap_or_default();
    host.trim().trim_matches('.')
}

/// The label below the public suffix with the suffix, by the suffixes that registries give out: `example.co.uk`, but also
/// `blogspot.com`, which is on the public suffix list as one that a company gives out.
fn registered_domain(host: &str) -> Option<&str> {
    let mut part = host;
    loop {
        let suffix = psl::suffix(part.as_bytes())?;
        match suffix.typ() {
            Some(psl::Type::Icann) => {
                let end = host.len().checked_sub(suffix.as_bytes().len() + 1)?;
                let label = host[..end].rfind('.').map_or(0, |point| point + 1);
                return (label < end).then(|| &host[label..]);
            }
            // The registry's suffix is a part of the company's.
            Some(psl::Type::Private) => {
                part = part[part.len() - suffix.as_bytes().len()..]
                    .split_once('.')?
                    .1
            }
            None => return None,
        }
    }
}

#[cfg(test)]
mod tests {
    use kiln_text::{Document, Provenance};
    use proptest::prelude::*;

    use super::*;

    const GOLDEN: &str = include_str!("../../tests/reference/url_filter.json");

    fn build(lists: &serde_json::Value, ignore_case: bool) -> Box<dyn Filter> {
        let folder = tempfile::tempdir().unwrap();
        let mut config = UrlBlocklistConfig {
            ignore_case,
            ..UrlBlocklistConfig::default()
        };
        for (name, paths) in [
            ("domains", &mut config.domains),
            ("urls", &mut config.urls),
            ("banned_words", &mut config.banned_words),
            ("soft_words", &mut config.soft_words),
            ("banned_substrings", &mut config.banned_substrings),
        ] {
            let entries: Vec<&str> = lists[name]
                .as_array()
                .unwrap()
                .iter()
                .map(|entry| entry.as_str().unwrap())
                .collect();
            std::fs::write(
                folder.path().join(name),
                format!("# a list\n\n{}\n", entries.join("\n")),
            )
            .unwrap();
            *paths = name.into();
        }
        config.check().unwrap();
        config.build(folder.path()).unwrap()
    }

    fn verdict(filter: &dyn Filter, url: Option<&str>) -> Verdict {
        let mut document = Document::new("x", "Text.", Provenance::default());
        document.source.url = url.map(str::to_owned);
        filter.decide(&filter.measure(&Analysis::new(&document)).values)
    }

    /// Every verdict of datatrove's filter with the same lists; made by scripts/reference/url_filter.py.
    #[test]
    fn agrees_with_datatrove() {
        let golden: serde_json::Value = serde_json::from_str(GOLDEN).unwrap();
        let filter = build(&golden["lists"], false);
        let cases = golden["cases"].as_array().unwrap();
        assert!(cases.len() >= 40);
        for case in cases {
            let url = case[0].as_str().unwrap();
            let reason = match verdict(&*filter, Some(url)) {
                Verdict::Keep => None,
                Verdict::Drop(reason) => Some(reason),
            };
            assert_eq!(reason, case[1].as_str(), "{url}");
        }
    }

    #[test]
    fn where_it_goes_further_than_datatrove() {
        let lists = serde_json::json!({
            "domains": ["bad.example.com", "192.0.2.7", "UPPER.com"], "urls": [], "banned_words": ["casino"], "soft_words": [], "banned_substrings": [],
        });
        let filter = build(&lists, true);
        for (url, expected) in [
            (Some("http://BAD.Example.com/x"), Verdict::Drop("subdomain")),
            (Some("http://192.0.2.7:8080/x"), Verdict::Drop("subdomain")),
            (Some("http://upper.com"), Verdict::Drop("domain")),
            (
                Some("http://example.com/CASINO/"),
                Verdict::Drop("hard_blacklisted"),
            ),
            (Some("http://example.com/casinos/"), Verdict::Keep),
            (Some(""), Verdict::Keep),
            (None, Verdict::Keep),
        ] {
            assert_eq!(verdict(&*filter, url), expected, "{url:?}");
        }
    }

    #[test]
    fn mistakes_are_named() {
        assert!(UrlBlocklistConfig::default().check().is_err());
        let config: UrlBlocklistConfig =
            toml::from_str("domains = \"a.txt\"\nsoft_words_threshold = 0").unwrap();
        assert!(config.check().is_err());
        let folder = tempfile::tempdir().unwrap();
        let config: UrlBlocklistConfig =
            toml::from_str("domains = [\"a.txt\", \"b.txt\"]").unwrap();
        std::fs::write(folder.path().join("a.txt"), "example.com\n").unwrap();
        let error = config.build(folder.path()).err().unwrap();
        assert!(
            error.is_mistake() && error.to_string().contains("b.txt"),
            "{error}"
        );
        std::fs::write(folder.path().join("b.txt"), b"caf\xE9\n").unwrap();
        let error = config.build(folder.path()).err().unwrap();
        assert!(
            error.is_mistake() && error.to_string().contains("UTF-8"),
            "{error}"
        );
    }

    proptest! {
        #[test]
        fn any_address_is_looked_up(url in "\\PC*", dotted in "[a-z./:@\\[\\]]{0,30}") {
            let filter = build(&serde_json::json!({"domains": ["a.com"], "urls": [], "banned_words": [], "soft_words": [], "banned_substrings": ["zzzz"]}), false);
            verdict(&*filter, Some(&url));
            verdict(&*filter, Some(&dotted));
        }
    }
}
