//! From the elements of a page to the lines that are kept.

use std::ops::Range;

use super::Converter;
use super::lines::{GAP, Lines};
use super::notation::{MARKS, SCHEMES, TAGS, decoded, is_language, magic_word, without_qualifiers};
use super::structure::{self, Element, Kind};
use super::templates::{Arguments, Rule, rule};
use crate::extract::markup::{self, Tag};

/// Elements nested deeper are left out. Real articles stay below ten.
const DEEPEST: usize = 32;

/// The longest name of a template that is looked up.
const LONGEST_NAME: usize = 40;

pub(super) struct Renderer<'a> {
    page: &'a str,
    converter: &'a Converter,
    elements: Vec<Element>,
    /// The first element that does not begin before what was written last.
    next: usize,
    lines: Lines,
    /// Nothing but indentation was written of the line.
    fresh: bool,
    /// Within so many labels and arguments, where a line end is a space.
    flat: usize,
    /// Go past everything up to the next line end.
    skipping: bool,
    /// A table began that never ended.
    open_table: bool,
}

impl<'a> Renderer<'a> {
    pub(super) fn new(page: &'a str, converter: &'a Converter) -> Self {
        Self {
            page,
            converter,
            elements: structure::elements(page),
            next: 0,
            lines: Lines::with_capacity(page.len() / 2),
            fresh: true,
            flat: 0,
            skipping: false,
            open_table: false,
        }
    }

    pub(super) fn text(mut self) -> String {
        self.range(0..self.page.len(), 0);
        self.lines.finish()
    }

    /// Write a part of the page. Parts are written in the order in which they stand.
    fn range(&mut self, range: Range<usize>, depth: usize) {
        let mut at = range.start;
        while at < range.end {
            while self
                .elements
                .get(self.next)
                .is_some_and(|element| element.start < at)
            {
                self.next += 1;
            }
            let element = self.elements.get(self.next).copied();
            match element.filter(|element| element.start < range.end) {
                Some(element) if element.start == at => {
                    self.next += 1;
                    at = self.element(&element, depth).min(range.end);
                }
                Some(element) => at = self.plain(at, element.start),
                None => at = self.plain(at, range.end),
            }
        }
    }

    fn flat_range(&mut self, range: Range<usize>, depth: usize) {
        self.flat += 1;
        self.range(range, depth);
        self.flat -= 1;
    }

    /// The text that a part of the page gives.
    fn captured(&mut self, range: Range<usize>, depth: usize) -> String {
        let start = self.lines.line.len();
        let fresh = std::mem::replace(&mut self.fresh, false);
        self.flat_range(range, depth);
        self.fresh = fresh;
        let text = self.lines.line.split_off(start).replace(GAP, "");
        text.trim().to_owned()
    }

    fn write(&mut self, text: &str) {
        if !text.is_empty() {
            self.fresh = false;
            self.lines.line.push_str(text);
        }
    }

    fn end_line(&mut self) {
        if self.flat > 0 {
            self.lines.line.push(' ');
        } else {
            self.lines.end_line();
            self.fresh = true;
        }
    }

    /// Write an element; gives where to go on.
    fn element(&mut self, element: &Element, depth: usize) -> usize {
        if self.skipping {
            return if element.closed {
                element.end
            } else {
                element.inner
            };
        }
        if !element.closed {
            match element.kind {
                Kind::External => self.write("["),
                Kind::Table => {
                    self.open_table = true;
                    self.skipping = true;
                }
                Kind::Conversion => self.write("-{"),
                _ => {}
            }
            return element.inner;
        }
        if depth >= DEEPEST {
            self.lines.leave_out();
            return element.end;
        }
        let content = &self.page[element.content()];
        match element.kind {
            Kind::Hidden | Kind::Table | Kind::HtmlTable => self.lines.leave_out(),
            Kind::Template => self.template(element, depth + 1),
            Kind::Link => self.link(element, depth + 1),
            Kind::External => match content.find([' ', '\t']) {
                Some(space) => {
                    self.flat_range(element.inner + space + 1..element.inner_end, depth + 1)
                }
                None => self.lines.leave_out(),
            },
            Kind::Conversion => self.conversion(element, depth + 1),
            Kind::Literal => self.literal(content),
            Kind::Formula => self.formula(content),
            Kind::Verbatim => self.verbatim(content),
        }
        element.end
    }

