//! What can be said against a configuration before any file is looked at.

use crate::Error;
use crate::config::{Config, Format, Method, SourceConfig};
use crate::remote;

impl Config {
    /// Everything that can be judged without looking at a file.
    ///
    /// # Errors
    /// [`Error::Config`] with the key and what to do.
    pub fn check(&self) -> Result<(), Error> {
        if self.sources.is_empty() {
            return Err(Error::config(
                "sources",
                "is empty; name at least one, for example sources = [{ path = \"input.txt\" }]",
            ));
        }
        if self.chunk_bytes == 0 {
            return Err(Error::config(
                "chunk_bytes",
                "is 0; a chunk holds at least one byte of text (the default is 67108864)",
            ));
        }
        for (key, source) in self.keyed_sources() {
            source.check(&key)?;
        }
        for (index, filter) in self.filters.iter().enumerate() {
            let refuse = |problem| Error::config(format!("filters[{index}]"), problem);
            filter.check().map_err(refuse)?;
        }
        if let Some(decontaminate) = &self.decontamination {
            Self::of_sources(decontaminate.sources.clone())
                .check()
                .map_err(|error| error.below("decontamination"))?;
        }
        self.marker()?;
        for (index, path) in self.against().iter().enumerate() {
            let key = || format!("duplicates.against[{index}]");
            if path.is_empty() {
                return Err(Error::config(
                    key(),
                    "is empty; name the folder of a run or of a corpus",
                ));
            }
            if self.against()[..index].contains(path) {
                return Err(Error::config(
                    key(),
                    format!("names {path:?} a second time; remove it"),
                ));
            }
        }
        if let Some(repeats) = &self.repeats {
            repeats.check()?;
        }
        self.check_story_seeds()?;
        self.check_split()
    }

    fn check_story_seeds(&self) -> Result<(), Error> {
        let mut seen: Vec<(u64, String)> = Vec::new();
        for (key, source) in self.keyed_sources() {
            if source.format != Some(Format::Stories) {
                continue;
            }
            let seed = source.story_seed();
            if let Some((_, first)) = seen.iter().find(|(other, _)| *other == seed) {
                return Err(Error::config(
                    format!("{key}.seed"),
                    format!(
                        "{seed} is also the seed of {first}, so both give the same stories; choose another"
                    ),
                ));
            }
            seen.push((seed, key));
        }
        Ok(())
    }

    fn check_split(&self) -> Result<(), Error> {
        let share = self.split.validation;
        if !(share > 0.0 && share < 1.0) {
            return Err(Error::config(
                "split.validation",
                format!("{share} is not a share above 0 and below 1, such as 0.1"),
            ));
        }
        let given = !self.validation_sources.is_empty();
        match self.split.method {
            Method::Files if !given => Err(Error::config(
                "validation_sources",
                "is empty, but split.method = \"files\" holds out what it names; name the held-out files there",
            )),
            Method::Tail | Method::Random | Method::Cluster | Method::None if given => {
                Err(Error::config(
                    "validation_sources",
                    "is only read with split.method = \"files\"; change the method or remove these sources",
                ))
            }
            Method::Tail => self.check_tail(),
            Method::Auto | Method::Random | Method::Files | Method::Cluster | Method::None => {
                Ok(())
            }
        }
    }

    fn check_tail(&self) -> Result<(), Error> {
        let stories = |source: &&SourceConfig| source.format == Some(Format::Stories);
        match self.sources.iter().find(stories) {
            Some(_) => Err(Error::config(
                "split.method",
                "\"tail\" does not go with stories, where the same story may come twice; use \"random\"",
            )),
            None => Ok(()),
        }
    }
}

impl SourceConfig {
    fn check(&self, key: &str) -> Result<(), Error> {
        let refuse =
            |name: &str, problem: &str| Err(Error::config(format!("{key}.{name}"), problem));
        let stories = self.format == Some(Format::Stories);
        match &self.path {
            None if !stories => {
                return refuse(
                    "path",
                    "is missing; name a file, a folder or a pattern, or set format = \"stories\" for generated text",
                );
            }
            Some(_) if stories => {
                return refuse("path", "has no meaning for generated stories; remove it");
            }
            Some(path) if path.is_empty() => {
                return refuse("path", "is empty; name a file, a folder or a pattern");
            }
            Some(path) if remote::is_address(path) => {
                if let Err(problem) = remote::check(path) {
                    return refuse("path", &problem);
                }
            }
            _ => {}
        }
        if !stories && self.documents.is_some() {
            return refuse(
                "documents",
                "is read only with format = \"stories\"; remove it",
            );
        }
        if !stories && self.seed.is_some() {
            return refuse("seed", "is read only with format = \"stories\"; remove it");
        }
        if stories && self.documents == Some(0) {
            return refuse("documents", "is 0; ask for at least one story");
        }
        if let Some(label) = &self.encoding
            && !label.eq_ignore_ascii_case("auto")
            && self.encoding().is_none()
        {
            let problem = format!(
                "`{label}` is no known encoding; write auto, utf-8, or another label such as windows-1252, shift_jis, \
                 gb18030, big5, euc-kr or utf-16le"
            );
            return refuse("encoding", &problem);
        }
        if stories && self.encoding.is_some() {
            return refuse(
                "encoding",
                "has no meaning for generated stories; remove it",
            );
        }
        self.check_fields(key)
    }

    fn check_fields(&self, key: &str) -> Result<(), Error> {
        let refuse =
            |name: &str, problem: String| Err(Error::config(format!("{key}.{name}"), problem));
        if let Some(format) = self.format {
            let given = [
                ("text", self.text.is_some(), format.has_fields()),
                ("label", self.label.is_some(), format.has_fields()),
                ("value", self.value.is_some(), format.has_fields()),
                ("columns", self.columns.is_some(), format.is_table()),
                ("quotes", self.quotes.is_some(), format.is_table()),
                ("delimiter", self.delimiter.is_some(), format == Format::Csv),
            ];
            if let Some((name, ..)) = given.iter().find(|(_, given, fits)| *given && !fits) {
                let format = format.name();
                return refuse(
                    name,
                    format!("has no meaning with format = \"{format}\"; remove it"),
                );
            }
            if format == Format::Stories && self.label_is.is_some() {
                return refuse(
                    "label_is",
                    "stories have their own labels; remove it".into(),
                );
            }
        }
        if self.label.is_some() && self.label_is.is_some() {
            return refuse(
                "label_is",
                "is given beside `label`; keep `label` if the file names each document's class, else `label_is`".into(),
            );
        }
        if self
            .label_is
            .as_deref()
            .is_some_and(|label| label.trim().is_empty())
        {
            return refuse("label_is", "is empty; write the name of the class".into());
        }
        if self
            .value
            .as_ref()
            .is_some_and(|names| names.as_slice().is_empty())
        {
            return refuse(
                "value",
                "is an empty list; name the field or column, or remove it".into(),
            );
        }
        if let Some(delimiter) = self.delimiter
            && (!delimiter.is_ascii() || matches!(delimiter, '"' | '\r' | '\n'))
        {
            return refuse(
                "delimiter",
                format!(
                    "{delimiter:?} cannot separate columns; write one ASCII character, such as \";\""
                ),
            );
        }
        if self.columns.as_ref().is_some_and(Vec::is_empty) {
            return refuse(
                "columns",
                "is an empty list; name the columns, or remove it".into(),
            );
        }
        Ok(())
    }
}
