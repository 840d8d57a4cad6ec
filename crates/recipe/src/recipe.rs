//! The document that is asked for its sections.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::deserialize::Reader;
use crate::example::example;
use crate::fault::Fault;
use crate::message::{Names, assignment, hint};
use crate::node::{Node, Origin, Step, Table, Value, parse};
use crate::suggest::nearest;
use crate::{Error, Resolved, overrides, write};

/// The key that tells alternatives of a section apart.
const KIND: &str = "kind";

/// A recipe: asked for its sections, each once or more, then [finished](Recipe::finish).
#[derive(Debug)]
pub struct Recipe {
    name: String,
    folder: PathBuf,
    overrides: Vec<String>,
    root: Node,
    asked: Mutex<Asked>,
}

/// What was asked for so far, in order.
#[derive(Debug, Default)]
struct Asked {
    /// Every name, also of what is not there: what can be suggested.
    names: Vec<String>,
    /// Values as their types understood them.
    typed: Table,
    /// Sections left to others.
    left: Vec<String>,
}

impl Recipe {
    /// Read a recipe file and apply overrides (`schedule.warmup_steps=100`; the value is read as TOML, else taken as
    /// text).
    ///
    /// # Errors
    /// The file cannot be read or is not TOML; an override does not fit.
    pub fn load(path: &Path, overrides: &[String]) -> Result<Self, Error> {
        let bytes = std::fs::read(path).map_err(|error| kiln_run::Error::io(path, error))?;
        let name = path.display().to_string();
        let text = String::from_utf8(bytes).map_err(|error| Error::Mistake {
            place: name.clone(),
            problem: format!(
                "not UTF-8 at byte {}; a recipe is a text file in TOML",
                error.utf8_error().valid_up_to()
            ),
        })?;
        let mut recipe = Self::parse(&text, &name, overrides)?;
        recipe.folder = match path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder.to_owned(),
            _ => PathBuf::from("."),
        };
        Ok(recipe)
    }

    /// Read a recipe from text; `name` stands for the file in messages, and the current folder for the recipe's.
    ///
    /// # Errors
    /// The text is not TOML; an override does not fit.
    pub fn parse(text: &str, name: &str, overrides: &[String]) -> Result<Self, Error> {
        let mut root = parse(text, name)?;
        let names = Names {
            file: name,
            overrides,
        };
        overrides::apply(&mut root, &names)?;
        Ok(Self {
            name: name.to_owned(),
            folder: PathBuf::from("."),
            overrides: overrides.to_vec(),
            root,
            asked: Mutex::default(),
        })
    }

    /// The recipe's file as it was named, or the name that stands for it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The folder that relative paths in the recipe start from: the recipe file's, or the current one.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Let relative paths start from another folder.
    pub fn set_folder(&mut self, folder: &Path) {
        folder.clone_into(&mut self.folder);
    }

    /// Give a section keys that it does not have, from a text in TOML; it is made if it is not there. They count as defaults.
    ///
    /// # Errors
    /// The text is not TOML.
    pub fn fill(&mut self, section: &str, keys: &str) -> Result<(), Error> {
        let keys = parse(keys, section)?;
        let Value::Table(root) = &mut self.root.value else {
            return Ok(());
        };
        if root.get(section).is_none() {
            root.set(section, Node::empty_table(Origin::Default));
        }
        let own = root.get_mut(section).map(|node| &mut node.value);
        if let (Some(Value::Table(own)), Some(keys)) = (own, keys.table()) {
            for (key, node) in &keys.0 {
                if own.get(key).is_none() {
                    own.set(
                        key,
                        Node {
                            value: node.value.clone(),
                            origin: Origin::Default,
                        },
                    );
                }
            }
        }
        Ok(())
    }

    /// A key of a section that is not asked for, or `None` if it is not there.
    ///
    /// # Errors
    /// The value has a wrong type.
    pub fn peek<T: DeserializeOwned>(&self, section: &str, key: &str) -> Result<Option<T>, Error> {
        let path = [Step::Key(section.to_owned()), Step::Key(key.to_owned())];
        let Some(node) = self.root.at(&path) else {
            return Ok(None);
        };
        let value = T::deserialize(Reader(node)).map_err(|fault| {
            let fault = fault
                .within(Step::Key(key.to_owned()), node.origin)
                .within(Step::Key(section.to_owned()), node.origin);
            self.names().fault(&self.root, fault, |_, _| None)
        })?;
        Ok(Some(value))
    }

    /// Take a key out of a section, because others stand for it now.
    pub fn remove(&mut self, section: &str, key: &str) {
        let section = Step::Key(section.to_owned());
        if let Some(Node {
            value: Value::Table(table),
            ..
        }) = self.root.at_mut(&section)
        {
            *table = table.without(key);
        }
    }

    /// Whether a section is there. This does not count as asking for it.
    pub fn has(&self, section: &str) -> bool {
        self.entry(section).is_some()
    }

    /// A section as its room's type, or `None` if it is not there.
    ///
    /// # Errors
    /// Unknown or missing keys, values of a wrong type: with the line of the key.
    pub fn section<T: DeserializeOwned + Serialize>(&self, name: &str) -> Result<Option<T>, Error> {
        self.ask(name);
        let Some(node) = self.entry(name) else {
            return Ok(None);
        };
        let value = self.read(name, node)?;
        self.keep(
            name,
            typed(&value, Some(node)).map_err(|problem| self.unwritable(name, &problem))?,
        );
        Ok(Some(value))
    }

    /// A section as its room's type; if it is not there, the type's default, which the resolved recipe then holds.
    ///
    /// # Errors
    /// As [`Recipe::section`].
    pub fn section_or_default<T: DeserializeOwned + Serialize + Default>(
        &self,
        name: &str,
    ) -> Result<T, Error> {
        if let Some(value) = self.section(name)? {
            return Ok(value);
        }
        let value = T::default();
        self.keep(
            name,
            typed(&value, None).map_err(|problem| self.unwritable(name, &problem))?,
        );
        Ok(value)
    }

    /// A section that has to be there.
    ///
    /// # Errors
    /// As [`Recipe::section`], or the section is not there.
    pub fn required<T: DeserializeOwned + Serialize>(&self, name: &str) -> Result<T, Error> {
        if let Some(value) = self.section(name)? {
            return Ok(value);
        }
        if let Some(misspelt) = self.misspelt(name) {
            return Err(misspelt);
        }
        let key = |node: &Node| match T::deserialize(Reader(node)) {
            Err(Fault {
                problem: crate::fault::Problem::MissingKey(key),
                ..
            }) => Some(key),
            _ => None,
        };
        let empty = Node::empty_table(Origin::Default);
        let example = key(&empty).and_then(|key| {
            let value = example(&empty, &[], key, &|node| T::deserialize(Reader(node)).err())?;
            Some(format!(" with for example `{key} = {value}`"))
        });
        Err(self.names().error(
            None,
            format!(
                "there is no section [{name}]; add one{}",
                example.unwrap_or_default()
            ),
        ))
    }

    /// The `kind` of a section, one of `known`; `None` if there is no such section.
    ///
    /// # Errors
    /// The section has no `kind`, or an unknown one.
    pub fn kind(
        &self,
        section: &str,
        known: &[&'static str],
    ) -> Result<Option<&'static str>, Error> {
        self.ask(section);
        let Some(node) = self.entry(section) else {
            return Ok(None);
        };
        let path = [Step::Key(section.to_owned()), Step::Key(KIND.to_owned())];
        let all = || {
            let all: Vec<_> = known.iter().map(|kind| format!("{kind:?}")).collect();
            all.join(", ")
        };
        let refused = |node: &Node, problem| Err(self.names().error(Some(node.origin), problem));
        let Some(table) = node.table() else {
            return refused(
                node,
                format!("{}: expected a table", assignment(&self.root, &path[..1])),
            );
        };
        let Some(node) = table.get(KIND) else {
            return refused(
                node,
                format!("[{section}] has no `kind`; add one of {}", all()),
            );
        };
        let assignment = assignment(&self.root, &path);
        let Value::String(text) = &node.value else {
            return refused(node, format!("{assignment}: expected one of {}", all()));
        };
        match known.iter().find(|kind| *kind == text) {
            Some(kind) => Ok(Some(kind)),
            None => {
                let hint = hint(text, known.iter().copied(), "", |kind| format!("{kind:?}"));
                refused(node, format!("{assignment}: unknown{hint}"))
            }
        }
    }

    /// A section without its `kind`, as the type of that kind. A section that is not there reads as an empty one.
    ///
    /// # Errors
    /// As [`Recipe::section`].
    pub fn section_of_kind<T: DeserializeOwned + Serialize>(
        &self,
        section: &str,
    ) -> Result<T, Error> {
        self.ask(section);
        let Some(node) = self.entry(section) else {
            return self.read(section, &Node::empty_table(Origin::Default));
        };
        let Some(table) = node.table() else {
            return self.read(section, node);
        };
        let body = Node {
            value: Value::Table(table.without(KIND)),
            origin: node.origin,
        };
        let value = self.read(section, &body)?;
        let mut kept =
            typed(&value, Some(&body)).map_err(|problem| self.unwritable(section, &problem))?;
        if let (Some(kind), Value::Table(table)) = (table.get(KIND), &mut kept.value) {
            table.0.insert(0, (KIND.to_owned(), kind.clone()));
        }
        self.keep(section, kept);
        Ok(value)
    }

    /// A key at the top of the recipe (`name`, `seed`), or `None` if it is not there.
    ///
    /// # Errors
    /// The value has a wrong type.
    pub fn top<T: DeserializeOwned>(&self, key: &str) -> Result<Option<T>, Error> {
        self.ask(key);
        let Some(node) = self.entry(key) else {
            return Ok(None);
        };
        let value = self.read(key, node)?;
        self.keep(key, node.clone());
        Ok(Some(value))
    }

    /// A key at the top of the recipe; if it is not there, `default`, which the resolved recipe then holds.
    ///
    /// # Errors
    /// The value has a wrong type.
    pub fn top_or<T: DeserializeOwned + Serialize>(
        &self,
        key: &str,
        default: T,
    ) -> Result<T, Error> {
        if let Some(value) = self.top(key)? {
            return Ok(value);
        }
        self.keep(
            key,
            typed(&default, None).map_err(|problem| self.unwritable(key, &problem))?,
        );
        Ok(default)
    }

    /// Leave sections to other programs: accepted, and kept in the resolved recipe as they are written.
    pub fn leave(&self, sections: &[&str]) {
        for section in sections {
            self.ask(section);
            let mut asked = self.asked();
            if asked.typed.get(section).is_none()
                && let Some(node) = self.entry(section)
            {
                asked.typed.set(section, node.clone());
            }
            asked.left.push((*section).to_owned());
        }
    }

    /// The resolved recipe.
    ///
    /// # Errors
    /// A section or a key at the top that nobody asked for, with its line and what may have been meant.
    pub fn finish(&self) -> Result<Resolved, Error> {
        let asked = self.asked();
        let mut root = Table::default();
        for (key, node) in self.root.table().map_or(&[][..], |table| &table.0) {
            let Some(typed) = asked.typed.get(key) else {
                let known = asked.names.iter().map(String::as_str);
                let problem = if node.table().is_some() {
                    let hint = hint(key, known, "", |name| format!("[{name}]"));
                    format!("unknown section [{}]{hint}", write::key(key))
                } else {
                    let hint = hint(key, known, "", |name| format!("`{name}`"));
                    format!("unknown key `{}`{hint}", write::key(key))
                };
                return Err(self.names().error(Some(node.origin), problem));
            };
            root.set(key, typed.clone());
        }
        for (key, node) in &asked.typed.0 {
            root.set(key, node.clone());
        }
        Ok(Resolved {
            root,
            left: asked.left.clone(),
        })
    }

    /// A mistake that a room found in a value itself: `key` may be dotted, `section` is empty for a key at the top.
    pub fn error_at(&self, section: &str, key: &str, problem: &str) -> Error {
        let steps = section
            .split('.')
            .chain(key.split('.'))
            .filter(|step| !step.is_empty());
        let path: Vec<_> = steps
            .map(|step| match step.parse() {
                Ok(index) => Step::Item(index),
                Err(_) => Step::Key(step.to_owned()),
            })
            .collect();
        let nearest = (0..=path.len())
            .rev()
            .find_map(|depth| self.root.at(&path[..depth]).filter(|_| depth > 0));
        self.names().error(
            nearest.map(|node| node.origin),
            format!("{}: {problem}", assignment(&self.root, &path)),
        )
    }

    /// The error for a section nobody asked for whose name is near that of one that is missing.
    fn misspelt(&self, missing: &str) -> Option<Error> {
        let asked = self.asked();
        let sections = self.root.table().map_or(&[][..], |table| &table.0);
        let (key, node) = sections.iter().find(|(key, node)| {
            let unknown = !asked.names.contains(key) && node.table().is_some();
            unknown && nearest(key, [missing]).is_some()
        })?;
        let problem = format!(
            "unknown section [{}]; did you mean [{missing}]?",
            write::key(key)
        );
        Some(self.names().error(Some(node.origin), problem))
    }

    fn names(&self) -> Names<'_> {
        Names {
            file: &self.name,
            overrides: &self.overrides,
        }
    }

    fn entry(&self, key: &str) -> Option<&Node> {
        self.root.table()?.get(key)
    }

    /// Read a value; faults are seen from the top of the document.
    fn read<T: DeserializeOwned>(&self, key: &str, node: &Node) -> Result<T, Error> {
        T::deserialize(Reader(node)).map_err(|mut fault| {
            fault.refine(node);
            let fault = fault.within(Step::Key(key.to_owned()), node.origin);
            self.names().fault(&self.root, fault, |path, missing| {
                // The path begins with the section, which is `node` itself.
                let below = path.get(1..)?;
                example(node, below, missing, &|node| {
                    T::deserialize(Reader(node)).err()
                })
            })
        })
    }

    fn unwritable(&self, key: &str, problem: &str) -> Error {
        let origin = self.entry(key).map(|node| node.origin);
        self.names().error(
            origin,
            format!("[{key}] cannot be written as TOML: {problem}"),
        )
    }

    fn asked(&self) -> std::sync::MutexGuard<'_, Asked> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn ask(&self, name: &str) {
        let mut asked = self.asked();
        if !asked.names.iter().any(|known| known == name) {
            asked.names.push(name.to_owned());
        }
    }

    fn keep(&self, name: &str, node: Node) {
        let mut asked = self.asked();
        asked.left.retain(|left| left != name);
        asked.typed.set(name, node);
    }
}

/// A typed value as a node with the origins of the document.
fn typed<T: Serialize>(value: &T, raw: Option<&Node>) -> Result<Node, String> {
    toml::Value::try_from(value)
        .map(|value| Node::typed(&value, raw))
        .map_err(|error| error.to_string().trim().replace('\n', " "))
}