    fn link(&mut self, link: &Element, depth: usize) {
        let target_end = link.pipe.unwrap_or(link.inner_end);
        let raw = &self.page[link.inner..target_end];
        let text = raw.contains('\n') || (link.pipe.is_none() && raw.contains(['{', '[']));
        if text || raw.len() > 1024 {
            return self.range(link.content(), depth);
        }
        let target = raw.trim();
        let shown = target.strip_prefix(':');
        let namespace = target
            .split_once(':')
            .map(|(before, _)| before.trim().to_lowercase());
        if let (None, Some(namespace)) = (shown, &namespace) {
            let language = is_language(namespace) && link.pipe.is_none();
            if language || self.converter.hides(namespace) {
                self.lines.leave_out();
                return;
            }
        }
        match link.pipe {
            Some(pipe) if self.page[pipe + 1..link.inner_end].trim().is_empty() => {
                self.write(without_qualifiers(shown.unwrap_or(target)));
            }
            Some(pipe) => self.flat_range(pipe + 1..link.inner_end, depth),
            None if SCHEMES.iter().any(|scheme| target.starts_with(scheme)) => {
                match raw.find(' ') {
                    Some(space) => self.flat_range(link.inner + space + 1..link.inner_end, depth),
                    None => self.lines.leave_out(),
                }
            }
            None => {
                let marks = raw.len() - raw.trim_start_matches([' ', ':', '#']).len();
                self.flat_range(link.inner + marks..link.inner_end, depth);
            }
        }
    }

    fn template(&mut self, template: &Element, depth: usize) {
        let name_end = template.pipe.unwrap_or(template.inner_end);
        let name = self.page[template.inner..name_end]
            .split("<!--")
            .next()
            .unwrap_or("")
            .trim();
        let known = if let Some((function, _)) = name.split_once(':') {
            let shown = matches!(
                function,
                "formatnum" | "FORMATNUM" | "lc" | "uc" | "ucfirst" | "lcfirst"
            );
            if let Some(colon) = self.page[template.inner..name_end]
                .find(':')
                .filter(|_| shown)
            {
                return self.flat_range(template.inner + colon + 1..name_end, depth);
            }
            None
        } else if name.len() > LONGEST_NAME {
            None
        } else {
            rule(&name.to_lowercase().replace('_', " "))
        };
        match known {
            Some(rule) => self.render(rule, template, depth),
            None => self.lines.leave_out(),
        }
    }

    fn render(&mut self, rule: Rule, template: &Element, depth: usize) {
        let arguments = self.arguments(template);
        let mut positional = arguments.iter().filter(|(name, _)| name.is_none());
        let one = match rule {
            Rule::Argument(number) => positional.nth(number - 1),
            Rule::Last => positional.next_back(),
            Rule::Quote => {
                let named = |(name, _): &&(Option<String>, _)| {
                    matches!(name.as_deref(), Some("text" | "quote" | "content"))
                };
                arguments.iter().find(named).or_else(|| positional.next())
            }
            Rule::Text(text) => return self.write(text),
            Rule::Lines => {
                let parts: Vec<Range<usize>> = positional.map(|(_, part)| part.clone()).collect();
                for part in parts {
                    self.end_line();
                    self.range(part, depth);
                }
                return self.end_line();
            }
            Rule::Join(_) | Rule::Around(..) | Rule::Range(_) | Rule::Render(_) => {
                let text = self.computed(rule, &arguments, depth);
                return self.write(&text);
            }
        };
        match one {
            Some((_, part)) => {
                let part = self.trimmed(part.clone());
                self.range(part, depth);
            }
            None => self.lines.leave_out(),
        }
    }

