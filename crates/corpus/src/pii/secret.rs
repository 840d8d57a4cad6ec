//! What opens something: private keys, and keys and tokens in the forms that services document so that they can be found.

use std::ops::Range;
use std::sync::LazyLock;

use aho_corasick::{AhoCorasick, MatchKind};

use super::is_word;

/// The bytes that a key is made of after its prefix.
#[derive(Clone, Copy)]
enum Alphabet {
    /// `A-Z`, `2-7`
    Base32,
    /// `0-9`, `a-f`
    Hexadecimal,
    /// `A-Z`, `a-z`
    Letters,
    /// `A-Z`, `a-z`, `0-9`
    Alphanumeric,
    /// Alphanumeric, `_`, `-`
    Url,
    /// Alphanumeric, `_`, `-`, `.`
    Dotted,
}

impl Alphabet {
    fn has(self, byte: u8) -> bool {
        match self {
            Self::Base32 => byte.is_ascii_uppercase() || (b'2'..=b'7').contains(&byte),
            Self::Hexadecimal => byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte),
            Self::Letters => byte.is_ascii_alphabetic(),
            Self::Alphanumeric => byte.is_ascii_alphanumeric(),
            Self::Url => byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'),
            Self::Dotted => Self::Url.has(byte) || byte == b'.',
        }
    }
}

use Alphabet::{Alphanumeric, Base32, Dotted, Hexadecimal, Letters, Url};

/// Prefix, alphabet, fewest and most bytes after the prefix, as the services document their keys or as they hand them out.
const KEYS: [(&str, Alphabet, usize, usize); 43] = [
    ("AKIA", Base32, 16, 16),               // Amazon Web Services, long-lived
    ("ASIA", Base32, 16, 16),               // Amazon Web Services, temporary
    ("ghp_", Alphanumeric, 36, 251),        // GitHub, personal
    ("gho_", Alphanumeric, 36, 251),        // GitHub, OAuth
    ("ghu_", Alphanumeric, 36, 251),        // GitHub, user of an app
    ("ghs_", Alphanumeric, 36, 251),        // GitHub, server
    ("ghr_", Alphanumeric, 36, 251),        // GitHub, refresh
    ("github_pat_", Url, 82, 251),          // GitHub, fine-grained
    ("glpat-", Url, 20, 300),               // GitLab
    ("xoxb-", Url, 24, 255),                // Slack, bot
    ("xoxp-", Url, 24, 255),                // Slack, user
    ("xoxa-", Url, 24, 255),                // Slack, workspace
    ("xoxr-", Url, 24, 255),                // Slack, refresh
    ("xoxs-", Url, 24, 255),                // Slack, session
    ("xapp-", Url, 40, 255),                // Slack, app
    ("sk_live_", Alphanumeric, 16, 255),    // Stripe, secret
    ("sk_test_", Alphanumeric, 16, 255),    // Stripe, secret
    ("rk_live_", Alphanumeric, 16, 255),    // Stripe, restricted
    ("rk_test_", Alphanumeric, 16, 255),    // Stripe, restricted
    ("whsec_", Alphanumeric, 32, 64),       // Stripe, webhook
    ("AIza", Url, 35, 35),                  // Google, API key
    ("GOCSPX-", Url, 28, 28),               // Google, OAuth client
    ("ya29.", Url, 40, 2048),               // Google, OAuth access
    ("sk-ant-", Url, 80, 255),              // Anthropic
    ("sk-proj-", Url, 40, 255),             // OpenAI, project
    ("sk-svcacct-", Url, 40, 255),          // OpenAI, service account
    ("sk-admin-", Url, 40, 255),            // OpenAI, administrator
    ("sk-", Alphanumeric, 48, 48),          // OpenAI, before projects
    ("npm_", Alphanumeric, 36, 36),         // npm
    ("hf_", Letters, 34, 40),               // Hugging Face
    ("pypi-AgEIcHlwaS5vcmc", Url, 50, 512), // PyPI
    ("SG.", Dotted, 66, 66),                // SendGrid
    ("dop_v1_", Hexadecimal, 64, 64),       // DigitalOcean, personal
    ("doo_v1_", Hexadecimal, 64, 64),       // DigitalOcean, OAuth
    ("shpat_", Hexadecimal, 32, 32),        // Shopify, access
    ("shpss_", Hexadecimal, 32, 32),        // Shopify, shared secret
    ("glsa_", Url, 41, 41),                 // Grafana, service account
    ("dckr_pat_", Url, 27, 27),             // Docker
    ("lin_api_", Alphanumeric, 40, 40),     // Linear
    ("rubygems_", Hexadecimal, 48, 48),     // RubyGems
    ("PMAK-", Url, 59, 59),                 // Postman
    ("sq0csp-", Url, 43, 43),               // Square
    ("hvs.", Url, 90, 255),                 // HashiCorp Vault
];

/// A JSON web token begins with `{"` in base64 (RFC 7519).
const WEB_TOKEN: &str = "eyJ";
/// A private key in its armour (RFC 7468, RFC 9580).
const ARMOUR: &str = "-----BEGIN ";

struct Prefixes {
    finder: Option<AhoCorasick>,
}

