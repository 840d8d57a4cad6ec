//! One chunk, which is what stands between white space, cut into pieces.

use super::affixes::{infixes, prefix, suffix};
use super::rules::Rules;
use super::url::is_url;

/// Cuts chunks; holds memory that is used again.
#[derive(Default)]
pub(super) struct Cutter {
    suffixes: Vec<(usize, usize)>,
}

impl Cutter {
    /// Hand on the pieces of the chunk from byte `begin` to byte `end` of a text: where they begin and end, and their
    /// numbers in the rules.
    ///
    /// As in spaCy, prefixes and suffixes come off in turns until nothing changes or what is left is a special case. What
    /// is left is a special case, an address, or cut at its infixes.
    pub(super) fn cut(
        &mut self,
        rules: &Rules,
        text: &str,
        mut begin: usize,
        mut end: usize,
        emit: &mut impl FnMut(usize, usize, u16),
    ) {
        self.suffixes.clear();
        let mut last_length = 0;
        while begin < end && end - begin != last_length {
            let chunk = &text[begin..end];
            if rules.is_special(chunk) {
                break;
            }
            last_length = chunk.len();
            let inner = begin + prefix(chunk);
            if inner > begin && rules.is_special(&text[inner..end]) {
                emit(begin, inner, rules.number(&text[begin..inner]));
                begin = inner;
                break;
            }
            let outer = end - suffix(&text[inner..end]);
            if outer < end && rules.is_special(&text[begin..outer]) {
                self.suffixes.push((outer, end));
                end = outer;
                break;
            }
            if inner > begin {
                emit(begin, inner, rules.number(&text[begin..inner]));
                begin = inner;
            }
            if outer < end {
                self.suffixes.push((outer, end));
                end = outer;
            }
        }
        middle(rules, text, begin, end, emit);
        for (begin, end) in self.suffixes.drain(..).rev() {
            emit(begin, end, rules.number(&text[begin..end]));
        }
    }
}

fn middle(
    rules: &Rules,
    text: &str,
    begin: usize,
    end: usize,
    emit: &mut impl FnMut(usize, usize, u16),
) {
    let chunk = &text[begin..end];
    let entry = rules.get(chunk);
    if let Some(entry) = entry.filter(|entry| entry.is_special()) {
        entry.each_piece(begin, emit);
        return;
    }
    let mut from = begin;
    if !is_url(chunk) {
        for (infix, infix_end) in infixes(chunk) {
            if infix == 0 {
                continue;
            }
            let (infix, infix_end) = (begin + infix, begin + infix_end);
            if infix > from {
                emit(from, infix, rules.number(&text[from..infix]));
            }
            emit(infix, infix_end, rules.number(&text[infix..infix_end]));
            from = infix_end;
        }
    }
    if from == begin && from < end {
        emit(from, end, entry.map_or(0, |entry| entry.number));
    } else if from < end {
        emit(from, end, rules.number(&text[from..end]));
    }
}
