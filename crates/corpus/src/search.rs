//! The search for the files that a path, a folder or a pattern names.

use std::fs;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use crate::Error;
use crate::compression::Unpacked;
use crate::config::{Format, SourceConfig};
use crate::content;
use crate::counts::counted;
use crate::input::input_error;
use crate::listing::ListedFile;
use crate::remote::{self, Object, Remote};

/// The search for the files of one source.
pub(crate) struct Search<'a> {
    /// `sources[0]`
    pub(crate) key: &'a str,
    pub(crate) source: &'a SourceConfig,
    pub(crate) base: &'a Path,
    pub(crate) remote: &'a Remote,
}

/// What a folder or pattern led to.
#[derive(Default)]
struct Found {
    files: Vec<ListedFile>,
    left_out: u64,
    first_left_out: Option<String>,
}

impl Found {
    fn leave_out(&mut self, shown: String) {
        self.left_out += 1;
        // The first in the order of names, whatever order the file system gives.
        match &self.first_left_out {
            Some(first) if *first <= shown => {}
            _ => self.first_left_out = Some(shown),
        }
    }
}

impl Search<'_> {
    fn refuse(&self, key: &str, problem: String) -> Error {
        Error::config(format!("{}.{key}", self.key), problem)
    }

    /// The files in the order of their names, at least one.
    pub(crate) fn files(&self) -> Result<Vec<ListedFile>, Error> {
        let written = self.source.path.as_deref().unwrap_or_default();
        if remote::is_address(written) {
            return self.at_address(written);
        }
        let name = plain(written);
        let mut path = self.base.join(name);
        if path.as_os_str().is_empty() {
            path.push(".");
        }
        let mut found = Found::default();
        match fs::metadata(&path) {
            Ok(metadata) if metadata.is_file() => {
                let format =
                    self.format_of_only_file(name, &|| beginning(&self.base.join(name)))?;
                found.files.push(ListedFile {
                    name: name.into(),
                    bytes: metadata.len(),
                    format,
                    object: None,
                });
            }
            Ok(metadata) if metadata.is_dir() => self.walk(name, &path, &|_| true, &mut found)?,
            Ok(_) => {
                let problem = format!("`{written}` is neither a file nor a folder");
                return Err(self.refuse("path", problem));
            }
            Err(_) if is_pattern(name) => self.matching(name, &mut found)?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                let looked = std::path::absolute(&path).unwrap_or(path);
                let problem = format!(
                    "`{written}` does not exist (looked for {})",
                    looked.display()
                );
                return Err(self.refuse("path", problem));
            }
            Err(error) => return Err(kiln_text::Error::io(&path, &error).into()),
        }
        self.judge(written, found)
    }

    /// What an address leads to.
    fn at_address(&self, written: &str) -> Result<Vec<ListedFile>, Error> {
        let objects = self.remote.list(written).map_err(|refusal| {
            match refusal.is_mistake {
                // With its line in the recipe.
                true => self.refuse("path", refusal.problem),
                false => refusal.into(),
            }
        })?;
        let written = remote::shown(written);
        let mut found = Found::default();
        // Not what a folder or pattern holds.
        let is_named = |object: &Object| object.name() == written;
        if let [object] = &objects[..]
            && is_named(object)
        {
            let beginning = || self.beginning_of(object);
            let format = self.format_of_only_file(file_name(object.name()), &beginning)?;
            found
                .files
                .extend(objects.into_iter().map(|object| ListedFile {
                    name: object.name().into(),
                    bytes: object.bytes(),
                    format,
                    object: Some(Box::new(object)),
                }));
            return Ok(found.files);
        }
        for object in objects {
            match self.format_of_found_file(file_name(object.name())) {
                Some(format) => found.files.push(ListedFile {
                    name: object.name().into(),
                    bytes: object.bytes(),
                    format,
                    object: Some(Box::new(object)),
                }),
                None => found.leave_out(object.name().to_owned()),
            }
        }
        self.judge(&written, found)
    }

    /// The first bytes of an object, unpacked.
    fn beginning_of(&self, object: &Object) -> Result<Vec<u8>, Error> {
        // So that a first block of what is packed is whole.
        const ENOUGH: u64 = 256 << 10;
        let packed = self.remote.beginning(object, ENOUGH)?;
        let failed = |error: std::io::Error| kiln_text::Error::io(object.name(), &error);
        let mut file = tempfile::NamedTempFile::new().map_err(failed)?;
        file.write_all(&packed).map_err(failed)?;
        let mut bytes = Vec::new();
        let unpacked = Unpacked::open(file.path())?.take(4096);
        // Where the bytes stop, unpacking fails; what came before that is what they begin with.
        let _ = std::io::BufReader::new(unpacked).read_to_end(&mut bytes);
        Ok(bytes)
    }

    fn judge(&self, written: &str, mut found: Found) -> Result<Vec<ListedFile>, Error> {
        let left_out = found.first_left_out.as_ref().map(|first| {
            let files = counted(found.left_out, "file");
            let which = match self.key_of_fields() {
                Some(_) => "without named fields",
                None => "with other extensions",
            };
            format!("left out: {files} {which}, the first {first}")
        });
        if found.files.is_empty() {
            let problem = match left_out {
                Some(left_out) => {
                    let known = known_extensions(|format| {
                        format.has_fields() || self.key_of_fields().is_none()
                    });
                    format!(
                        "`{written}` holds no file that ends in {known}; {left_out}; set `format` to read them"
                    )
                }
                None => format!("`{written}` holds no files"),
            };
            return Err(self.refuse("path", problem));
        }
        if let Some(left_out) = left_out {
            tracing::warn!("[corpus] {}.path `{written}`: {left_out}", self.key);
        }
        found.files.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        Ok(found.files)
    }

    fn format_of_only_file(
        &self,
        name: &str,
        beginning: &dyn Fn() -> Result<Vec<u8>, Error>,
    ) -> Result<Format, Error> {
        let mut held = None;
        let mut format = self.source.format.or_else(|| Format::of_file_name(name));
        if format.is_none() {
            let beginning = beginning()?;
            held = content::name(&beginning);
            format = content::format(&beginning);
        }
        if let Some(format) = format {
            return match self.key_of_fields() {
                Some(key) if !format.has_fields() => Err(self.refuse(
                    key,
                    format!(
                        "names a part of a record, but `{name}` is read as {}, which has none; \
                         set `format` or remove the key",
                        format.name()
                    ),
                )),
                _ => Ok(format),
            };
        }
        let known = known_extensions(|_| true);
        let names: Vec<_> = Format::names_of_files().collect();
        let (last, names) = names.split_last().unwrap_or((&"", &[]));
        let held = held.map_or(String::new(), |held| format!("; it holds {held}"));
        Err(self.refuse(
            "format",
            format!(
                "is missing, and neither the name `{name}` ({known} would) nor its first bytes say it{held}; \
                 write {} or {last}",
                names.join(", ")
            ),
        ))
    }

    /// The first key that names a part of a record, which running text and lines do not have.
    fn key_of_fields(&self) -> Option<&'static str> {
        let source = self.source;
        let keys = [
            ("text", source.text.is_some()),
            ("label", source.label.is_some()),
            ("value", source.value.is_some()),
            ("columns", source.columns.is_some()),
        ];
        keys.iter().find(|(_, given)| *given).map(|(key, _)| *key)
    }

    /// The format of a file that a folder or pattern holds, if it is one to be read.
    fn format_of_found_file(&self, name: &str) -> Option<Format> {
        let format = self.source.format.or_else(|| Format::of_file_name(name))?;
        (format.has_fields() || self.key_of_fields().is_none()).then_some(format)
    }

    /// Take a file of a folder or pattern if it is one to be read.
    fn take(&self, path: &Path, name: String, bytes: u64, found: &mut Found) {
        match self.format_of_found_file(&name) {
            Some(format) => found.files.push(ListedFile {
                name: name.into(),
                bytes,
                format,
                object: None,
            }),
            None => found.leave_out(path.display().to_string()),
        }
    }

    fn matching(&self, name: &str, found: &mut Found) -> Result<(), Error> {
        let options = glob::MatchOptions {
            case_sensitive: true,
            require_literal_separator: true,
            require_literal_leading_dot: true,
        };
        let refuse = |error: glob::PatternError| {
            self.refuse("path", format!("`{name}` is not a pattern: {}", error.msg))
        };
        if name.contains("**") {
            // The library would follow links in circles.
            let pattern = glob::Pattern::new(name).map_err(refuse)?;
            let folder = folder_before_pattern(name);
            let path = match self.base.join(folder) {
                path if path.as_os_str().is_empty() => PathBuf::from("."),
                path => path,
            };
            if path.is_dir() {
                let wanted = |name: &str| pattern.matches_with(name, options);
                self.walk(folder, &path, &wanted, found)?;
            }
        } else {
            let base = glob::Pattern::escape(&self.base.to_string_lossy());
            let pattern = Path::new(&base).join(name);
            let matches = glob::glob_with(&pattern.to_string_lossy(), options).map_err(refuse)?;
            self.take_all(matches, found)?;
        }
        if found.files.is_empty() && found.left_out == 0 {
            return Err(self.refuse("path", format!("`{name}` matches no file")));
        }
        Ok(())
    }

    fn take_all(&self, matches: glob::Paths, found: &mut Found) -> Result<(), Error> {
        for path in matches {
            let path = path.map_err(|error| kiln_text::Error::io(error.path(), error.error()))?;
            let metadata =
                fs::metadata(&path).map_err(|error| kiln_text::Error::io(&path, &error))?;
            if metadata.is_file() {
                let below = path.strip_prefix(self.base).unwrap_or(&path);
                let name = utf8(below.to_str(), &path)?.to_owned();
                self.take(&path, name, metadata.len(), found);
            }
        }
        Ok(())
    }

    /// All files below a folder whose names are `wanted`. Links are followed, but not back into a folder that is being
    /// walked.
    fn walk(
        &self,
        name: &str,
        path: &Path,
        wanted: &dyn Fn(&str) -> bool,
        found: &mut Found,
    ) -> Result<(), Error> {
        let mut folders = vec![Folder {
            name: name.to_owned(),
            path: path.to_owned(),
            links: vec![real(path)?],
        }];
        while let Some(folder) = folders.pop() {
            let io = |error: std::io::Error| kiln_text::Error::io(&folder.path, &error);
            for entry in fs::read_dir(&folder.path).map_err(io)? {
                let entry = entry.map_err(io)?;
                let path = entry.path();
                let file_name = entry.file_name();
                let file_name = utf8(file_name.to_str(), &path)?;
                if file_name.starts_with('.') {
                    continue;
                }
                let name = join(&folder.name, file_name);
                let metadata = match fs::metadata(&path) {
                    // A link that leads nowhere, and nobody asked where to.
                    Err(_) if !wanted(&name) => continue,
                    found => found.map_err(|error| kiln_text::Error::io(&path, &error))?,
                };
                if metadata.is_file() {
                    if wanted(&name) {
                        self.take(&path, name, metadata.len(), found);
                    }
                } else if metadata.is_dir() {
                    let linked = entry.file_type().map_err(io)?.is_symlink();
                    folders.extend(folder.child(name, path, linked)?);
                }
            }
        }
        Ok(())
    }
}

