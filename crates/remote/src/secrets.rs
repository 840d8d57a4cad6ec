//! What must not be shown or stored: what follows a `?` in an address (a signature), what stands before its `@` (a
//! password), and the values of variables that are named as secrets.

/// Stands where a secret stood.
const HIDDEN: &str = "***";

/// An address without its user, its fragment and the values of its query: `https://host/a.jsonl?X-Amz-Signature=***`.
/// Of `s3:`, `gs:`, `az:` and `hf:`, where `?` is part of a pattern, everything is kept.
pub fn without_secrets(address: &str) -> String {
    let Some((scheme, rest)) = address.split_once("://") else {
        return address.to_owned();
    };
    if ["s3", "gs", "az", "hf"].contains(&scheme.to_ascii_lowercase().as_str()) {
        return address.to_owned();
    }
    let rest = match rest[..rest.find('/').unwrap_or(rest.len())].rfind('@') {
        // A password may hold what ought to be encoded; what stands before a `?` without a `:` is a host.
        Some(at)
            if rest[..at]
                .split('?')
                .next()
                .is_some_and(|user| user.contains(':')) =>
        {
            &rest[at + 1..]
        }
        Some(at) if !rest[..at].contains('?') => &rest[at + 1..],
        _ => rest,
    };
    let rest = rest.split('#').next().unwrap_or_default();
    let (place, query) = match rest.split_once('?') {
        Some((place, query)) => (place, Some(query)),
        None => (rest, None),
    };
    let mut clean = format!("{scheme}://{place}");
    for (index, pair) in query.into_iter().flat_map(|q| q.split('&')).enumerate() {
        clean.push(if index == 0 { '?' } else { '&' });
        if let Some((key, _)) = pair.split_once('=') {
            clean.push_str(key);
            clean.push('=');
        }
        clean.push_str(HIDDEN);
    }
    clean
}

/// A message of a library or a server in one line of moderate length, without `secrets` and without those in addresses.
pub(crate) fn clean<'a>(message: &str, secrets: impl Iterator<Item = &'a str>) -> String {
    const LONGEST: usize = 300;
    let mut message = message.to_owned();
    for secret in secrets.filter(|secret| secret.len() >= 4) {
        message = message.replace(secret, HIDDEN);
    }
    let words = message.split_whitespace().map(|word| {
        let begin = |c: char| !c.is_ascii_alphanumeric();
        let around = |c: char| "()[]<>\"'`,;".contains(c);
        let Some(scheme) = word.find("://") else {
            return word.to_owned();
        };
        let start = word[..scheme].rfind(begin).map_or(0, |at| {
            at + word[at..].chars().next().map_or(1, char::len_utf8)
        });
        let end = word[start..]
            .find(around)
            .map_or(word.len(), |at| start + at);
        format!(
            "{}{}{}",
            &word[..start],
            without_secrets(&word[start..end]),
            &word[end..]
        )
    });
    let mut line = words.collect::<Vec<_>>().join(" ");
    if let Some((end, _)) = line.char_indices().nth(LONGEST) {
        line.truncate(end);
        line.push_str("...");
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_keeps_its_place_and_loses_its_secrets() {
        for (address, expected) in [
            ("https://h/a.jsonl", "https://h/a.jsonl"),
            ("https://h/a?sig=abc&exp=12", "https://h/a?sig=***&exp=***"),
            ("https://h/a?abc", "https://h/a?***"),
            ("https://h?k=v=w", "https://h?k=***"),
            ("https://me:word@h/a@b", "https://h/a@b"),
            ("https://me:w?r#d@h/a", "https://h/a"),
            ("https://h?to=a@b", "https://h?to=***"),
            ("https://h/a#part", "https://h/a"),
            ("ftp://me:word@h/a", "ftp://h/a"),
            ("s3://b/a?.jsonl", "s3://b/a?.jsonl"),
            ("data/a.jsonl", "data/a.jsonl"),
        ] {
            assert_eq!(without_secrets(address), expected, "{address}");
        }
    }

    #[test]
    fn a_message_is_one_line_without_secrets() {
        for (message, expected) in [
            ("plain\n  words", "plain words"),
            (
                "error (https://h/a?sig=abc), https://u:p@h",
                "error (https://h/a?sig=***), https://h",
            ),
            ("key hf_secret is bad", "key *** is bad"),
            (
                "url:\"https://h/a?sig=abc\"}",
                "url:\"https://h/a?sig=***\"}",
            ),
            ("é://x é(é://h?a=b", "é://x é(é://h?a=***"),
        ] {
            let secrets = ["hf_secret", "x"].into_iter();
            assert_eq!(clean(message, secrets), expected, "{message}");
        }
        let long = clean(&"é".repeat(1000), std::iter::empty());
        assert_eq!(long.chars().count(), 303);
    }
}
