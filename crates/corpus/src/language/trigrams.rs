//! The trigrams of a text by their frequency.

/// Three characters in one number, which has their order.
pub(super) type Trigram = u64;

pub(super) fn trigram([first, second, third]: [char; 3]) -> Trigram {
    u64::from(first) << 42 | u64::from(second) << 21 | u64::from(third)
}

/// Whether a character is a blank, a digit or a sign of ASCII: it says nothing of a language, and counts as a blank.
pub(super) fn is_blank(character: char) -> bool {
    matches!(character, '\0'..='@' | '['..='`' | '{'..='~')
}

/// The trigrams of a text, the most frequent first and of equally frequent ones the greatest first; no more than `most`.
/// Those with a blank in their middle count only where letters stand on both sides.
pub(super) fn ranked(lowercase: &str, most: usize) -> Vec<Trigram> {
    let mut all = Vec::with_capacity(lowercase.len() + 1);
    let [mut before, mut middle] = [' '; 2];
    for character in lowercase.chars().chain([' ']) {
        let after = if is_blank(character) { ' ' } else { character };
        if middle != ' ' || (before != ' ' && after != ' ') {
            all.push(trigram([before, middle, after]));
        }
        (before, middle) = (middle, after);
    }
    all.sort_unstable();

    let runs = || all.chunk_by(|left, right| left == right);
    // Where those go that come so many times: behind all that come more often.
    let longest = runs().map(<[Trigram]>::len).max().unwrap_or(0);
    let mut places = vec![0; longest + 1];
    let mut unique = 0;
    for run in runs() {
        places[run.len()] += 1;
        unique += 1;
    }
    let mut place = 0;
    for count in places.iter_mut().rev() {
        place += std::mem::replace(count, place);
    }
    let mut ranked = vec![0; unique];
    for run in runs().rev() {
        let place: &mut usize = &mut places[run.len()];
        ranked[*place] = run[0];
        *place += 1;
    }
    ranked.truncate(most);
    ranked
}
