//! The `[corpus.repair]` section of a recipe.

use serde::{Deserialize, Serialize};

/// What is repaired. Without any key nothing is; with `preset = "ftfy"` what python-ftfy 6.3.1 repairs by default. A key
/// that is given has the last word over the preset.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Keys")]
pub struct Config {
    /// Whether text is repaired that was written as UTF-8 and read as another encoding (`cafÃ©`). Default false.
    pub mojibake: bool,
    /// With `mojibake`: whether a space may stand for the no-break space (byte A0) that a sequence of UTF-8 lacks (`voilÃ `).
    /// Default true.
    pub restore_spaces: bool,
    /// With `mojibake`: whether sequences of UTF-8 that lost bytes, to `�` or `?`, become one `�`. Default true.
    pub lossy_sequences: bool,
    /// With `mojibake`: whether wrongly read passages are repaired on a line of which the rest was read rightly. Default
    /// true.
    pub embedded: bool,
    /// `keep` or `windows-1252`: what becomes of the control characters U+0080 to U+009F. Default `keep`.
    pub c1_controls: C1Controls,
    /// `keep`, `decode`, or `auto`: decode, but not from the first line on that has a `<` in it, which is taken for HTML.
    /// Default `keep`.
    pub html_entities: HtmlEntities,
    /// `keep` or `remove`: the sequences that colour text in a terminal. Default `keep`.
    pub terminal_escapes: Removal,
    /// `keep` or `split`: Latin ligatures and digraphs that are one character (`ﬁ`). Default `keep`.
    pub ligatures: Ligatures,
    /// `keep` or `standard`: full-width Latin, half-width katakana and hangul, the ideographic space. Default `keep`.
    pub width: Width,
    /// `keep` or `straight`: curly quotation marks and apostrophes. Default `keep`.
    pub quotes: Quotes,
    /// `keep` or `lf`: the ends of lines (CR LF, CR, U+0085, U+2028, U+2029). Default `keep`.
    pub line_endings: LineEndings,
    /// `keep` or `remove`: control characters other than white space, byte order marks, U+206A to U+206F, U+FFF9 to U+FFFC.
    /// Default `keep`.
    pub control_characters: Removal,
    /// `none`, `nfc` or `nfkc`: the Unicode normalisation form (Unicode Standard Annex 15). Default `none`.
    pub unicode: Unicode,
    /// `keep` or `remove`: spaces and tabs at the ends of lines. Default `keep`.
    pub trailing_space: Removal,
}

impl Config {
    /// Nothing is changed.
    pub const NOTHING: Self = Self {
        mojibake: false,
        restore_spaces: true,
        lossy_sequences: true,
        embedded: true,
        c1_controls: C1Controls::Keep,
        html_entities: HtmlEntities::Keep,
        terminal_escapes: Removal::Keep,
        ligatures: Ligatures::Keep,
        width: Width::Keep,
        quotes: Quotes::Keep,
        line_endings: LineEndings::Keep,
        control_characters: Removal::Keep,
        unicode: Unicode::None,
        trailing_space: Removal::Keep,
    };

    /// What python-ftfy 6.3.1 does by default (its `TextFixerConfig`). Its `fix_surrogates` has no counterpart: a Rust
    /// string cannot hold a surrogate. Pairs of them within mojibake are put together.
    pub const FTFY: Self = Self {
        mojibake: true,
        c1_controls: C1Controls::Windows1252,
        html_entities: HtmlEntities::Auto,
        terminal_escapes: Removal::Remove,
        ligatures: Ligatures::Split,
        width: Width::Standard,
        quotes: Quotes::Straight,
        line_endings: LineEndings::Lf,
        control_characters: Removal::Remove,
        unicode: Unicode::Nfc,
        ..Self::NOTHING
    };
}

impl Default for Config {
    fn default() -> Self {
        Self::NOTHING
    }
}

