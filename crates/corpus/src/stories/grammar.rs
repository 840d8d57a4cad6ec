//! A compiled grammar: tables of rows of text with slots, every name in them resolved.
//!
//! Compiling finds all that can be wrong with a grammar but two things, which the tests look for while stories are
//! told: leads that are not prefix-free, and a slot that repeats what has not been chosen yet.

use std::collections::{BTreeMap, BTreeSet};

use super::notation::{Slot, Source, SourceRow, Style, article, parse, pieces};

/// A table's place in [`Grammar::tables`].
pub(super) type TableId = usize;
/// A row's place in [`Grammar::rows`].
pub(super) type RowId = u32;
/// A remembered row's place in a story's memory.
pub(super) type Variable = usize;

/// The table a story begins with.
pub(super) const START: &str = "story";

/// The row that stands for a variable before it is chosen; a test checks that no story shows it.
pub(super) const UNBOUND: RowId = 0;

/// Tables of rows, ready to be told.
#[derive(Debug)]
pub(super) struct Grammar {
    pub(super) tables: Vec<Table>,
    pub(super) rows: Vec<Row>,
    pub(super) variables: usize,
    /// How many different tags there are; a row's tag is below it.
    tags: usize,
    names: BTreeMap<String, TableId>,
    variable_names: Vec<String>,
}

/// A choice between rows.
#[derive(Debug)]
pub(super) struct Table {
    pub(super) first: RowId,
    /// The weight of each row and those before it.
    pub(super) cumulative: Vec<u32>,
    /// The natural logarithm of each row's share of the whole weight.
    pub(super) logarithms: Vec<f64>,
}

/// One option of a table.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) weight: u32,
    tag: usize,
    pub(super) tag_text: &'static str,
    pub(super) days: Days,
    pub(super) forms: Vec<Template>,
}

/// How many days a row tells of.
#[derive(Clone, Copy, Debug)]
pub(super) enum Days {
    Number(u32),
    SameAs(Variable),
}

/// Text with slots.
#[derive(Clone, Debug, Default)]
pub(super) struct Template {
    pub(super) pieces: Vec<Piece>,
    /// How many pieces stand before the first fresh slot.
    pub(super) lead: usize,
    pub(super) article: &'static str,
}

#[derive(Clone, Debug)]
pub(super) enum Piece {
    Text(&'static str),
    /// What a variable remembers.
    Bound {
        variable: Variable,
        form: usize,
        style: Style,
    },
    /// The days told so far and some more, in words.
    Sum {
        more: u32,
        style: Style,
    },
    Fresh {
        lookup: Lookup,
        variable: Variable,
        form: usize,
        style: Style,
    },
}

/// Where a fresh slot finds its table.
#[derive(Clone, Debug)]
pub(super) enum Lookup {
    Table(TableId),
    /// By the tags of two variables (the same one twice where one is meant), tag-major.
    Tags {
        variables: [Variable; 2],
        tables: Vec<Option<TableId>>,
    },
}

impl Grammar {
    /// Compiles files of the notation, each with the name its errors give.
    pub(super) fn compile(files: &[(&'static str, &'static str)]) -> Result<Self, String> {
        let sources = parse(files)?;
        Compiler::new(&sources).compile()
    }

    pub(super) fn table(&self, name: &str) -> Option<TableId> {
        self.names.get(name).copied()
    }

    pub(super) fn variable(&self, name: &str) -> Option<Variable> {
        self.variable_names.iter().position(|known| known == name)
    }

    /// The table that the tags of two remembered rows lead to.
    pub(super) fn by_tags(
        &self,
        tables: &[Option<TableId>],
        first: RowId,
        second: RowId,
    ) -> Option<TableId> {
        let place = self.rows[first as usize].tag * self.tags + self.rows[second as usize].tag;
        tables[place]
    }
}

struct Compiler<'s> {
    sources: &'s [Source],
    names: BTreeMap<String, TableId>,
    tags: Vec<&'static str>,
    variables: Vec<String>,
    /// The tables each variable can remember a row of.
    binders: BTreeMap<Variable, BTreeSet<TableId>>,
}

impl<'s> Compiler<'s> {
    fn new(sources: &'s [Source]) -> Self {
        let mut compiler = Self {
            sources,
            names: BTreeMap::new(),
            tags: vec![""],
            variables: Vec::new(),
            binders: BTreeMap::new(),
        };
        for (table, source) in sources.iter().enumerate() {
            compiler.names.insert(source.name.to_owned(), table);
            for row in &source.rows {
                if !compiler.tags.contains(&row.tag) {
                    compiler.tags.push(row.tag);
                }
            }
        }
        compiler
    }

