//! The notation stories are written in.
//!
//! A grammar is a set of tables of rows; telling a story is choosing rows. The notation, a line a row:
//!
//! ```text
//! // a comment
//! [tool short]                         a table and the names of its further forms
//! #dark a brass lantern|the lantern    a row: its text, its form `short`; `#dark` is its tag
//! 3*#rope a rope|the rope              `3*`: three times as likely as a row without it
//!
//! [departure]
//! {hero} packed {+tool} and {a +trait} coat. Was {tool.short} too heavy? {^they} tried {+knot@tool}.
//! ```
//!
//! A slot in braces is either *fresh*, which chooses a row (`{+tool}` from table `tool`; `{+friend=name}` from table
//! `name`, remembered as `friend`; `{+knot@tool}` from the table `knot/dark`, after the tag of the tool; two tags give
//! `knot/dark/near`), or *bound*, which repeats what was chosen (`{tool}`, or another form of it, `{tool.short}`).
//! `^` capitalises, `a` puts the article before it, `{sum}` is the number of days told so far in words, `{sum+2}` two
//! more, `{paragraph}` an empty line; `{they}`, `{them}` and `{their}` are the pronouns of the hero.
//!
//! The *lead* of a row is its text up to the first fresh slot. All leads that are open at a choice must be prefix-free;
//! the tests check it at every choice of thousands of stories.

const VOWELS: [char; 5] = ['a', 'e', 'i', 'o', 'u'];
/// Beginnings whose article the first letter does not give.
const ARTICLES: [(&str, &str); 5] = [
    ("honest", "an "),
    ("hour", "an "),
    ("one-", "a "),
    ("uni", "a "),
    ("use", "a "),
];

/// A table as written.
pub(super) struct Source {
    pub(super) name: &'static str,
    pub(super) forms: Vec<&'static str>,
    pub(super) rows: Vec<SourceRow>,
}

pub(super) struct SourceRow {
    pub(super) place: String,
    pub(super) weight: u32,
    pub(super) tag: &'static str,
    pub(super) forms: Vec<&'static str>,
}

/// Reads tables; tables of one name in several files are one table.
pub(super) fn parse(files: &[(&'static str, &'static str)]) -> Result<Vec<Source>, String> {
    let mut sources: Vec<Source> = Vec::new();
    for &(file, text) in files {
        let mut current = None;
        for (number, line) in text.lines().enumerate() {
            let place = format!("{file}:{}", number + 1);
            if line.is_empty() || line.starts_with("//") {
                continue;
            }
            if !line.is_ascii() {
                return Err(format!("{place}: not ASCII"));
            }
            if let Some(head) = line
                .strip_prefix('[')
                .and_then(|rest| rest.strip_suffix(']'))
            {
                let mut words = head.split(' ');
                let name = words.next().unwrap_or_default();
                let forms: Vec<_> = words.collect();
                let known = sources.iter().position(|source| source.name == name);
                current = Some(known.unwrap_or(sources.len()));
                if known.is_none() {
                    let rows = Vec::new();
                    sources.push(Source { name, forms, rows });
                }
                continue;
            }
            let source = current
                .and_then(|at: usize| sources.get_mut(at))
                .ok_or_else(|| format!("{place}: a row before the first table"))?;
            source.rows.push(parse_row(place, line)?);
        }
    }
    Ok(sources)
}

fn parse_row(place: String, line: &'static str) -> Result<SourceRow, String> {
    let (weight, line) = match line.split_once('*') {
        Some((digits, rest)) if digits.bytes().all(|byte| byte.is_ascii_digit()) => {
            let weight = digits.parse().ok().filter(|&weight| weight > 0);
            (
                weight.ok_or_else(|| format!("{place}: weight `{digits}`"))?,
                rest,
            )
        }
        _ => (1, line),
    };
    let (tag, line) = match line.strip_prefix('#') {
        Some(rest) => rest.split_once(' ').unwrap_or((rest, "")),
        None => ("", line),
    };
    let forms = line.split('|').collect();
    Ok(SourceRow {
        place,
        weight,
        tag,
        forms,
    })
}

/// A slot as written.
pub(super) struct Slot<'a> {
    pub(super) style: Style,
    pub(super) fresh: bool,
    pub(super) variable: &'a str,
    pub(super) table: &'a str,
    pub(super) form: &'a str,
    pub(super) tags: Vec<&'a str>,
}

impl<'a> Slot<'a> {
    pub(super) fn parse(text: &'a str) -> Self {
        let (capital, text) = strip(text, "^");
        let (article, text) = strip(text, "a ");
        let (fresh, text) = strip(text, "+");
        let mut parts = text.split('@');
        let name = parts.next().unwrap_or_default();
        let tags = parts.collect();
        let (name, form) = match name {
            "they" | "them" | "their" => ("hero", name),
            _ => name.split_once('.').unwrap_or((name, "")),
        };
        let (variable, table) = name.split_once('=').unwrap_or((name, name));
        Self {
            style: Style { capital, article },
            fresh,
            variable,
            table,
            form,
            tags,
        }
    }
}

fn strip<'a>(text: &'a str, sign: &str) -> (bool, &'a str) {
    match text.strip_prefix(sign) {
        Some(rest) => (true, rest),
        None => (false, text),
    }
}

/// The pieces of a text: what stands outside braces (`false`) and within (`true`).
pub(super) fn pieces(text: &'static str) -> impl Iterator<Item = (bool, &'static str)> {
    text.split('{').enumerate().flat_map(|(number, part)| {
        let (slot, rest) = match part.split_once('}') {
            Some((slot, rest)) if number > 0 => (Some(slot), rest),
            _ => (None, part),
        };
        slot.map(|slot| (true, slot))
            .into_iter()
            .chain((!rest.is_empty()).then_some((false, rest)))
    })
}

/// How a slot's text is put down.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Style {
    pub(super) capital: bool,
    pub(super) article: bool,
}

/// The article that goes before a text, with a space.
pub(super) fn article(text: &str) -> &'static str {
    for (start, article) in ARTICLES {
        if text.starts_with(start) {
            return article;
        }
    }
    if text.starts_with(VOWELS) {
        "an "
    } else {
        "a "
    }
}
