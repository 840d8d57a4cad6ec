//! The lines of the text that is written: empty ones collapsed, headings without a text left out.

/// Stands in a line where something was left out: no character, so that no text holds it.
pub(super) const GAP: char = '\u{fdd0}';

/// Text that grows line by line.
#[derive(Default)]
pub(super) struct Lines {
    text: String,
    /// The line that is being written.
    pub(super) line: String,
    /// Something was left out of that line.
    gap: bool,
    /// That line is a heading of this level.
    pub(super) heading: Option<usize>,
    /// Headings that nothing followed yet, the outer ones first.
    pending: Vec<(usize, String)>,
    /// An empty line came before.
    blank: bool,
}

impl Lines {
    pub(super) fn with_capacity(bytes: usize) -> Self {
        Self {
            text: String::with_capacity(bytes),
            ..Self::default()
        }
    }

    /// Something is left out here.
    pub(super) fn leave_out(&mut self) {
        self.gap = true;
        self.line.push(GAP);
    }

    /// End the line.
    pub(super) fn end_line(&mut self) {
        let gap = std::mem::take(&mut self.gap);
        let heading = self.heading.take();
        if self
            .line
            .chars()
            .all(|character| character == GAP || character.is_whitespace())
        {
            self.line.clear();
            self.blank |= !gap;
            return;
        }
        let mut line = std::mem::take(&mut self.line);
        if let Some(level) = heading {
            let blank = |character: char| character == GAP || character.is_whitespace();
            let title = tidy(line.trim_end_matches(blank).trim_end_matches('='), gap);
            self.pending.retain(|(outer, _)| *outer < level);
            self.pending.push((level, title));
            return;
        }
        let tidied = tidy(&line, gap);
        if !gap || tidied.chars().any(char::is_alphanumeric) {
            self.write(&tidied);
        }
        line.clear();
        self.line = line; // its memory serves the next line
    }

    /// A line that stays as it is.
    pub(super) fn verbatim(&mut self, line: &str) {
        self.write(line.trim_end());
    }

    fn write(&mut self, line: &str) {
        for (_, title) in std::mem::take(&mut self.pending) {
            self.blank = true;
            self.write_line(&title);
        }
        self.write_line(line);
    }

    fn write_line(&mut self, line: &str) {
        if !self.text.is_empty() {
            self.text.push_str(if self.blank { "\n\n" } else { "\n" });
        }
        self.blank = false;
        self.text.push_str(line);
    }

    pub(super) fn finish(mut self) -> String {
        self.end_line();
        self.text.truncate(self.text.trim_end().len());
        self.text
    }
}

/// Single spaces; where something was left out, no empty brackets and no space before a point.
fn tidy(line: &str, gap: bool) -> String {
    let mut tidied = String::with_capacity(line.len());
    for word in line
        .split([' ', '\t', '\u{a0}'])
        .filter(|word| !word.is_empty())
    {
        if !tidied.is_empty() {
            tidied.push(' ');
        }
        tidied.push_str(word);
    }
    if gap { close_gaps(&tidied) } else { tidied }
}

/// Write the line without its gaps. Around a gap, and nowhere else, brackets that hold nothing go, and spaces and commas
/// that separated what is gone.
fn close_gaps(line: &str) -> String {
    let mut closed = String::with_capacity(line.len());
    let mut behind_gap = false;
    for character in line.chars() {
        if character == GAP {
            behind_gap = true;
            continue;
        }
        if !behind_gap {
            closed.push(character);
            continue;
        }
        if character == ' ' {
            if !closed.is_empty() && !closed.ends_with(['(', '\u{ff08}', ' ']) {
                closed.push(' ');
            }
            continue;
        }
        if matches!(
            character,
            '.' | ',' | ';' | ':' | ')' | '\u{3002}' | '\u{ff0c}' | '\u{ff09}'
        ) {
            closed.truncate(closed.trim_end_matches(' ').len());
        }
        let opened = closed.ends_with(['(', '\u{ff08}']);
        match character {
            ',' | ';' | ':' | '\u{ff0c}' if opened => continue,
            ')' | '\u{ff09}' if opened => {
                closed.pop();
                closed.truncate(closed.trim_end_matches(' ').len());
            }
            ')' if closed.ends_with([',', ';', ':']) => {
                closed.pop();
                closed.push(')');
            }
            ',' | ';' if closed.ends_with(character) => {}
            _ => closed.push(character),
        }
        behind_gap = false;
    }
    closed.truncate(closed.trim_end().len());
    closed
}