    fn compile(mut self) -> Result<Grammar, String> {
        self.find_binders()?;
        let mut rows = vec![Row {
            weight: 0,
            tag: 0,
            tag_text: "",
            days: Days::Number(0),
            forms: vec![
                Template {
                    pieces: vec![Piece::Text("[unbound]")],
                    lead: 1,
                    article: "",
                };
                8
            ],
        }];
        let mut tables = Vec::new();
        for source in self.sources {
            let first = rows.len() as RowId;
            for row in &source.rows {
                let compiled = self.row(source, row);
                rows.push(compiled.map_err(|problem| format!("{}: {problem}", row.place))?);
            }
            tables.push(table(source, first)?);
        }
        self.check_bound(&rows)?;
        Ok(Grammar {
            tables,
            rows,
            variables: self.variables.len(),
            tags: self.tags.len(),
            names: self.names,
            variable_names: self.variables,
        })
    }

    /// Numbers the variables, notes which tables each can remember a row of, and misses the tables that none can.
    fn find_binders(&mut self) -> Result<(), String> {
        for source in self.sources {
            for row in &source.rows {
                for text in &row.forms {
                    for (_, slot) in pieces(text).filter(|&(within, _)| within) {
                        let slot = Slot::parse(slot);
                        if !slot.fresh {
                            continue;
                        }
                        let variable = self.variable_or_new(slot.variable);
                        let tables = self.candidates(&slot);
                        if tables.is_empty() {
                            return Err(format!("{}: no table `{}`", row.place, slot.table));
                        }
                        self.binders.entry(variable).or_default().extend(tables);
                    }
                }
            }
        }
        let chosen: BTreeSet<_> = self.binders.values().flatten().collect();
        let idle =
            |&(table, source): &(usize, &Source)| source.name != START && !chosen.contains(&table);
        match self.sources.iter().enumerate().find(idle) {
            Some((_, source)) => Err(format!("[{}]: no row chooses from it", source.name)),
            None => Ok(()),
        }
    }

    fn variable_or_new(&mut self, name: &str) -> Variable {
        self.variable(name).unwrap_or_else(|| {
            self.variables.push(name.to_owned());
            self.variables.len() - 1
        })
    }

    fn variable(&self, name: &str) -> Option<Variable> {
        self.variables.iter().position(|known| known == name)
    }

    /// The tables a fresh slot can choose from.
    fn candidates(&self, slot: &Slot<'_>) -> Vec<TableId> {
        if slot.tags.is_empty() {
            return self.names.get(slot.table).copied().into_iter().collect();
        }
        let start = format!("{}/", slot.table);
        self.names
            .iter()
            .filter(|(name, _)| {
                name.strip_prefix(&start)
                    .is_some_and(|tags| tags.split('/').count() == slot.tags.len())
            })
            .map(|(_, &table)| table)
            .collect()
    }

    fn row(&self, source: &Source, row: &SourceRow) -> Result<Row, String> {
        if row.forms.len() > source.forms.len() + 1 {
            return Err(format!("more forms than [{}] names", source.name));
        }
        let mut forms = Vec::new();
        for text in &row.forms {
            forms.push(self.template(text)?);
        }
        // A form that is not written is the row's text.
        forms.resize(source.forms.len() + 1, forms[0].clone());
        let days = match (row.tag.parse(), self.variable(row.tag)) {
            (Ok(number), _) => Days::Number(number),
            (Err(_), Some(variable)) => Days::SameAs(variable),
            (Err(_), None) => Days::Number(0),
        };
        Ok(Row {
            weight: row.weight,
            tag: self
                .tags
                .iter()
                .position(|tag| *tag == row.tag)
                .unwrap_or(0),
            tag_text: row.tag,
            days,
            forms,
        })
    }

    fn template(&self, text: &'static str) -> Result<Template, String> {
        let mut template = Template::default();
        for (within, text) in pieces(text) {
            let piece = if within {
                self.slot(text)?
            } else {
                Piece::Text(text)
            };
            template.pieces.push(piece);
        }
        let fresh = |piece: &Piece| matches!(piece, Piece::Fresh { .. });
        template.lead = template
            .pieces
            .iter()
            .position(fresh)
            .unwrap_or(template.pieces.len());
        if let Some(Piece::Text(text)) = template.pieces.first() {
            template.article = article(text);
        }
        Ok(template)
    }