struct Folder {
    name: String,
    path: PathBuf,
    /// Where the walk began, and the targets of the links on the way here.
    links: Vec<PathBuf>,
}

impl Folder {
    /// A folder in this one, or `None` if it is a link to one that leads here.
    fn child(&self, name: String, path: PathBuf, linked: bool) -> Result<Option<Self>, Error> {
        let mut links = self.links.clone();
        if linked {
            let target = real(&path)?;
            links.push(real(&self.path)?);
            if links.iter().any(|passed| passed.starts_with(&target)) {
                tracing::warn!(
                    "{}: a link back to {} was not followed",
                    path.display(),
                    target.display()
                );
                return Ok(None);
            }
            links.push(target);
        }
        Ok(Some(Self { name, path, links }))
    }
}

fn real(path: &Path) -> Result<PathBuf, kiln_text::Error> {
    fs::canonicalize(path).map_err(|error| kiln_text::Error::io(path, &error))
}

fn utf8<'a>(name: Option<&'a str>, path: &Path) -> Result<&'a str, kiln_text::Error> {
    name.ok_or_else(|| {
        let problem = "the name is not UTF-8; rename it";
        kiln_text::Error::mistake(path, kiln_text::Position::Whole, problem)
    })
}

/// The path without `./` before it and `/` behind it.
fn plain(mut path: &str) -> &str {
    while let Some(rest) = path.strip_prefix("./") {
        path = rest.trim_start_matches('/');
    }
    match path.trim_end_matches('/') {
        "" if path.starts_with('/') => "/",
        "." => "",
        path => path,
    }
}