    fn computed(
        &mut self,
        rule: Rule,
        parts: &[(Option<String>, Range<usize>)],
        depth: usize,
    ) -> String {
        let mut arguments = Arguments::default();
        for (name, part) in parts {
            let text = self.captured(part.clone(), depth);
            match name {
                Some(name) => arguments.named.push((name.clone(), text)),
                None => arguments.positional.push(text),
            }
        }
        match rule {
            Rule::Join(between) => arguments.positional.join(between),
            Rule::Range(before) => format!("{before}{}", arguments.positional.join("–")),
            Rule::Around(before, after) => format!("{before}{}{after}", arguments.get(1)),
            Rule::Render(render) => render(&arguments),
            _ => String::new(),
        }
    }

    fn trimmed(&self, range: Range<usize>) -> Range<usize> {
        let text = &self.page[range.clone()];
        let start = range.start + text.len() - text.trim_start().len();
        start..start + text.trim().len()
    }

    /// The arguments of a template with their names; numbers are no names.
    fn arguments(&self, template: &Element) -> Vec<(Option<String>, Range<usize>)> {
        let mut arguments = Vec::new();
        let Some(pipe) = template.pipe else {
            return arguments;
        };
        let bytes = self.page.as_bytes();
        let mut within = self.elements[self.next..]
            .iter()
            .filter(|element| element.closed)
            .peekable();
        let (mut start, mut equals, mut at) = (pipe + 1, None, pipe + 1);
        while at <= template.inner_end {
            while within.next_if(|element| element.start < at).is_some() {}
            if let Some(element) =
                within.next_if(|element| element.start == at && element.end <= template.inner_end)
            {
                at = element.end;
                continue;
            }
            if at == template.inner_end || bytes[at] == b'|' {
                arguments.push(self.argument(start..at, equals));
                (start, equals) = (at + 1, None);
            } else if bytes[at] == b'=' {
                equals.get_or_insert(at);
            }
            at += 1;
        }
        arguments
    }

    fn argument(
        &self,
        range: Range<usize>,
        equals: Option<usize>,
    ) -> (Option<String>, Range<usize>) {
        let Some(equals) = equals else {
            return (None, range);
        };
        let name = self.page[range.start..equals].trim();
        let value = equals + 1..range.end;
        match name.bytes().all(|byte| byte.is_ascii_digit()) && !name.is_empty() {
            true => (None, value),
            false => (Some(name.to_lowercase()), value),
        }
    }

    /// `-{zh-hans:one; zh-hant:two}-` shows the first, `-{word}-` the word, `-{T|title}-` nothing.
    fn conversion(&mut self, conversion: &Element, depth: usize) {
        let start = match conversion.pipe {
            Some(pipe) => {
                let flags = &self.page[conversion.inner..pipe];
                if flags.contains(['T', 'H', 'D', '-']) {
                    self.lines.leave_out();
                    return;
                }
                pipe + 1
            }
            None => conversion.inner,
        };
        let content = &self.page[start..conversion.inner_end];
        let first = content.split(';').next().unwrap_or(content);
        let range = match first.split_once(':') {
            Some((variant, shown)) if is_language(variant.trim()) => {
                let from = start + first.len() - shown.len();
                from..start + first.len()
            }
            _ => start..conversion.inner_end,
        };
        self.flat_range(range, depth);
    }

    fn literal(&mut self, text: &str) {
        for (number, line) in text.split('\n').enumerate() {
            if number > 0 {
                self.end_line();
            }
            let decoded = decoded(line);
            self.write(&decoded);
        }
    }

    /// A formula stays in the notation of TeX, between dollars. Braces are set apart, which means the same in TeX: two of
    /// them together are the marks of a template.
    fn formula(&mut self, text: &str) {
        self.write("$");
        let mut before = ' ';
        for character in text.trim().chars() {
            let character = if character == '\n' { ' ' } else { character };
            if before == character && matches!(character, '{' | '}' | '[' | ']') {
                self.lines.line.push(' ');
            }
            self.lines.line.push(character);
            before = character;
        }
        self.write("$");
    }