    fn slot(&self, text: &'static str) -> Result<Piece, String> {
        let slot = Slot::parse(text);
        if text == "paragraph" {
            return Ok(Piece::Text("\n\n"));
        }
        if slot.variable == "sum" || slot.variable.starts_with("sum+") {
            let more = slot
                .variable
                .trim_start_matches("sum")
                .trim_start_matches('+');
            let more = if more.is_empty() { Ok(0) } else { more.parse() };
            return Ok(Piece::Sum {
                more: more.map_err(|_| format!("`{text}`: not a number"))?,
                style: slot.style,
            });
        }
        let variable = self
            .variable(slot.variable)
            .ok_or_else(|| format!("nothing chooses `{}`", slot.variable))?;
        if !slot.fresh {
            return Ok(Piece::Bound {
                variable,
                form: self.form(&slot, self.bound_tables(variable))?,
                style: slot.style,
            });
        }
        let tables = self.candidates(&slot);
        Ok(Piece::Fresh {
            form: self.form(&slot, tables.iter().copied())?,
            lookup: self.lookup(&slot)?,
            variable,
            style: slot.style,
        })
    }

    fn bound_tables(&self, variable: Variable) -> impl Iterator<Item = TableId> {
        self.binders.get(&variable).into_iter().flatten().copied()
    }

    /// The place of a form, which must be the same in all the tables.
    fn form(
        &self,
        slot: &Slot<'_>,
        tables: impl Iterator<Item = TableId>,
    ) -> Result<usize, String> {
        if slot.form.is_empty() {
            return Ok(0);
        }
        let mut places = BTreeSet::new();
        for table in tables {
            let forms = &self.sources[table].forms;
            places.insert(forms.iter().position(|form| *form == slot.form));
        }
        match places.into_iter().collect::<Vec<_>>()[..] {
            [Some(place)] => Ok(place + 1),
            _ => Err(format!(
                "`{}.{}`: no such form in all its tables",
                slot.variable, slot.form
            )),
        }
    }

    fn lookup(&self, slot: &Slot<'_>) -> Result<Lookup, String> {
        let mut variables = Vec::new();
        for name in &slot.tags {
            let variable = self.variable(name);
            variables.push(variable.ok_or_else(|| format!("nothing chooses `{name}`"))?);
        }
        let variables = match variables[..] {
            [] => return Ok(Lookup::Table(self.names[slot.table])),
            [one] => [one, one],
            [first, second] => [first, second],
            _ => return Err("more than two tags".to_owned()),
        };
        let count = self.tags.len();
        let mut tables = vec![None; count * count];
        for first in self.tags_of(variables[0]) {
            for second in self.tags_of(variables[1]) {
                let name = match slot.tags.len() {
                    1 if first != second => continue,
                    1 => format!("{}/{}", slot.table, self.tags[first]),
                    _ => format!("{}/{}/{}", slot.table, self.tags[first], self.tags[second]),
                };
                let table = self.names.get(&name).copied();
                tables[first * count + second] =
                    Some(table.ok_or_else(|| format!("no table `{name}`"))?);
            }
        }
        Ok(Lookup::Tags { variables, tables })
    }

    fn tags_of(&self, variable: Variable) -> BTreeSet<usize> {
        self.bound_tables(variable)
            .flat_map(|table| &self.sources[table].rows)
            .filter_map(|row| self.tags.iter().position(|tag| *tag == row.tag))
            .collect()
    }

    /// What is remembered can only be repeated if nothing in it is left to choose.
    fn check_bound(&self, rows: &[Row]) -> Result<(), String> {
        let mut first = 1;
        let mut ranges = Vec::new();
        for source in self.sources {
            ranges.push(first..first + source.rows.len());
            first += source.rows.len();
        }
        let templates = rows.iter().flat_map(|row| &row.forms);
        for piece in templates.flat_map(|template| &template.pieces) {
            if let &Piece::Bound { variable, form, .. } = piece {
                for table in self.bound_tables(variable) {
                    for row in &rows[ranges[table].clone()] {
                        let template = &row.forms[form];
                        if template.lead < template.pieces.len() {
                            let source = self.sources[table].name;
                            let name = &self.variables[variable];
                            return Err(format!("`{name}`: form {form} of [{source}] has choices"));
                        }
                    }
                }
            }
        }
        Ok(())
    }
}

fn table(source: &Source, first: RowId) -> Result<Table, String> {
    // The rows a story has used are kept as bits of one `u128`.
    if source.rows.is_empty() || source.rows.len() > 128 {
        return Err(format!(
            "[{}]: {} rows, not 1 to 128",
            source.name,
            source.rows.len()
        ));
    }
    let mut total = 0;
    let cumulative = source.rows.iter().map(|row| {
        total += row.weight;
        total
    });
    let cumulative: Vec<u32> = cumulative.collect();
    let share = |row: &SourceRow| (f64::from(row.weight) / f64::from(total)).ln();
    Ok(Table {
        first,
        logarithms: source.rows.iter().map(share).collect(),
        cumulative,
    })
}
