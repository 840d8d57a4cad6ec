//! The pages of a MediaWiki dump (`pages-articles.xml`): each article as running text.
//!
//! Pages outside of the main namespace and redirects are left out and counted. Of a page with several revisions the last
//! in the file is taken. The address is made from the dump's own base address; the language is the dump's.

mod xml;

use std::path::{Path, PathBuf};

use kiln_text::{Document, Error, Provenance};
use serde_json::Value;

use self::xml::{Page, Xml};
use super::Reader;
use crate::broken::Refusal;
use crate::counts::Skipped;
use crate::extract::wikitext::Converter;
use crate::input::Input;
use crate::record::Fields;

/// The numbers of the namespaces whose links are not shown: media, files, categories.
const HIDDEN_NAMESPACES: [&str; 3] = ["-2", "6", "14"];

pub(crate) struct WikipediaReader {
    path: PathBuf,
    name: String,
    id_suffix: String,
    site: Site,
    xml: Xml,
    /// Where the next page is looked for.
    offset: u64,
    /// Pages before `offset`, those that were left out too.
    pages: u64,
}

impl WikipediaReader {
    /// Go on at the end of a page, so many pages having been read.
    pub(crate) fn open(
        path: &Path,
        name: &str,
        fields: &Fields,
        (offset, pages): (u64, u64),
    ) -> Result<Self, Error> {
        let open = |offset| {
            Ok::<_, Error>(Xml::new(
                Input::open(path, fields.encoding, offset)?,
                offset,
            ))
        };
        let mut xml = open(0)?;
        let site = Site::read(path, &mut xml)?;
        let mut reader = Self {
            path: path.to_owned(),
            name: name.to_owned(),
            id_suffix: fields.id_suffix.clone(),
            site,
            xml,
            offset,
            pages,
        };
        if offset > 0 {
            reader.xml = open(offset)?;
        }
        Ok(reader)
    }

    /// The next page, or `None` at the end of the dump.
    fn next_page(&mut self) -> Result<Option<Page>, Error> {
        let found = self.xml.next_page();
        let found = found.map_err(|problem| problem.into_error(&self.path))?;
        (self.offset, self.pages) = (self.xml.offset(), self.pages + u64::from(found.is_some()));
        Ok(found)
    }

    fn document(&self, page: &Page, text: String) -> Document {
        let id = format!("{}#{}{}", self.name, page.id, self.id_suffix);
        let source = Provenance {
            url: self.site.address(&page.title),
            ..Provenance::at(&self.name, page.offset)
        };
        let mut document = Document::new(id, text, source);
        document.language.clone_from(&self.site.language);
        let title = Value::String(page.title.clone());
        document.metadata.insert("title".into(), title);
        document
    }
}

impl Reader for WikipediaReader {
    fn next_document(&mut self, skipped: &mut Skipped) -> Result<Option<Document>, Refusal> {
        while let Some(page) = self.next_page()? {
            if page.redirects {
                skipped.redirects += 1;
            } else if !page.namespace.is_empty() && page.namespace != "0" {
                skipped.other_pages += 1;
            } else {
                let text = self.site.converter.text(&page.text);
                if !text.is_empty() {
                    return Ok(Some(self.document(&page, text)));
                }
                skipped.empty_text(&self.name, self.pages);
            }
        }
        Ok(None)
    }

    fn place(&self) -> (u64, u64) {
        (self.offset, self.pages)
    }
}

/// What the head of a dump says of its wiki.
struct Site {
    language: Option<String>,
    /// Addresses begin so: `https://en.wikipedia.org/wiki/`.
    base: Option<String>,
    converter: Converter,
}

impl Site {
    /// Read up to the first page.
    fn read(path: &Path, xml: &mut Xml) -> Result<Self, Error> {
        let head = xml.head().map_err(|problem| problem.into_error(path))?;
        let base = head
            .base
            .rsplit_once('/')
            .map(|(base, _)| format!("{base}/"));
        let mut converter = Converter::new();
        for name in &head.hidden {
            converter.hide_namespace(name);
        }
        Ok(Self {
            language: head.language,
            base,
            converter,
        })
    }

