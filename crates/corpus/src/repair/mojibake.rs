//! Text that was written as UTF-8 and read as another encoding, once or several times.

use std::borrow::Cow;
use std::sync::LazyLock;

use super::Config;
use super::badness::{is_bad, members};
use super::characters::c1_controls;
use super::code_page::having;
use super::config::C1Controls;
use super::sequences::{decode, replace_lossy, restore_spaces};
use super::tables::CLUES;

/// How many layers are taken off one line, and how deep passages lie in passages. Each layer of mojibake makes text longer
/// by half or more, so nobody meets this many.
const LAYERS: usize = 16;

/// The text of one line, repaired until there is nothing left to repair.
pub(super) fn repair<'a>(line: &'a str, config: &Config) -> Cow<'a, str> {
    layers(line, config, LAYERS)
}

fn layers<'a>(line: &'a str, config: &Config, depth: usize) -> Cow<'a, str> {
    let mut text = Cow::Borrowed(line);
    for _ in 0..LAYERS {
        match layer(&text, config, depth) {
            Some(repaired) if repaired != text => text = Cow::Owned(repaired),
            _ => break,
        }
    }
    text
}

/// The text without its outermost layer of mojibake, if one can be taken off.
fn layer(text: &str, config: &Config, depth: usize) -> Option<String> {
    if text.is_ascii() || !is_bad(text) {
        return None;
    }
    let mut bytes = Vec::with_capacity(text.len() + 8);
    for page in having(text) {
        page.encode(text, &mut bytes);
        // In Macintosh it would take an en dash before a space for the beginning of a sequence.
        if config.restore_spaces && page.name() != "macintosh" {
            restore_spaces(&mut bytes);
        }
        if config.lossy_sequences && page.marks_losses() {
            replace_lossy(&mut bytes);
        }
        if let Some(decoded) = decode(&bytes) {
            return Some(decoded);
        }
    }
    if config.embedded
        && depth > 0
        && let Some(repaired) = passages(text, config, depth - 1)
    {
        return Some(repaired);
    }
    if config.c1_controls == C1Controls::Windows1252
        && let Cow::Owned(repaired) = c1_controls(text)
    {
        return Some(repaired);
    }
    None
}

/// The text with repaired passages, if one is wrong and is not all of it.
fn passages(text: &str, config: &Config, depth: usize) -> Option<String> {
    let (mut out, mut copied, mut from) = (String::new(), 0, 0);
    while let Some((start, end)) = next_passage(text, from) {
        let passage = &text[start..end];
        if passage.len() < text.len()
            && is_bad(passage)
            && let Cow::Owned(repaired) = layers(passage, config, depth)
        {
            out.push_str(&text[copied..start]);
            out.push_str(&repaired);
            copied = end;
        }
        from = end;
    }
    if copied == 0 {
        return None;
    }
    out.push_str(&text[copied..]);
    Some(out)
}

/// What characters a byte of UTF-8 may have become.
mod clue {
    pub(super) const LEADS_2: u8 = 1;
    pub(super) const LEADS_3: u8 = 2;
    pub(super) const LEADS_4: u8 = 4;
    pub(super) const CONTINUES: u8 = 8;
    /// Continues, and seldom stands for itself beside mojibake.
    pub(super) const CONTINUES_STRICTLY: u8 = 16;
}

/// The next run of characters, from byte `from` on, that look like bytes of UTF-8 each of which became a character. It does
/// not begin in the midst of such characters, where taking out some of them would make a larger garble worse.
fn next_passage(text: &str, from: usize) -> Option<(usize, usize)> {
    let before = text[..from].chars().next_back();
    let mut inside = before.is_some_and(|char| clues(char) & clue::CONTINUES_STRICTLY != 0);
    for (at, char) in text[from..].char_indices() {
        let start = from + at;
        let found = clues(char);
        if !inside && found != 0 {
            let mut end = start;
            while let Some(length) = sequence(&text[end..]) {
                end += length;
            }
            if end > start {
                return Some((start, end));
            }
        }
        inside = found & clue::CONTINUES_STRICTLY != 0;
    }
    None
}

/// How many bytes the characters take at the beginning of `text` that look like one sequence of UTF-8.
fn sequence(text: &str) -> Option<usize> {
    let lead = text.chars().next()?;
    let found = clues(lead);
    let kinds = [(clue::LEADS_2, 1), (clue::LEADS_3, 2), (clue::LEADS_4, 3)];
    kinds.iter().find_map(|(kind, more)| {
        if found & kind == 0 {
            return None;
        }
        let mut rest = text.chars();
        rest.next();
        let continues = |char| clues(char) & clue::CONTINUES != 0;
        let complete = (0..*more).all(|_| rest.next().is_some_and(continues));
        complete.then_some(text.len() - rest.as_str().len())
    })
}

fn clues(char: char) -> u8 {
    const END: usize = 0x2200;
    static CLUES_OF: LazyLock<Vec<u8>> = LazyLock::new(|| {
        let mut clues = vec![0; END];
        for (characters, clue) in [
            (CLUES.first_of_2, clue::LEADS_2),
            (CLUES.first_of_3, clue::LEADS_3),
            (CLUES.first_of_4, clue::LEADS_4),
            (CLUES.continuation, clue::CONTINUES),
            (CLUES.continuation_strict, clue::CONTINUES_STRICTLY),
        ] {
            for char in members(characters) {
                if let Some(of) = clues.get_mut(char as usize) {
                    *of |= clue;
                }
            }
        }
        clues
    });
    CLUES_OF.get(char as usize).copied().unwrap_or(0)
}
