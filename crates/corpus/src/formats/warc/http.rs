//! An HTTP response as an archive keeps it: status, header, and the body behind its transfer and content encodings
//! (RFC 9110, RFC 9112).

use std::borrow::Cow;
use std::io::Read;

use crate::input::LONGEST_RECORD;

/// One response. Nothing in it is trusted.
pub(super) struct Response<'a> {
    pub(super) status: u16,
    /// Names in lower case.
    fields: Vec<(String, String)>,
    body: &'a [u8],
}

impl<'a> Response<'a> {
    pub(super) fn parse(bytes: &'a [u8]) -> Result<Self, String> {
        let (status_line, mut rest) = line(bytes);
        let status = String::from_utf8_lossy(status_line);
        let code = status.split_whitespace().nth(1).unwrap_or("");
        let Ok(code) = code.parse() else {
            return Err("the HTTP status line has no status code".into());
        };
        let mut fields: Vec<(String, String)> = Vec::new();
        while !rest.is_empty() {
            let (field, after) = line(rest);
            rest = after;
            if field.is_empty() {
                break;
            }
            let field = String::from_utf8_lossy(field);
            match (field.split_once(':'), fields.last_mut()) {
                // A line that begins with white space goes on with the field before it.
                (_, Some((_, value))) if field.starts_with([' ', '\t']) => {
                    value.push(' ');
                    value.push_str(field.trim());
                }
                (Some((name, value)), _) => {
                    fields.push((name.trim().to_ascii_lowercase(), value.trim().to_owned()))
                }
                // Servers send such lines and browsers pass over them.
                (None, _) => {}
            }
        }
        Ok(Self {
            status: code,
            fields,
            body: rest,
        })
    }

    pub(super) fn field(&self, name: &str) -> Option<&str> {
        let mut found = self.fields.iter().filter(|(known, _)| known == name);
        found.next().map(|(_, value)| value.as_str())
    }

    /// The body without its encodings. One that is stated and was taken off before is left.
    pub(super) fn body(&self) -> Result<Cow<'a, [u8]>, String> {
        let chunked = self
            .field("transfer-encoding")
            .is_some_and(|value| value.to_ascii_lowercase().contains("chunked"));
        let mut body = match chunked {
            true => dechunk(self.body)?,
            false => Cow::Borrowed(self.body),
        };
        let stated = self.field("content-encoding").unwrap_or("");
        // The last one applied comes last.
        for encoding in stated.rsplit(',') {
            body = decode(encoding.trim(), body)?;
        }
        Ok(body)
    }
}

/// The first line without its end, and what follows it.
fn line(bytes: &[u8]) -> (&[u8], &[u8]) {
    match memchr::memchr(b'\n', bytes) {
        Some(end) => {
            let line = &bytes[..end];
            (line.strip_suffix(b"\r").unwrap_or(line), &bytes[end + 1..])
        }
        None => (bytes, &[]),
    }
}

/// The size of a chunk, in hexadecimal before any extension.
fn chunk_size(line: &[u8]) -> Option<usize> {
    let digits = line.split(|&byte| byte == b';').next()?;
    let digits = std::str::from_utf8(digits).ok()?.trim();
    if digits.is_empty() || digits.len() > 8 || !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    usize::from_str_radix(digits, 16).ok()
}

/// The body whose chunks these are. Where no chunk begins they were joined before, as crawlers do.
fn dechunk(bytes: &[u8]) -> Result<Cow<'_, [u8]>, String> {
    if chunk_size(line(bytes).0).is_none() {
        return Ok(Cow::Borrowed(bytes));
    }
    let mut body = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    loop {
        let at = bytes.len() - rest.len();
        let (head, after) = line(rest);
        let Some(size) = chunk_size(head) else {
            return Err(format!(
                "expected the size of a chunk at byte {at} of the HTTP body, found `{}`",
                crate::record::shorten(&String::from_utf8_lossy(head))
            ));
        };
        if size == 0 {
            return Ok(Cow::Owned(body));
        }
        let Some(chunk) = after.get(..size) else {
            return Err(format!(
                "the chunk at byte {at} of the HTTP body has {size} bytes, of which {} are there",
                after.len()
            ));
        };
        body.extend_from_slice(chunk);
        rest = &after[size..];
        rest = rest.strip_prefix(b"\r").unwrap_or(rest);
        rest = rest.strip_prefix(b"\n").unwrap_or(rest);
    }
}

/// Take one content encoding off.
fn decode<'a>(encoding: &str, body: Cow<'a, [u8]>) -> Result<Cow<'a, [u8]>, String> {
    let encoding = encoding.to_ascii_lowercase();
    match encoding.as_str() {
        "" | "identity" | "none" | "utf-8" => Ok(body),
        "gzip" | "x-gzip" if !body.starts_with(b"\x1f\x8b") => Ok(body),
        "gzip" | "x-gzip" => inflate(&encoding, flate2::bufread::MultiGzDecoder::new(&body[..])),
        // Servers send it with the zlib header, as RFC 9110 has it, and without.
        "deflate" => inflate(&encoding, flate2::bufread::ZlibDecoder::new(&body[..]))
            .or_else(|_| inflate(&encoding, flate2::bufread::DeflateDecoder::new(&body[..])))
            .or_else(|problem| match std::str::from_utf8(&body) {
                Ok(_) => Ok(body.clone()),
                Err(_) => Err(problem),
            }),
        "zstd" if !body.starts_with(b"\x28\xb5\x2f\xfd") => Ok(body),
        "zstd" => {
            let decoder = zstd::Decoder::with_buffer(&body[..]);
            inflate(&encoding, decoder.map_err(|error| error.to_string())?)
        }
        // Brotli has no mark; text that stands there was decoded before.
        "br" if std::str::from_utf8(&body).is_ok() => Ok(body),
        "br" => inflate(
            &encoding,
            brotli_decompressor::Decompressor::new(&body[..], 4096),
        ),
        other => Err(format!(
            "the HTTP content encoding `{}` is not known",
            crate::record::shorten(other)
        )),
    }
}

