//! Tells one story with a pen: walks the grammar, remembers what was chosen, keeps count of the days.

use super::grammar::{
    Days, Grammar, Lookup, Piece, Row, RowId, START, Table, TableId, UNBOUND, Variable,
};
use super::notation::Style;
use super::pen::Pen;

/// Numbers in words; a journey is never longer.
const NUMBERS: [&str; 21] = [
    "no",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
    "twenty",
];

/// The variables that are read from outside the grammar.
#[derive(Clone, Copy, Debug)]
pub(super) struct Landmarks {
    /// The table a story begins with.
    pub(super) start: TableId,
    /// The row that says what the hero wants; its tag is the theme.
    pub(super) theme: Variable,
    /// The row that says how it went; its tag is the outcome.
    pub(super) outcome: Variable,
    /// The rows that tell of days: there, spent there, and back.
    pub(super) days: [Variable; 3],
}

impl Landmarks {
    /// Finds them in a grammar, or says which is missing.
    pub(super) fn find(grammar: &Grammar) -> Result<Self, String> {
        let variable = |name: &str| {
            let found = grammar.variable(name);
            found.ok_or_else(|| format!("nothing chooses `{name}`"))
        };
        Ok(Self {
            start: grammar.table(START).ok_or("no table `story`")?,
            theme: variable("want")?,
            outcome: variable("turn")?,
            days: [variable("out")?, variable("stay")?, variable("back")?],
        })
    }
}

/// What a story remembers while it is told.
#[derive(Debug)]
pub(super) struct Memory {
    bound: Vec<RowId>,
    /// For each table, the rows already used: a story does not repeat itself.
    used: Vec<u128>,
    days: [Variable; 3],
}

impl Memory {
    fn days(&self, grammar: &Grammar) -> u32 {
        let days = self.days.iter();
        days.map(|&variable| self.days_of(grammar, variable)).sum()
    }

    fn days_of(&self, grammar: &Grammar, variable: Variable) -> u32 {
        let row = &grammar.rows[self.bound[variable] as usize];
        match row.days {
            Days::Number(number) => number,
            Days::SameAs(other) if other != variable => self.days_of(grammar, other),
            Days::SameAs(_) => 0,
        }
    }

    /// Notes that an option was taken. When all of a table's are, they are open again, but for the last one.
    fn mark_used(&mut self, table: TableId, option: usize, options: usize) {
        let used = &mut self.used[table];
        *used |= 1 << option;
        if used.count_ones() as usize == options {
            *used = if options == 1 { 0 } else { 1 << option };
        }
    }
}

/// The options of a table at one point of one story.
#[derive(Debug)]
pub(super) struct Choice<'a> {
    grammar: &'a Grammar,
    memory: &'a Memory,
    table: &'a Table,
    used: u128,
    form: usize,
    style: Style,
}

impl Choice<'_> {
    /// Options not used before in this story.
    pub(super) fn open_options(&self) -> impl Iterator<Item = usize> {
        (0..self.table.cumulative.len()).filter(|&option| self.is_open(option))
    }

    pub(super) fn is_open(&self, option: usize) -> bool {
        self.used >> option & 1 == 0
    }

    /// The weight of all options, open or not.
    pub(super) fn weight_of_all(&self) -> u32 {
        self.table.cumulative.last().copied().unwrap_or(1)
    }

    /// The option that holds this point of the weights laid end to end.
    pub(super) fn option_at(&self, point: u32) -> usize {
        self.table.cumulative.partition_point(|&end| end <= point)
    }

    /// The natural logarithm of the probability of an open option: its share of the open weight.
    pub(super) fn log_probability(&self, option: usize) -> f64 {
        if self.used == 0 {
            return self.table.logarithms[option];
        }
        let open: u32 = self
            .open_options()
            .map(|option| self.row(option).weight)
            .sum();
        (f64::from(self.row(option).weight) / f64::from(open)).ln()
    }

    /// Hands over the text of an option as it stands here, piece by piece, until `take` refuses.
    pub(super) fn text<E>(
        &self,
        option: usize,
        take: &mut impl FnMut(&str) -> Result<(), E>,
    ) -> Result<(), E> {
        let row = self.row(option);
        render(self.grammar, self.memory, row, self.form, self.style, take)
    }

    fn row(&self, option: usize) -> &Row {
        &self.grammar.rows[self.table.first as usize + option]
    }
}