    fn address(&self, title: &str) -> Option<String> {
        let mut address = self.base.clone()?;
        for byte in title.bytes() {
            match byte {
                b' ' => address.push('_'),
                b'a'..=b'z'
                | b'A'..=b'Z'
                | b'0'..=b'9'
                | b'-'
                | b'_'
                | b'.'
                | b'~'
                | b'/'
                | b':'
                | b','
                | b'('
                | b')' => {
                    address.push(char::from(byte));
                }
                _ => address.push_str(&format!("%{byte:02X}")),
            }
        }
        Some(address)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;
    use crate::config::{Format, SourceConfig};
    use crate::extract::wikitext;
    use crate::formats::reading::{changes, check_changed, check_places, data, read, read_from};
    use proptest::prelude::*;

    const DUMP: &str = r#"<mediawiki xmlns="http://www.mediawiki.org/xml/export-0.10/" xml:lang="de">
  <siteinfo>
    <base>https://de.wikipedia.org/wiki/Wikipedia:Hauptseite</base>
    <namespaces>
      <namespace key="0" case="first-letter" />
      <namespace key="6" case="first-letter">Datei</namespace>
      <namespace key="14" case="first-letter">Kategorie</namespace>
    </namespaces>
  </siteinfo>
  <page>
    <title>Tee &amp; Regen</title>
    <ns>0</ns>
    <id>7</id>
    <revision>
      <id>70</id>
      <contributor><username>X</username><id>1</id></contributor>
      <text xml:space="preserve">'''Tee''' ist &lt;!-- x --&gt;ein [[Getränk]].&lt;ref&gt;Y&lt;/ref&gt; [[Datei:a.jpg]]
[[Kategorie:Tee]]</text>
    </revision>
  </page>
  <page>
    <title>Thee</title>
    <ns>0</ns>
    <id>8</id>
    <redirect title="Tee" />
    <revision><id>80</id><text>#REDIRECT [[Tee]]</text></revision>
  </page>
  <page>
    <title>Diskussion:Tee</title>
    <ns>1</ns>
    <id>9</id>
    <revision><id>90</id><text>Hm.</text></revision>
  </page>
  <page>
    <title>Leer</title>
    <ns>0</ns>
    <id>10</id>
    <revision><id>100</id><text>{{Löschen}}</text></revision>
  </page>
  <page>
    <title>Kaffee</title>
    <ns>0</ns>
    <id>11</id>
    <revision><id>110</id><text>Alt.</text></revision>
    <revision><id>111</id><text><![CDATA[Neu & gut.]]></text></revision>
  </page>
</mediawiki>
"#;

    fn file(text: &str) -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("dump.xml");
        std::fs::write(&path, text).unwrap();
        (folder, path)
    }

    #[test]
    fn articles_are_read_and_other_pages_counted() {
        let (_folder, path) = file(DUMP);
        let (all, _, skipped) =
            read_from(Format::Wikipedia, &path, &SourceConfig::default(), (0, 0)).unwrap();
        let shown: Vec<_> = all
            .into_iter()
            .map(Result::unwrap)
            .map(|d| {
                (
                    d.id,
                    d.text,
                    d.source.url,
                    d.language,
                    d.metadata["title"].clone(),
                    d.source.offset,
                )
            })
            .collect();
        let offset = |title: &str| {
            let title = DUMP.find(&format!("<title>{title}")).unwrap();
            DUMP[..title].rfind("<page>").unwrap() as u64
        };
        let de = || Some("de".to_owned());
        assert_eq!(
            shown,
            [
                (
                    "file#7".to_owned(),
                    "Tee ist ein Getränk.".to_owned(),
                    Some("https://de.wikipedia.org/wiki/Tee_%26_Regen".to_owned()),
                    de(),
                    Value::from("Tee & Regen"),
                    offset("Tee"),
                ),
                (
                    "file#11".to_owned(),
                    "Neu & gut.".to_owned(),
                    Some("https://de.wikipedia.org/wiki/Kaffee".to_owned()),
                    de(),
                    Value::from("Kaffee"),
                    offset("Kaffee"),
                ),
            ]
        );
        assert_eq!(
            (skipped.redirects, skipped.other_pages, skipped.empty_texts),
            (1, 1, 1)
        );
    }

    #[test]
    fn a_reading_goes_on_at_each_place() {
        let (_folder, path) = file(DUMP);
        check_places(Format::Wikipedia, &path, &SourceConfig::default(), 1);
    }

