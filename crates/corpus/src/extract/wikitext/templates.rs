//! Templates that stand in the middle of sentences, and what they show.
//!
//! The names are those of the English Wikipedia, whose templates many other wikis took over. A template that is not in
//! the table shows nothing.

/// How a template is shown.
#[derive(Clone, Copy)]
pub(super) enum Rule {
    /// The argument of this number, counted from 1.
    Argument(usize),
    /// The last argument without a name.
    Last,
    /// The argument `text` or `quote`, or the first.
    Quote,
    /// Each argument without a name on a line of its own.
    Lines,
    /// This text.
    Text(&'static str),
    /// The arguments with this between them.
    Join(&'static str),
    /// The first argument between these.
    Around(&'static str, &'static str),
    /// This, and the arguments with a dash between them.
    Range(&'static str),
    /// What this function makes of the arguments.
    Render(fn(&Arguments) -> String),
}

/// The arguments of a template, as text.
#[derive(Default)]
pub(super) struct Arguments {
    pub(super) positional: Vec<String>,
    pub(super) named: Vec<(String, String)>,
}

impl Arguments {
    /// The argument of this number, counted from 1; empty where there is none.
    pub(super) fn get(&self, number: usize) -> &str {
        self.positional.get(number - 1).map_or("", String::as_str)
    }

    fn named(&self, name: &str) -> Option<&str> {
        let found = self.named.iter().find(|(known, _)| known == name);
        found
            .map(|(_, value)| value.as_str())
            .filter(|value| !value.is_empty())
    }
}

/// The rule for the template of this name, which is in lower case.
pub(super) fn rule(name: &str) -> Option<Rule> {
    if let Ok(index) = RULES.binary_search_by(|(known, _)| (*known).cmp(name)) {
        return Some(RULES[index].1);
    }
    // `{{lang-de|Wort}}` shows the word; so do the scripts, `{{script/Arabic|...}}`, with or without a code before it.
    if name.starts_with("lang-") {
        return Some(Rule::Argument(1));
    }
    name.starts_with("script/").then_some(Rule::Last)
}

use Rule::{Argument, Around, Join, Last, Lines, Quote, Range, Render, Text};

/// In the order of their names.
const RULES: [(&str, Rule); 277] = [
    ("", Text(" ")),
    ("!", Text("|")),
    ("\"'", Text("\"'")),
    ("&nbsp", Text(" ")),
    ("'", Text("'")),
    ("'\"", Text("'\"")),
    ("'s", Text("'s")),
    ("(", Text("{")),
    (")", Text("}")),
    ("*", Text(" · ")),
    ("-", Text("")),
    ("10^", Around("10^", "")),
    ("=", Text("=")),
    ("a$", Around("A$", "")),
    ("abbr", Argument(1)),
    ("abbrlink", Last),
    ("angbr", Around("⟨", "⟩")),
    ("angbr ipa", Around("⟨", "⟩")),
    ("angle bracket", Around("⟨", "⟩")),
    ("anli", Argument(1)),
    ("apostrophe", Text("'")),
    ("ar", Argument(1)),
    ("as of", Render(as_of)),
    ("as written", Argument(1)),
    ("asof", Render(as_of)),
    ("aud", Around("A$", "")),
    ("avoid wrap", Argument(1)),
    ("ayin", Text("ʿ")),
    ("b.", Around("b. ", "")),
    ("background color", Last),
    ("big", Argument(1)),
    ("birth date", Render(date)),
    ("birth date and age", Render(date)),
    ("block quote", Quote),
    ("blockquote", Quote),
    ("bold", Argument(1)),
    ("bq", Quote),
    ("bquote", Quote),
    ("bracket", Around("[", "]")),
    ("bracketed", Around("[", "]")),
    ("bull", Text(" · ")),
    ("bullet", Text(" · ")),
    ("bulleted list", Lines),
    ("button", Argument(1)),
    ("c.", Around("c. ", "")),
    ("ca", Around("c. ", "")),
    ("ca$", Around("CA$", "")),
    ("ca.", Around("c. ", "")),
    ("cad", Around("CA$", "")),
    ("center", Argument(1)),
    ("centered pull quote", Quote),
    ("check mark", Text("✓")),
    ("chem", Join("")),
    ("chem2", Join("")),
    ("circa", Around("c. ", "")),
    ("clear", Text("")),
    ("code", Argument(1)),
    ("col-list", Lines),
    ("color", Last),
    ("colour", Last),
    ("columns-list", Lines),
    ("convert", Render(convert)),
    ("coptic", Argument(1)),
    ("cquote", Quote),
    ("cslist", Lines),
    ("cuneiform", Argument(1)),
    ("cvt", Render(convert)),
    ("d.", Around("d. ", "")),
    ("dash", Text(" – ")),
    ("death date", Render(date)),
    ("death date and age", Render(date)),
    ("dot", Text(" · ")),
    ("dropped initial", Argument(1)),
    ("dts", Render(date)),
    ("e", Around("×10^", "")),
    ("e-sp", Around("×10^", "")),
    ("em", Argument(1)),
    ("em dash", Text("—")),
    ("emdash", Text("—")),
    ("emsp", Text(" ")),
    ("en dash", Text("–")),
    ("end date", Render(date)),
    ("endash", Text("–")),
    ("ensp", Text(" ")),
    ("eur", Around("€", "")),
    ("euro", Around("€", "")),
    ("fl", Around("fl. ", "")),
    ("fl.", Around("fl. ", "")),
    ("flag", Argument(1)),
    ("flag+link", Argument(1)),
    ("flagcountry", Argument(1)),
    ("flagg", Argument(1)),
    ("flaglist", Argument(1)),
    ("flagu", Argument(1)),
    ("flat", Text("♭")),
    ("flat list", Lines),
    ("flatlist", Lines),
    ("floruit", Around("fl. ", "")),
    ("font", Argument(1)),
    ("font color", Last),
    ("font colour", Last),
    ("font size", Argument(1)),
    ("fontcolor", Last),
    ("frac", Render(fraction)),
    ("fract", Join("/")),
    ("fraction", Render(fraction)),
    ("gaps", Join("")),
    ("gbp", Around("£", "")),
    ("genus", Argument(1)),
    ("gray", Argument(1)),
    ("grc", Argument(1)),
    ("green", Argument(1)),
    ("grey", Argument(1)),
    ("hair space", Text(" ")),
    ("he", Argument(1)),
    ("hebrew", Argument(1)),
    ("height", Render(height)),
    ("highlight", Argument(1)),
    ("hlist", Lines),
    ("hover", Argument(1)),
    ("hover title", Last),
    ("hsp", Text(" ")),
    ("ill", Argument(1)),
    ("indian rupee", Around("₹", "")),
    ("inr", Around("₹", "")),
    ("interlanguage link", Argument(1)),
    ("interlanguage link multi", Argument(1)),
    ("italic", Argument(1)),
    ("italics", Argument(1)),
    ("iw", Argument(1)),
    ("jpy", Around("¥", "")),
    ("kbd", Argument(1)),
    ("key", Argument(1)),
    ("key press", Argument(1)),
    ("keypress", Argument(1)),
    ("lang", Argument(2)),
    ("lang-rtl", Argument(2)),
    ("lang-unicode", Argument(2)),
    ("lang2", Argument(2)),
    ("larger", Argument(1)),
    ("lc", Argument(1)),
    ("linear-b", Argument(1)),
    ("linktext", Join("")),
    ("long quotation", Quote),
    ("lrm", Text("")),
    ("ltr", Argument(1)),
    ("math", Argument(1)),
    ("mdash", Text("—")),
    ("middot", Text(" · ")),
    ("mono", Argument(1)),
    ("mu", Text("μ")),
    ("mvar", Argument(1)),
    ("nastaliq", Argument(1)),
    ("natural", Text("♮")),
    ("nbsp", Text(" ")),
    ("ndash", Text("–")),
    ("nihongo", Render(nihongo)),
    ("nihongo2", Argument(1)),
    ("nnbsp", Text(" ")),
    ("no break", Argument(1)),
    ("no wrap", Argument(1)),
    ("nobold", Argument(1)),
    ("nobr", Argument(1)),
    ("nobreak", Argument(1)),
    ("noitalic", Argument(1)),
    ("normal", Argument(1)),
    ("not a typo", Argument(1)),
    ("nowrap", Argument(1)),
    ("nsndns", Text("–")),
    ("numbered list", Lines),
    ("okina", Text("ʻ")),
    ("ordered list", Lines),
    ("overline", Argument(1)),
    ("phi", Text("φ")),
    ("pi", Text("π")),
    ("plain list", Lines),
    ("plainlist", Lines),
    ("poem quote", Quote),
    ("poemquote", Quote),
    ("polytonic", Argument(1)),
    ("proper name", Argument(1)),
    ("pull quote", Quote),
    ("quotation", Quote),
    ("quote", Quote),
    ("quote box", Quote),
    ("quote frame", Quote),
    ("quotebox", Quote),
    ("r.", Range("r. ")),
    ("radic", Around("√", "")),
    ("red", Argument(1)),
    ("reign", Range("r. ")),
    ("release date", Render(date)),
    ("resize", Argument(1)),
    ("rlm", Text("")),
    ("rquote", Quote),
    ("rtl", Argument(1)),
    ("rtl-lang", Argument(2)),
    ("samp", Argument(1)),
    ("sans", Argument(1)),
    ("sans-serif", Argument(1)),
    ("sc", Argument(1)),
    ("sc1", Argument(1)),
    ("sc2", Argument(1)),
    ("script", Argument(2)),
    ("script/arabic", Argument(1)),
    ("script/greek", Argument(1)),
    ("script/hebrew", Argument(1)),
    ("serif", Argument(1)),
    ("sfrac", Join("/")),
    ("sharp", Text("♯")),
    ("ship name", Argument(1)),
    ("shy", Text("")),
    ("sic", Argument(1)),
    ("small", Argument(1)),
    ("smallcaps", Argument(1)),
    ("smaller", Argument(1)),
    ("smallsup", Argument(1)),
    ("smdash", Text(" — ")),
    ("snamei", Argument(1)),
    ("snd", Text(" – ")),
    ("space", Text(" ")),
    ("spaced em dash", Text(" — ")),
    ("spaced en dash", Text(" – ")),
    ("spaced endash", Text(" – ")),
    ("spaced mdash", Text("—")),
    ("spaced ndash", Text(" – ")),
    ("spaces", Text(" ")),
    ("spnd", Text(" – ")),
    ("spndash", Text(" – ")),
    ("sqrt", Around("√", "")),
    ("start date", Render(date)),
    ("start date and age", Render(date)),
    ("strikethrough", Argument(1)),
    ("strong", Argument(1)),
    ("su", Argument(1)),
    ("sub", Argument(1)),
    ("sup", Argument(1)),
    ("tau", Text("τ")),
    ("thin space", Text(" ")),
    ("thinsp", Text(" ")),
    ("tlit", Last),
    ("tooltip", Argument(1)),
    ("tq", Argument(1)),
    ("transl", Last),
    ("transliteration", Last),
    ("tt", Argument(1)),
    ("typo", Argument(1)),
    ("ubl", Lines),
    ("uc", Argument(1)),
    ("ucfirst", Argument(1)),
    ("unbulleted list", Lines),
    ("underline", Argument(1)),
    ("unicode", Argument(1)),
    ("unordered list", Lines),
    ("us$", Around("US$", "")),
    ("usd", Around("US$", "")),
    ("val", Render(value)),
    ("vanchor", Argument(1)),
    ("var", Argument(1)),
    ("verse", Quote),
    ("verse translation", Quote),
    ("visible anchor", Argument(1)),
    ("wbr", Text("")),
    ("wikt-lang", Argument(2)),
    ("xt", Argument(1)),
    ("yen", Around("¥", "")),
    ("zh-full", Argument(1)),
    ("zwj", Text("")),
    ("zwnj", Text("")),
    ("zwsp", Text("")),
    ("£", Around("£", "")),
    ("¥", Around("¥", "")),
    ("·", Text(" · ")),
    ("–", Text(" – ")),
    ("—", Text("—")),
    ("•", Text(" · ")),
    ("€", Around("€", "")),
];

/// `{{as of|2010|5}}`
fn as_of(arguments: &Arguments) -> String {
    format!("As of {}", date(arguments))
}

/// `{{frac|1|2}}` is 1/2, `{{frac|3|1|2}}` is 3 1/2 and `{{frac|2}}` is 1/2.
fn fraction(arguments: &Arguments) -> String {
    match arguments.positional.as_slice() {
        [whole, above, below, ..] => format!("{whole} {above}/{below}"),
        [above, below] => format!("{above}/{below}"),
        [below] => format!("1/{below}"),
        [] => String::new(),
    }
}

/// What may stand between the two numbers of a range in `{{convert|5|to|10|km}}`, and how it is shown.
const RANGES: [(&str, &str); 14] = [
    ("-", "–"),
    ("–", "–"),
    ("to", " to "),
    ("to(-)", " to "),
    ("and", " and "),
    ("and(-)", " and "),
    ("or", " or "),
    ("x", " × "),
    ("by", " by "),
    ("by(x)", " by "),
    ("*", " × "),
    ("xx", " × "),
    ("+/-", " ± "),
    ("±", " ± "),
];

/// `{{convert|5|km|mi}}`: the quantity as it was written, without the conversion.
fn convert(arguments: &Arguments) -> String {
    let mut shown = String::new();
    let mut rest = arguments.positional.iter();
    let Some(first) = rest.next() else {
        return shown;
    };
    shown.push_str(first);
    while let Some(next) = rest.next() {
        match RANGES.iter().find(|(name, _)| name == next) {
            Some((_, between)) => {
                shown.push_str(between);
                shown.push_str(rest.next().map_or("", String::as_str));
            }
            None if next.is_empty() => break,
            None => {
                shown.push(' ');
                shown.push_str(match next.as_str() {
                    "sqmi" => "sq mi",
                    "sqkm" => "km²",
                    "km2" => "km²",
                    "m2" => "m²",
                    "m3" => "m³",
                    "C" => "°C",
                    "F" => "°F",
                    "ftin" => "ft",
                    unit => unit,
                });
                break;
            }
        }
    }
    shown
}

/// `{{height|ft=6|in=2}}`
fn height(arguments: &Arguments) -> String {
    let parts = [("m", "m"), ("cm", "cm"), ("ft", "ft"), ("in", "in")];
    let shown = parts.iter().filter_map(|(name, unit)| {
        let number = arguments.named(name)?;
        Some(format!("{number} {unit}"))
    });
    shown.collect::<Vec<_>>().join(" ")
}

/// `{{val|1.5|0.2|e=6|u=km}}`
fn value(arguments: &Arguments) -> String {
    let mut shown = arguments.get(1).to_owned();
    if !arguments.get(2).is_empty() {
        shown.push_str(" ± ");
        shown.push_str(arguments.get(2));
    }
    if let Some(exponent) = arguments.named("e") {
        shown.push_str(" × 10^");
        shown.push_str(exponent);
    }
    if let Some(unit) = arguments.named("u").or(arguments.named("ul")) {
        shown.push(' ');
        shown.push_str(unit);
    }
    shown
}

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

/// `{{birth date|1879|3|14}}`
fn date(arguments: &Arguments) -> String {
    let number = |at: usize| arguments.get(at).parse::<usize>().ok();
    let year = arguments.get(1);
    match (
        number(2).and_then(|month| MONTHS.get(month.wrapping_sub(1))),
        number(3),
    ) {
        (Some(month), Some(day)) => format!("{day} {month} {year}"),
        (Some(month), None) => format!("{month} {year}"),
        (None, _) => year.to_owned(),
    }
}

/// `{{nihongo|English|kanji|romaji}}`
fn nihongo(arguments: &Arguments) -> String {
    let parts = [arguments.get(2), arguments.get(3)];
    let inside: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    match (arguments.get(1), inside.is_empty()) {
        (english, true) => english.to_owned(),
        ("", false) => inside.join(", "),
        (english, false) => format!("{english} ({})", inside.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_in_order_and_has_no_name_twice() {
        assert!(RULES.is_sorted_by(|one, two| one.0 < two.0));
    }
}
