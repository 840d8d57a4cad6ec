//! Segmentation of a stream: a paragraph a line in, its sentences and tokens out.

use std::io::{self, BufRead, Write};

use kiln_text::{Error, Position};

use super::Segmenter;

/// What is written for a paragraph.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// A line `{"sentences":[[start,end],...],"tokens":[[start,end],...]}`, in characters of the line read, from 0; so
    /// for a blank line too, that line `n` of the output be of line `n` of the input.
    Json,
    /// A line for each sentence, its tokens parted by one space, and an empty line behind each paragraph.
    Plain,
}

/// Read paragraphs, one a line, and write their sentences and tokens. `name` stands in messages about the input.
/// Memory is bounded by the longest line.
///
/// # Errors
/// The input cannot be read or is not UTF-8; the output cannot be written.
pub fn stream(
    segmenter: &Segmenter,
    mut input: impl BufRead,
    name: &str,
    mut output: impl Write,
    form: Form,
) -> Result<(), Error> {
    let mut bytes = Vec::new();
    for number in 1.. {
        bytes.clear();
        let read = input
            .read_until(b'\n', &mut bytes)
            .map_err(|error| Error::io(name, &error))?;
        if read == 0 {
            break;
        }
        let line = std::str::from_utf8(&bytes).map_err(|error| {
            let problem = format!(
                "byte {} of the line is not UTF-8: convert the text to UTF-8",
                error.valid_up_to()
            );
            Error::mistake(name, Position::Line(number), problem)
        })?;
        let line = line.strip_suffix('\n').unwrap_or(line);
        let line = line.strip_suffix('\r').unwrap_or(line);
        let written = match form {
            Form::Json => json(segmenter, line, &mut output),
            Form::Plain => plain(segmenter, line, &mut output),
        };
        written.map_err(|error| Error::io("the output", &error))?;
    }
    output
        .flush()
        .map_err(|error| Error::io("the output", &error))
}

fn json(segmenter: &Segmenter, line: &str, output: &mut impl Write) -> io::Result<()> {
    let segments = segmenter.segment(line).in_characters(line);
    let mut list = |name: &str, ranges: &[std::ops::Range<usize>]| {
        write!(output, "{name}[")?;
        for (number, range) in ranges.iter().enumerate() {
            let comma = if number > 0 { "," } else { "" };
            write!(output, "{comma}[{},{}]", range.start, range.end)?;
        }
        write!(output, "]")
    };
    list("{\"sentences\":", &segments.sentences)?;
    list(",\"tokens\":", &segments.tokens)?;
    writeln!(output, "}}")
}

fn plain(segmenter: &Segmenter, line: &str, output: &mut impl Write) -> io::Result<()> {
    let segments = segmenter.segment(line);
    for tokens in segments.tokens_of_sentences() {
        let mut space = "";
        for token in &segments.tokens[tokens] {
            write!(output, "{space}{}", &line[token.clone()])?;
            space = " ";
        }
        writeln!(output)?;
    }
    writeln!(output)
}