/// Hands over a row's text up to its first fresh slot.
fn render<E>(
    grammar: &Grammar,
    memory: &Memory,
    row: &Row,
    form: usize,
    style: Style,
    take: &mut impl FnMut(&str) -> Result<(), E>,
) -> Result<(), E> {
    let template = &row.forms[form];
    let mut capital = style.capital;
    if style.article {
        put(template.article, &mut capital, take)?;
    }
    for piece in &template.pieces[..template.lead] {
        match *piece {
            Piece::Text(text) => put(text, &mut capital, take)?,
            Piece::Bound {
                variable,
                form,
                style,
            } => {
                let row = &grammar.rows[memory.bound[variable] as usize];
                let capital = style.capital || std::mem::take(&mut capital);
                let style = Style { capital, ..style };
                render(grammar, memory, row, form, style, take)?;
            }
            Piece::Sum { more, style } => {
                capital |= style.capital;
                put(number(memory.days(grammar) + more), &mut capital, take)?;
            }
            Piece::Fresh { .. } => {}
        }
    }
    Ok(())
}

/// Hands over text, with its first letter made a capital where one is due.
fn put<E>(
    text: &str,
    capital: &mut bool,
    take: &mut impl FnMut(&str) -> Result<(), E>,
) -> Result<(), E> {
    match text.chars().next() {
        Some(first) if *capital => {
            *capital = false;
            let mut letter = [0; 4];
            take(first.to_ascii_uppercase().encode_utf8(&mut letter))?;
            take(&text[first.len_utf8()..])
        }
        _ => take(text),
    }
}

fn number(days: u32) -> &'static str {
    NUMBERS.get(days as usize).copied().unwrap_or("many")
}

/// What a told story is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Facts {
    pub(super) theme: &'static str,
    pub(super) outcome: &'static str,
    pub(super) journey_days: u32,
}

/// Tells one story with `pen`, from its first choice to its last.
///
/// # Errors
/// The pen's own: the text it follows is not a story.
pub(super) fn tell<P: Pen>(
    grammar: &Grammar,
    landmarks: &Landmarks,
    pen: &mut P,
) -> Result<Facts, P::Stop> {
    let mut teller = Teller::new(grammar, landmarks, pen);
    teller.choose(landmarks.start, None, 0, Style::default())?;
    let memory = &teller.memory;
    let tag = |variable: Variable| grammar.rows[memory.bound[variable] as usize].tag_text;
    Ok(Facts {
        theme: tag(landmarks.theme),
        outcome: tag(landmarks.outcome),
        journey_days: memory.days(grammar),
    })
}

struct Teller<'a, P> {
    grammar: &'a Grammar,
    memory: Memory,
    pen: &'a mut P,
}

impl<'a, P: Pen> Teller<'a, P> {
    fn new(grammar: &'a Grammar, landmarks: &Landmarks, pen: &'a mut P) -> Self {
        let memory = Memory {
            bound: vec![UNBOUND; grammar.variables],
            used: vec![0; grammar.tables.len()],
            days: landmarks.days,
        };
        Self {
            grammar,
            memory,
            pen,
        }
    }

    /// Chooses a row of a table, remembers it, and tells it to its end.
    fn choose(
        &mut self,
        table: TableId,
        variable: Option<Variable>,
        form: usize,
        style: Style,
    ) -> Result<(), P::Stop> {
        let grammar = self.grammar;
        let choice = Choice {
            grammar,
            memory: &self.memory,
            table: &grammar.tables[table],
            used: self.memory.used[table],
            form,
            style,
        };
        let option = self.pen.choose(&choice)?;
        let options = choice.table.cumulative.len();
        let row = choice.table.first + option as RowId;
        self.memory.mark_used(table, option, options);
        if let Some(variable) = variable {
            self.memory.bound[variable] = row;
        }
        self.finish(&grammar.rows[row as usize], form)
    }

    /// Tells what follows a row's lead.
    fn finish(&mut self, row: &'a Row, form: usize) -> Result<(), P::Stop> {
        let template = &row.forms[form];
        for piece in &template.pieces[template.lead..] {
            match piece {
                Piece::Text(text) => self.pen.write(text)?,
                &Piece::Bound {
                    variable,
                    form,
                    style,
                } => {
                    let row = &self.grammar.rows[self.memory.bound[variable] as usize];
                    let take = &mut |text: &str| self.pen.write(text);
                    render(self.grammar, &self.memory, row, form, style, take)?;
                }
                &Piece::Sum { more, mut style } => {
                    let days = number(self.memory.days(self.grammar) + more);
                    put(days, &mut style.capital, &mut |text| self.pen.write(text))?;
                }
                Piece::Fresh {
                    lookup,
                    variable,
                    form,
                    style,
                } => {
                    let table = self.table(lookup);
                    self.choose(table, Some(*variable), *form, *style)?;
                }
            }
        }
        Ok(())
    }

    fn table(&self, lookup: &Lookup) -> TableId {
        match lookup {
            Lookup::Table(table) => *table,
            Lookup::Tags { variables, tables } => {
                let [first, second] = variables.map(|variable| self.memory.bound[variable]);
                let table = self.grammar.by_tags(tables, first, second);
                table.expect("compiled only if every pair of tags has a table")
            }
        }
    }
}