fn inflate<'a>(name: &str, decoder: impl Read) -> Result<Cow<'a, [u8]>, String> {
    let mut out = Vec::new();
    let limit = LONGEST_RECORD as u64 + 1;
    match decoder.take(limit).read_to_end(&mut out) {
        Err(error) => Err(format!(
            "the {name} content of the HTTP body is damaged: {error}"
        )),
        Ok(_) if out.len() > LONGEST_RECORD => Err(format!(
            "the {name} content of the HTTP body unpacks to more than {} MiB",
            LONGEST_RECORD >> 20
        )),
        Ok(_) => Ok(Cow::Owned(out)),
    }
}

/// The type of a `Content-Type` in lower case, and its charset.
pub(super) fn media_type(value: &str) -> (String, Option<String>) {
    let mut parts = value.split(';');
    let mime = parts.next().unwrap_or("").trim().to_ascii_lowercase();
    let charset = parts.find_map(|part| {
        let (name, value) = part.split_once('=')?;
        let value = value.trim().trim_matches(['"', '\'']);
        name.trim()
            .eq_ignore_ascii_case("charset")
            .then(|| value.to_owned())
    });
    (mime, charset)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(header: &str, body: &[u8]) -> Result<String, String> {
        let bytes = [
            format!("HTTP/1.1 200 OK\r\n{header}\r\n\r\n").as_bytes(),
            body,
        ]
        .concat();
        let response = Response::parse(&bytes)?;
        Ok(String::from_utf8_lossy(&response.body()?).into_owned())
    }

    #[test]
    fn chunks() {
        let header = "Transfer-Encoding: Chunked";
        for (chunks, expected) in [
            ("3\r\nOne\r\n5;x=y\r\n two.\r\n0\r\n\r\n", Ok("One two.")),
            ("3\nOne\n0\n", Ok("One")),
            ("<html>joined before", Ok("<html>joined before")),
            (
                "3\r\nOne\r\nzz\r\n",
                Err("expected the size of a chunk at byte 8 of the HTTP body, found `zz`"),
            ),
            (
                "ffffffff\r\nOne",
                Err(
                    "the chunk at byte 0 of the HTTP body has 4294967295 bytes, of which 3 are there",
                ),
            ),
        ] {
            let expected = expected.map(str::to_owned).map_err(str::to_owned);
            assert_eq!(body(header, chunks.as_bytes()), expected, "{chunks}");
        }
    }

    #[test]
    fn content_encodings() {
        use flate2::Compression;
        use flate2::read::{DeflateEncoder, GzEncoder, ZlibEncoder};
        let text = b"A page. A page.";
        let packed = |mut encoder: Box<dyn Read>| {
            let mut out = Vec::new();
            encoder.read_to_end(&mut out).unwrap();
            out
        };
        let level = Compression::default();
        let gzip = packed(Box::new(GzEncoder::new(&text[..], level)));
        // `brotli -c` of the text, as one literal block.
        for (header, bytes) in [
            ("Content-Encoding: gzip", gzip.clone()),
            ("content-encoding:GZIP", text.to_vec()),
            (
                "Content-Encoding: deflate",
                packed(Box::new(ZlibEncoder::new(&text[..], level))),
            ),
            (
                "Content-Encoding: deflate",
                packed(Box::new(DeflateEncoder::new(&text[..], level))),
            ),
            ("Content-Encoding: deflate", text.to_vec()),
            (
                "Content-Encoding: zstd",
                zstd::encode_all(&text[..], 3).unwrap(),
            ),
            (
                "Content-Encoding: gzip,\r\n gzip",
                packed(Box::new(GzEncoder::new(&gzip[..], level))),
            ),
            ("X: y", text.to_vec()),
        ] {
            assert_eq!(
                body(header, &bytes).as_deref(),
                Ok("A page. A page."),
                "{header}"
            );
        }
        let cut = body("Content-Encoding: gzip", &gzip[..gzip.len() - 9]).unwrap_err();
        assert!(
            cut.starts_with("the gzip content of the HTTP body is damaged"),
            "{cut}"
        );
        let other = body("Content-Encoding: sdch", text).unwrap_err();
        assert_eq!(other, "the HTTP content encoding `sdch` is not known");
    }

    #[test]
    fn media_types() {
        for (value, mime, charset) in [
            ("Text/HTML; charset=\"UTF-8\"", "text/html", Some("UTF-8")),
            ("text/plain;a=b;CHARSET=x", "text/plain", Some("x")),
            ("", "", None),
        ] {
            assert_eq!(media_type(value), (mime.into(), charset.map(str::to_owned)));
        }
    }
}