    fn verbatim(&mut self, text: &str) {
        if self.flat > 0 {
            return self.literal(text);
        }
        if text.trim().is_empty() {
            return;
        }
        if !self.lines.line.is_empty() {
            self.lines.end_line();
        }
        let text = decoded(text);
        for line in text.trim_matches('\n').split('\n') {
            self.lines.verbatim(line);
        }
        // The rest of the line of the closing tag is no empty line.
        self.lines.leave_out();
        self.fresh = true;
    }

    /// Write text in which no element begins before `end`; gives where to go on, which is behind `end` if a tag is.
    fn plain(&mut self, mut at: usize, end: usize) -> usize {
        let page = self.page;
        let bytes = page.as_bytes();
        while at < end {
            if self.skipping {
                match page[at..end].find('\n') {
                    Some(line_end) => {
                        self.skipping = false;
                        at += line_end;
                    }
                    None => return end,
                }
            }
            if self.fresh && self.flat == 0 {
                at = self.line_start(at, end);
                if self.skipping || at >= end {
                    continue;
                }
            }
            let rest = &bytes[at..end];
            let run = rest
                .iter()
                .position(|&byte| MARKS[byte as usize])
                .unwrap_or(rest.len());
            self.write(&page[at..at + run]);
            at += run;
            if at < end {
                at = self.mark(at, end);
            }
        }
        at
    }

    /// What a line begins with: a heading, a list, a row of a table that lost its beginning.
    fn line_start(&mut self, mut at: usize, end: usize) -> usize {
        let bytes = self.page.as_bytes();
        while at < end && matches!(bytes[at], b' ' | b'\t' | b'*' | b'#' | b':' | b';') {
            at += 1;
        }
        if at == end {
            return end;
        }
        match bytes[at] {
            b'\n' => return at,
            b'|' => self.skipping = true,
            b'!' if self.open_table => self.skipping = true,
            b'=' => {
                if let Some(level) = structure::heading(&self.page[at..]) {
                    self.open_table = false;
                    self.lines.heading = Some(level);
                    while at < end && bytes[at] == b'=' {
                        at += 1;
                    }
                }
            }
            b'-' if bytes[at..end].starts_with(b"----") => {
                while at < end && bytes[at] == b'-' {
                    at += 1;
                }
            }
            _ => {}
        }
        self.fresh = false;
        if self.skipping {
            self.lines.leave_out();
        }
        at
    }

    /// A character that may be a mark; gives where to go on.
    fn mark(&mut self, at: usize, end: usize) -> usize {
        let bytes = self.page.as_bytes();
        let byte = bytes[at];
        let run = || {
            bytes[at..end]
                .iter()
                .take_while(|&&next| next == byte)
                .count()
        };
        match byte {
            b'\n' => {
                self.end_line();
                at + 1
            }
            b'\'' => {
                let run = run();
                // Two are italic, three bold, five both (MediaWiki `doQuotes`); what is over are apostrophes.
                let apostrophes = match run {
                    1 | 4 => 1,
                    2 | 3 | 5 => 0,
                    more => more - 5,
                };
                for _ in 0..apostrophes {
                    self.write("'");
                }
                at + run
            }
            b'}' | b']' => {
                // Two that close nothing are left over.
                let run = run();
                if run % 2 == 1 {
                    self.write(&self.page[at..at + 1]);
                }
                at + run
            }
            b'_' => {
                if let Some(length) = magic_word(&self.page[at..end]) {
                    self.lines.leave_out();
                    return at + length;
                }
                let run = run();
                self.write(&self.page[at..at + run]);
                at + run
            }
            b'&' => {
                let Some((character, length)) = markup::entity(&self.page[at..end]) else {
                    self.write("&");
                    return at + 1;
                };
                self.write(&character);
                at + length
            }
            _ => self.tag(at),
        }
    }

    fn tag(&mut self, at: usize) -> usize {
        match Tag::read(&self.page[at..]) {
            Some(tag) if TAGS.binary_search(&tag.name.as_str()).is_ok() => {
                if markup::is_block(&tag.name) && !self.lines.line.is_empty() {
                    self.end_line();
                }
                at + tag.length
            }
            Some(tag) if structure::is_extension(&tag.name) => at + tag.length,
            _ => {
                self.write("<");
                at + 1
            }
        }
    }
}