macro_rules! choice {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $text:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
        pub enum $name {
            $($(#[$variant_doc])* #[serde(rename = $text)] $variant,)*
        }
    };
}

choice! {
    /// Where the library's settings come from before a recipe's keys change them.
    Preset {
        /// [`Config::NOTHING`]
        None = "none",
        /// [`Config::FTFY`]
        Ftfy = "ftfy",
    }
}
choice! {
    /// What becomes of U+0080 to U+009F, which are characters of Windows-1252 read as Latin-1.
    C1Controls {
        /// They stay.
        Keep = "keep",
        /// They become what the same byte is in Windows-1252, as in browsers.
        Windows1252 = "windows-1252",
    }
}
choice! {
    /// What becomes of HTML's character references, such as `&eacute;` and `&#233;`.
    HtmlEntities {
        /// They stay.
        Keep = "keep",
        /// They become the character.
        Decode = "decode",
        /// They become the character in front of the first line with a `<`.
        Auto = "auto",
    }
}
choice! {
    /// What becomes of characters that show nothing.
    Removal {
        /// They stay.
        Keep = "keep",
        /// They are taken out.
        Remove = "remove",
    }
}
choice! {
    /// What becomes of Latin ligatures.
    Ligatures {
        /// They stay.
        Keep = "keep",
        /// They become their letters.
        Split = "split",
    }
}
choice! {
    /// What becomes of characters of unusual width.
    Width {
        /// They stay.
        Keep = "keep",
        /// They become the same characters in their usual width.
        Standard = "standard",
    }
}
choice! {
    /// What becomes of quotation marks.
    Quotes {
        /// They stay.
        Keep = "keep",
        /// They become `'` and `"`.
        Straight = "straight",
    }
}
choice! {
    /// What becomes of the ends of lines.
    LineEndings {
        /// They stay.
        Keep = "keep",
        /// They become line feeds.
        Lf = "lf",
    }
}
choice! {
    /// The Unicode normalisation form.
    Unicode {
        /// Text is not normalised.
        None = "none",
        /// Canonical composition.
        Nfc = "nfc",
        /// Compatibility composition, which loses distinctions: `10³` becomes `103`.
        Nfkc = "nfkc",
    }
}

/// The keys as a recipe gives them.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Keys {
    preset: Option<Preset>,
    mojibake: Option<bool>,
    restore_spaces: Option<bool>,
    lossy_sequences: Option<bool>,
    embedded: Option<bool>,
    c1_controls: Option<C1Controls>,
    html_entities: Option<HtmlEntities>,
    terminal_escapes: Option<Removal>,
    ligatures: Option<Ligatures>,
    width: Option<Width>,
    quotes: Option<Quotes>,
    line_endings: Option<LineEndings>,
    control_characters: Option<Removal>,
    unicode: Option<Unicode>,
    trailing_space: Option<Removal>,
}

impl From<Keys> for Config {
    fn from(keys: Keys) -> Self {
        let preset = match keys.preset {
            Some(Preset::Ftfy) => Self::FTFY,
            Some(Preset::None) | None => Self::NOTHING,
        };
        Self {
            mojibake: keys.mojibake.unwrap_or(preset.mojibake),
            restore_spaces: keys.restore_spaces.unwrap_or(preset.restore_spaces),
            lossy_sequences: keys.lossy_sequences.unwrap_or(preset.lossy_sequences),
            embedded: keys.embedded.unwrap_or(preset.embedded),
            c1_controls: keys.c1_controls.unwrap_or(preset.c1_controls),
            html_entities: keys.html_entities.unwrap_or(preset.html_entities),
            terminal_escapes: keys.terminal_escapes.unwrap_or(preset.terminal_escapes),
            ligatures: keys.ligatures.unwrap_or(preset.ligatures),
            width: keys.width.unwrap_or(preset.width),
            quotes: keys.quotes.unwrap_or(preset.quotes),
            line_endings: keys.line_endings.unwrap_or(preset.line_endings),
            control_characters: keys.control_characters.unwrap_or(preset.control_characters),
            unicode: keys.unicode.unwrap_or(preset.unicode),
            trailing_space: keys.trailing_space.unwrap_or(preset.trailing_space),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_change_a_preset() {
        let check = |keys: &str, expected: Config| {
            assert_eq!(toml::from_str::<Config>(keys).unwrap(), expected, "{keys}");
        };
        check("", Config::NOTHING);
        check("preset = 'none'", Config::NOTHING);
        check("preset = 'ftfy'", Config::FTFY);
        let quotes = Quotes::Keep;
        check(
            "preset = 'ftfy'\nquotes = 'keep'",
            Config {
                quotes,
                ..Config::FTFY
            },
        );
        let unicode = Unicode::Nfkc;
        check(
            "unicode = 'nfkc'",
            Config {
                unicode,
                ..Config::NOTHING
            },
        );
        for wrong in ["mojibak = true", "unicode = 'NFC'", "preset = 'all'"] {
            assert!(toml::from_str::<Config>(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn what_is_written_reads_back() {
        for config in [Config::NOTHING, Config::FTFY] {
            let written = toml::to_string(&config).unwrap();
            assert_eq!(toml::from_str::<Config>(&written).unwrap(), config);
        }
    }
}