    #[test]
    fn what_is_no_dump_is_refused_in_one_line() {
        let cut = &DUMP[..DUMP.find("Neu").unwrap()];
        let cases = [
            (
                "",
                "file: byte 0: holds no XML; expected a dump that begins with the element `mediawiki`",
            ),
            (
                "text",
                "file: byte 4: holds no XML; expected a dump that begins with the element `mediawiki`",
            ),
            (
                "<html><p>x</p></html>",
                "file: byte 0: begins with the element `html`; expected `mediawiki`, as dumps of MediaWiki do",
            ),
            (cut, "is not XML here: "),
            (
                &DUMP[..DUMP.find("Alt.").unwrap() + 4],
                "ends in the middle of a page; was the download cut short?",
            ),
        ];
        for (text, expected) in cases {
            let (_folder, path) = file(text);
            let refused =
                read_from(Format::Wikipedia, &path, &SourceConfig::default(), (0, 0)).unwrap_err();
            let place = refused.starts_with("file: byte ");
            assert!(place && refused.contains(expected), "{refused}");
        }
    }

    proptest! {
        #[test]
        fn changed_bytes_end_in_documents_or_one_line(changes in changes()) {
            check_changed(Format::Wikipedia, DUMP.as_bytes(), &changes, &SourceConfig::default());
        }
    }

    /// Marks that must not be left in the text of an article.
    const RESIDUES: [&str; 14] = [
        "{{",
        "}}",
        "{|",
        "|}",
        "[[",
        "]]",
        "<ref",
        "</ref",
        "<!--",
        "-->",
        "__TOC__",
        "__NOTOC__",
        "'''",
        "</",
    ];

    #[allow(clippy::print_stderr)]
    fn say(measured: &str) {
        eprintln!("{measured}");
    }

    #[test]
    #[ignore = "needs data sets: set KILN_DATA"]
    fn articles_hold_no_marks() {
        let mut articles = Vec::new();
        for name in [
            "enwiki-latest-pages-articles1.xml-p000000010p000030302-shortened.bz2",
            "enwiki-table-markup.xml.bz2",
            "bgwiki-latest-pages-articles-shortened.xml.bz2",
        ] {
            let path = data("wikipedia-xml").join(name);
            articles.extend(read(Format::Wikipedia, &path, &SourceConfig::default()));
        }
        let mut touched = 0;
        let mut shown = String::new();
        for article in &articles {
            let mut found: Vec<String> = RESIDUES
                .iter()
                .filter_map(|mark| article.text.find(mark))
                .map(|at| article.text[at..].chars().take(40).collect())
                .collect();
            let row = |line: &&str| line.starts_with('|') || line.starts_with("! ");
            found.extend(article.text.lines().filter(row).map(str::to_owned));
            touched += usize::from(!found.is_empty());
            for found in found {
                shown.push_str(&format!("{}: {found}\n", article.metadata["title"]));
            }
        }
        if let Some(folder) = std::env::var_os("KILN_SHOW") {
            for article in &articles {
                let path = Path::new(&folder).join(format!("{}.txt", article.id.replace('#', "-")));
                std::fs::write(path, &article.text).unwrap();
            }
        }
        let rate = touched as f64 / articles.len() as f64;
        let report = format!(
            "{touched} of {} articles hold a mark ({rate:.4})\n{shown}",
            articles.len()
        );
        say(&report);
        assert!(articles.len() >= 100, "{}", articles.len());
        assert!(touched == 0, "{report}");
    }

    #[test]
    #[ignore = "needs data sets: set KILN_DATA"]
    fn speed() {
        let path = data("wikipedia-xml")
            .join("enwiki-latest-pages-articles1.xml-p000000010p000030302-shortened.bz2");
        let mut xml = Xml::new(Input::open(&path, None, 0).unwrap(), 0);
        let _ = xml.head();
        let mut pages = Vec::new();
        while let Ok(Some(page)) = xml.next_page() {
            pages.push(page.text);
        }
        let bytes: usize = pages.iter().map(String::len).sum();
        let mut times: Vec<f64> = (0..9)
            .map(|_| {
                let start = Instant::now();
                let length: usize = pages.iter().map(|page| wikitext::text(page).len()).sum();
                assert!(length > 1 << 20);
                start.elapsed().as_secs_f64()
            })
            .collect();
        times.sort_unstable_by(f64::total_cmp);
        let speed = bytes as f64 / times[4] / 1e6;
        say(&format!("wikitext: {speed:.0} MB/s, the median of nine"));
        assert!(speed > 20.0, "{speed:.0} MB/s");
    }
}
