//! Lines that lead away from the text in so many words: "Read more", "Lesen Sie auch".

/// How such lines begin, in lower case.
const CUES: &[&str] = &[
    // English
    "read more",
    "read also",
    "also read",
    "read next",
    "related:",
    "related article",
    "related stor",
    "related post",
    "related content",
    "related topic",
    "related link",
    "related news",
    "related roundup",
    "related video",
    "related coverage",
    "more from",
    "more on this",
    "more great",
    "more stories",
    "see also",
    "don't miss",
    "don’t miss",
    "you may also like",
    "you might also like",
    "recommended for you",
    "recommended stor",
    "recommended read",
    "most read",
    "most popular",
    "advertisement",
    "sponsored content",
    "story continues below",
    "article continues below",
    "share this",
    "follow us",
    "sign up for",
    "sign up to",
    "subscribe",
    "click here",
    "leave a comment",
    "leave a reply",
    "post a comment",
    "about the author",
    "get the app",
    "download the app",
    // German
    "lesen sie auch",
    "lesen sie mehr",
    "lies auch",
    "mehr zum thema",
    "mehr dazu",
    "das könnte sie auch interessieren",
    "das könnte dich auch interessieren",
    "auch interessant",
    "weiterlesen",
    "zum weiterlesen",
    "über den autor",
    "ähnliche artikel",
    "ähnliche beiträge",
    // French, Spanish, Portuguese, Italian, Dutch, Polish, Russian
    "lire aussi",
    "à lire aussi",
    "sur le même sujet",
    "leer también",
    "lea también",
    "te puede interesar",
    "leia também",
    "leia mais",
    "leggi anche",
    "lees ook",
    "czytaj też",
    "czytaj także",
    "zobacz także",
    "zobacz też",
    "czytaj również",
    "читайте также",
    "смотрите также",
];

/// Whether a line begins so.
pub(super) fn leads_away(line: &str) -> bool {
    let start: String = line
        .chars()
        .skip_while(|first| !first.is_alphanumeric())
        .take(40)
        .flat_map(char::to_lowercase)
        .collect();
    CUES.iter().any(|cue| start.starts_with(cue))
}
