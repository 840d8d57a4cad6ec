//! What is never twice the same, under one name.

use std::borrow::Cow;
use std::sync::LazyLock;

use regex::Regex;

use super::Masked;

/// How each is found; `keep` in an expression is what stands before it and stays.
static EXPRESSIONS: LazyLock<[(Masked, Regex); 4]> = LazyLock::new(|| {
    [
        (
            Masked::Url,
            r#"(?P<keep>)\b(?i:(?:https?|ftp)://|www\.)[^\s<>"'`(){}\[\]]*[^\s<>"'`(){}\[\].,;:!?]"#,
        ),
        (
            Masked::Email,
            r"(?P<keep>)\b[\p{L}\p{N}._%+-]+@(?:[\p{L}\p{N}-]+\.)+\p{L}{2,}\b",
        ),
        (Masked::User, r"(?P<keep>^|[^\p{L}\p{N}_@/.])@\p{L}[\p{L}\p{N}_]*"),
        (Masked::Number, r"(?P<keep>)\b\p{Nd}+(?:[.,:/'’\u{a0}-]\p{Nd}+)*\b"),
    ]
    .map(|(what, expression)| {
        let compiled = Regex::new(expression).expect("a constant expression that a test compiles");
        (what, compiled)
    })
});

/// The text with each of `what` under its name.
pub(crate) fn mask<'a>(what: &[Masked], text: &'a str) -> Cow<'a, str> {
    let mut masked = Cow::Borrowed(text);
    for (kind, expression) in EXPRESSIONS.iter() {
        if !what.contains(kind) || !possible(*kind, &masked) {
            continue;
        }
        let replacement = format!("${{keep}}{}", name(*kind));
        if let Cow::Owned(changed) = expression.replace_all(&masked, replacement) {
            masked = Cow::Owned(changed);
        }
    }
    masked
}

/// What stands for it.
fn name(what: Masked) -> &'static str {
    match what {
        Masked::Url => "<url>",
        Masked::Email => "<email>",
        Masked::User => "<user>",
        Masked::Number => "<number>",
    }
}

/// Whether a text can hold it at all, looked at without an expression.
fn possible(what: Masked, text: &str) -> bool {
    match what {
        Masked::Url => text.contains("://") || text.contains('.'),
        Masked::Email | Masked::User => text.contains('@'),
        Masked::Number => text.chars().any(char::is_numeric),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_is_found_where_it_ends() {
        use Masked::{Email, Number, Url, User};
        for (what, text, expected) in [
            (Url, "see https://a.example/b?c=d, or", "see <url>, or"),
            (Url, "(www.a.example). HTTP://B.example!", "(<url>). <url>!"),
            (
                Url,
                "awww.no and http:// alone",
                "awww.no and http:// alone",
            ),
            (Email, "to a.b+c@mail.example.org.", "to <email>."),
            (Email, "a@b, c@d.", "a@b, c@d."),
            (User, "@ada and (@bob_2), a@b", "<user> and (<user>), a@b"),
            (User, "@@ada @ 3", "@@ada @ 3"),
            (
                Number,
                "1,234.50 of 3-4 at 10:30",
                "<number> of <number> at <number>",
            ),
            (
                Number,
                "r2d2 B12 x-12 -5 ٣٤",
                "r2d2 B12 x-<number> -<number> <number>",
            ),
        ] {
            assert_eq!(mask(&[what], text), expected, "{text}");
        }
    }

    #[test]
    fn the_order_is_ours_and_nothing_is_copied_in_vain() {
        let all = [Masked::Number, Masked::User, Masked::Email, Masked::Url];
        let text = "https://a.example/1 b@c.example @d 5";
        assert_eq!(mask(&all, text), "<url> <email> <user> <number>");
        assert!(matches!(mask(&all, "nothing here."), Cow::Borrowed(_)));
    }
}