/// Prefixes in the order of [`KEYS`], then the two others.
static PREFIXES: LazyLock<Prefixes> = LazyLock::new(|| {
    let names = KEYS.iter().map(|key| key.0).chain([WEB_TOKEN, ARMOUR]);
    let finder = AhoCorasick::builder()
        .match_kind(MatchKind::LeftmostLongest)
        .build(names);
    Prefixes {
        finder: finder.ok(), // fails for gigabytes of patterns alone
    }
});

/// The secrets of a text.
pub(super) fn find(text: &str, mut add: impl FnMut(Range<usize>)) {
    let bytes = text.as_bytes();
    let Some(finder) = &PREFIXES.finder else {
        return;
    };
    let mut armour_end = ArmourEnd::default();
    let mut done = 0;
    for prefix in finder.find_iter(bytes) {
        let start = prefix.start();
        if start < done {
            continue;
        }
        let index = prefix.pattern().as_usize();
        let end = if index == KEYS.len() + 1 {
            private_key(bytes, start, &mut armour_end)
        } else if start > 0 && (is_word(bytes[start - 1]) || bytes[start - 1] == b'-') {
            None
        } else if index == KEYS.len() {
            web_token(bytes, start)
        } else {
            key(bytes, prefix.end(), index)
        };
        if let Some(end) = end {
            done = end;
            add(start..end);
        }
    }
}

/// The end of a key whose prefix ends here.
fn key(bytes: &[u8], start: usize, index: usize) -> Option<usize> {
    let (_, alphabet, fewest, most) = KEYS[index];
    let mut length = run(bytes, start, alphabet, most + 1);
    // A point at the end is the sentence's.
    while length > 0 && bytes[start + length - 1] == b'.' {
        length -= 1;
    }
    let end = start + length;
    let border = bytes.get(end).is_none_or(|&byte| !is_word(byte));
    let fits = border && (fewest..=most).contains(&length) && is_random(&bytes[start..end]);
    fits.then_some(end)
}

fn run(bytes: &[u8], start: usize, alphabet: Alphabet, most: usize) -> usize {
    let rest = bytes.get(start..).unwrap_or_default();
    rest.iter()
        .take(most)
        .take_while(|&&byte| alphabet.has(byte))
        .count()
}

/// Not `xxxxxxxxxxxxxxxx`, and not words with hyphens between them: enough different bytes, and digits or capitals among them.
fn is_random(body: &[u8]) -> bool {
    let mut seen = [false; 256];
    for &byte in body {
        seen[usize::from(byte)] = true;
    }
    let different = seen.iter().filter(|&&seen| seen).count();
    different >= 8
        && body
            .iter()
            .any(|byte| byte.is_ascii_digit() || byte.is_ascii_uppercase())
}

/// The longest part of a web token in bytes that is taken.
const TOKEN_PART: usize = 8192;

/// Header, claims and signature in base64, with points between them.
fn web_token(bytes: &[u8], start: usize) -> Option<usize> {
    let header = start + run(bytes, start, Url, TOKEN_PART);
    if header - start < 16 || !bytes[header..].starts_with(b".eyJ") {
        return None;
    }
    let claims = header + 1 + run(bytes, header + 1, Url, TOKEN_PART);
    if bytes.get(claims) != Some(&b'.') {
        return None;
    }
    let signature = run(bytes, claims + 1, Url, TOKEN_PART);
    (claims - header > 10 && signature >= 16).then_some(claims + 1 + signature)
}

/// Where the next `-----END ` stands, looked for once however many keys begin before it.
#[derive(Default)]
struct ArmourEnd {
    searched_from: Option<usize>,
    found: Option<usize>,
}

impl ArmourEnd {
    fn after(&mut self, bytes: &[u8], start: usize) -> Option<usize> {
        let known = self.searched_from.is_some() && self.found.is_none_or(|found| found >= start);
        if !known {
            self.found =
                memchr::memmem::find(&bytes[start..], b"-----END ").map(|offset| start + offset);
            self.searched_from = Some(start);
        }
        self.found
    }
}

/// The longest private key in bytes that is taken; RSA of 16384 bits needs less.
const ARMOURED: usize = 32 << 10;

/// The end of the private key whose armour begins here.
fn private_key(bytes: &[u8], start: usize, armour_end: &mut ArmourEnd) -> Option<usize> {
    let label = start + ARMOUR.len();
    let length = bytes[label..]
        .iter()
        .take(40)
        .take_while(|&&byte| byte.is_ascii_uppercase() || byte == b' ')
        .count();
    let name = &bytes[label..label + length];
    let body = label + length + b"-----".len();
    let is_private = name.ends_with(b"PRIVATE KEY") || name.ends_with(b"PRIVATE KEY BLOCK");
    if !is_private || !bytes[label + length..].starts_with(b"-----") {
        return None;
    }
    if let Some(end) = armour_end
        .after(bytes, body)
        .filter(|end| end - start <= ARMOURED)
    {
        let last = end + b"-----END ".len();
        let name = bytes[last..]
            .iter()
            .take(40)
            .take_while(|&&byte| byte.is_ascii_uppercase() || byte == b' ')
            .count();
        let dashes = bytes[last + name..]
            .iter()
            .take(5)
            .take_while(|&&byte| byte == b'-')
            .count();
        return Some(last + name + dashes);
    }
    // Cut off: what is left of it.
    let rest = bytes[body..].iter().take(ARMOURED);
    let length = rest
        .take_while(|&&byte| byte.is_ascii_alphanumeric() || b"+/=\r\n".contains(&byte))
        .count();
    Some(body + length)
}
