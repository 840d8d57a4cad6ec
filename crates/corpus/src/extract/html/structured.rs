//! The article text that some pages give to machines (`articleBody` of schema.org), as a witness to what is text.
//!
//! It is not taken as it is: it has lost its paragraphs, and on some pages it is that of another article. Where most of
//! what was found on the page is in it, lines before its first and after its last line on the page are not the text.

use std::collections::HashSet;

/// Words in a row that are compared.
const SHINGLE: usize = 4;

/// `text` without the lines before and after those that `body` has too, if the two agree.
pub(super) fn trim(text: String, body: &str) -> String {
    let known: HashSet<u64> = shingles(body).collect();
    if known.len() < 50 {
        return text;
    }
    let shares: Vec<(usize, usize)> = text
        .lines()
        .map(|line| {
            shingles(line).fold((0, 0), |(shared, all), shingle| {
                (shared + usize::from(known.contains(&shingle)), all + 1)
            })
        })
        .collect();
    let (shared, all) = shares
        .iter()
        .fold((0, 0), |sum, share| (sum.0 + share.0, sum.1 + share.1));
    // The page shows nearly all of the body, and the body is most of what was found.
    if shared * 10 < known.len() * 9 || shared * 10 < all * 6 {
        return text;
    }
    let is_shared = |&(shared, all): &(usize, usize)| all > 0 && shared * 2 > all;
    let (Some(first), Some(last)) = (
        shares.iter().position(is_shared),
        shares.iter().rposition(is_shared),
    ) else {
        return text;
    };
    let lines: Vec<&str> = text.lines().skip(first).take(last - first + 1).collect();
    lines.join("\n")
}

/// Hashes of each four words in a row; of all the words when they are fewer.
fn shingles(text: &str) -> impl Iterator<Item = u64> {
    let words: Vec<u64> = text
        .split(|character: char| !character.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(|word| {
            word.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
                (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3)
            })
        })
        .collect();
    let count = if words.is_empty() {
        0
    } else {
        (words.len() + 1).saturating_sub(SHINGLE).max(1)
    };
    (0..count).map(move |start| {
        words[start..words.len().min(start + SHINGLE)]
            .iter()
            .fold(0, |sum: u64, word| sum.rotate_left(13) ^ word)
    })
}