fn join(folder: &str, name: &str) -> String {
    match folder {
        "" => name.to_owned(),
        "/" => format!("/{name}"),
        folder => format!("{folder}/{name}"),
    }
}

fn is_pattern(path: &str) -> bool {
    path.contains(['*', '?', '['])
}

/// The folder that all files matching a pattern lie in: the parts of it that are plain names.
fn folder_before_pattern(pattern: &str) -> &str {
    let wild = pattern.find(['*', '?', '[']).unwrap_or(pattern.len());
    match pattern[..wild].rfind('/') {
        Some(0) => "/",
        Some(end) => &pattern[..end],
        None => "",
    }
}

fn known_extensions(wanted: impl Fn(Format) -> bool) -> String {
    let dotted: Vec<_> = Format::extensions(wanted)
        .map(|extension| format!(".{extension}"))
        .collect();
    dotted.join(" ")
}

/// The last part of an address, without a query.
fn file_name(address: &str) -> &str {
    let place = match address.starts_with("http") {
        true => address.split('?').next().unwrap_or_default(),
        false => address,
    };
    place.rsplit('/').next().unwrap_or_default()
}

/// The first bytes of a file, unpacked.
fn beginning(path: &Path) -> Result<Vec<u8>, Error> {
    let mut bytes = Vec::new();
    let file = Unpacked::open(path)?;
    file.take(4096)
        .read_to_end(&mut bytes)
        .map_err(|error| input_error(path, error))?;
    Ok(bytes)
}
