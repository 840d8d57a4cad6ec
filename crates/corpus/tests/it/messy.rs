//! Real files with real defects: each is read, or refused in one line.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use kiln_corpus::Broken;
use kiln_text::Source;

use crate::open;

/// Every file below a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => found.extend(files(&path)),
            false => found.push(path),
        }
    }
    found.sort();
    found
}

/// Documents, quarantined records, and the error that ended the reading.
fn read(section: &str, base: &Path) -> (u64, u64, Vec<Broken>, Option<String>) {
    let mut documents = match open(section, base) {
        Ok(corpus) => corpus.documents(),
        Err(error) => {
            assert!(error.is_mistake(), "{error}");
            return (0, 0, Vec::new(), Some(error.to_string()));
        }
    };
    let mut count = 0;
    let error = loop {
        match documents.next_document() {
            Ok(Some(_)) => count += 1,
            Ok(None) => break None,
            Err(error) => {
                assert!(error.is_mistake(), "{error}");
                break Some(error.to_string());
            }
        }
    };
    let broken = documents.take_broken();
    let skipped = documents.skipped();
    let counted = skipped.broken_records + skipped.broken_files;
    assert_eq!(counted.min(1000), broken.len() as u64);
    (count, skipped.other_records, broken, error)
}

#[test]
#[ignore = "needs data sets: set KILN_DATA"]
#[allow(clippy::print_stdout)]
fn every_file_is_read_or_refused_in_one_line() {
    let data = PathBuf::from(std::env::var_os("KILN_DATA").unwrap());
    for set in ["messy-web", "encodings", "messy-csv", "books"] {
        let mut tally = BTreeMap::new();
        for path in files(&data.join(set)) {
            let name = path.strip_prefix(&data).unwrap().to_str().unwrap();
            let keys = match set {
                // The first column, whatever it is called: names without a header line.
                "messy-csv" if name.to_ascii_lowercase().ends_with(".csv") => {
                    ", columns = ['text', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i']"
                }
                "encodings" => ", format = 'text'",
                _ => "",
            };
            let path = toml::Value::String(name.to_owned());
            for broken in ["", "broken = 'quarantine'\n"] {
                let section = format!("{broken}sources = [{{ path = {path}{keys} }}]");
                let (count, other, broken_records, error) = read(&section, &data);
                let outcome = match (&error, broken_records.is_empty()) {
                    (Some(_), _) => "refused",
                    (None, true) => "read",
                    (None, false) => "read in part",
                };
                *tally.entry((broken, outcome)).or_insert(0) += 1;
                println!(
                    "{outcome:<12} {name}: {count} documents, {other} others, {} broken {}",
                    broken_records.len(),
                    error.as_deref().unwrap_or("")
                );
                for entry in broken_records.iter().take(3) {
                    println!("    {:?} {:?} {}", entry.line, entry.offset, entry.reason);
                    assert!(!entry.reason.contains('\n'));
                }
                assert!(error.is_none_or(|error| !error.contains('\n')));
            }
        }
        println!("{set}: {tally:?}");
    }
}

/// Nanoseconds of processor time that this thread has had.
fn processor_time() -> f64 {
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    stat.split(' ').next().unwrap().parse().unwrap()
}

/// How fast JSON Lines are read. Prints MB of them for each second of one processor.
#[test]
#[ignore = "needs data sets: set KILN_DATA"]
#[allow(clippy::print_stdout)]
fn speed_of_json_lines() {
    use std::io::Read;
    let data = PathBuf::from(std::env::var_os("KILN_DATA").unwrap());
    let mut sample = Vec::new();
    let file = std::fs::File::open(data.join("messy-web/jsonl/c4-sample.json.gz")).unwrap();
    flate2::read::MultiGzDecoder::new(file)
        .read_to_end(&mut sample)
        .unwrap();
    let lines = sample.repeat(100);
    let packed = zstd::encode_all(&lines[..], 3).unwrap();
    let folder = crate::folder(&[("a.jsonl.zst", &packed), ("b.jsonl", &lines)]);
    for name in ["a.jsonl.zst", "b.jsonl"] {
        let mut speeds: Vec<f64> = (0..5)
            .map(|_| {
                let start = processor_time();
                let (count, ..) =
                    read(&format!("sources = [{{ path = '{name}' }}]"), folder.path());
                assert_eq!(count, 100_000);
                lines.len() as f64 * 1e3 / (processor_time() - start)
            })
            .collect();
        speeds.sort_by(f64::total_cmp);
        println!(
            "{name}: {:.0} MB/s (median of 5; best {:.0})",
            speeds[2], speeds[4]
        );
    }
}
