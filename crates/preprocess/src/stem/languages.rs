//! The languages that have a stemmer, and their names.

use frostem::Algorithm as Snowball;

use super::Error;

/// A language that has a Snowball stemmer.
#[derive(Clone, Copy, Debug)]
pub struct Language {
    /// Its name in English, as [`Stemmer::new`](super::Stemmer::new) reads it.
    pub name: &'static str,
    /// Its codes in ISO 639-1, 639-3 and 639-2/B, as far as it has them.
    pub codes: &'static [&'static str],
    pub(super) snowball: Snowball,
}

const fn row(name: &'static str, codes: &'static [&'static str], snowball: Snowball) -> Language {
    Language {
        name,
        codes,
        snowball,
    }
}

/// All that have one, by name.
pub const LANGUAGES: [Language; 36] = [
    row("arabic", &["ar", "ara", "arb"], Snowball::Arabic),
    row("armenian", &["hy", "hye", "arm"], Snowball::Armenian),
    row("basque", &["eu", "eus", "baq"], Snowball::Basque),
    row("catalan", &["ca", "cat"], Snowball::Catalan),
    row("czech", &["cs", "ces", "cze"], Snowball::Czech),
    row("danish", &["da", "dan"], Snowball::Danish),
    row("dutch", &["nl", "nld", "dut"], Snowball::Dutch),
    row("early_modern_english", &[], Snowball::Earlymodernenglish),
    row("english", &["en", "eng"], Snowball::English),
    row("esperanto", &["eo", "epo"], Snowball::Esperanto),
    row("estonian", &["et", "est", "ekk"], Snowball::Estonian),
    row("finnish", &["fi", "fin"], Snowball::Finnish),
    row("french", &["fr", "fra", "fre"], Snowball::French),
    row("german", &["de", "deu", "ger"], Snowball::German),
    row("greek", &["el", "ell", "gre"], Snowball::Greek),
    row("hindi", &["hi", "hin"], Snowball::Hindi),
    row("hungarian", &["hu", "hun"], Snowball::Hungarian),
    row("indonesian", &["id", "ind"], Snowball::Indonesian),
    row("irish", &["ga", "gle"], Snowball::Irish),
    row("italian", &["it", "ita"], Snowball::Italian),
    row("lithuanian", &["lt", "lit"], Snowball::Lithuanian),
    row("nepali", &["ne", "nep", "npi"], Snowball::Nepali),
    row(
        "norwegian",
        &["no", "nor", "nb", "nob", "nn", "nno"],
        Snowball::Norwegian,
    ),
    row("persian", &["fa", "fas", "per", "pes"], Snowball::Persian),
    row("polish", &["pl", "pol"], Snowball::Polish),
    row("portuguese", &["pt", "por"], Snowball::Portuguese),
    row("romanian", &["ro", "ron", "rum"], Snowball::Romanian),
    row("russian", &["ru", "rus"], Snowball::Russian),
    row("serbian", &["sr", "srp"], Snowball::Serbian),
    row("sesotho", &["st", "sot"], Snowball::Sesotho),
    row("spanish", &["es", "spa"], Snowball::Spanish),
    row("swedish", &["sv", "swe"], Snowball::Swedish),
    row("tamil", &["ta", "tam"], Snowball::Tamil),
    row("turkish", &["tr", "tur"], Snowball::Turkish),
    row("ukrainian", &["uk", "ukr"], Snowball::Ukrainian),
    row("yiddish", &["yi", "yid", "ydd"], Snowball::Yiddish),
];

/// How alike two names must be (Jaro-Winkler) for one to be offered for the other: a slip of a letter or two lies above.
const ALIKE: f64 = 0.8;

/// The language of a name or a code.
pub(super) fn find(given: &str) -> Result<&'static Language, Error> {
    let wanted = given.trim().to_lowercase().replace(['-', ' '], "_");
    let named =
        |language: &&Language| language.name == wanted || language.codes.contains(&wanted.as_str());
    LANGUAGES.iter().find(named).ok_or_else(|| {
        let mut near: Vec<(f64, &str)> = LANGUAGES
            .iter()
            .map(|language| (strsim::jaro_winkler(&wanted, language.name), language.name))
            .filter(|(likeness, _)| *likeness >= ALIKE)
            .collect();
        near.sort_by(|one, other| other.0.total_cmp(&one.0));
        Error::UnknownLanguage {
            given: given.to_owned(),
            near: near.into_iter().map(|(_, name)| name).take(3).collect(),
        }
    })
}
