//! Hostile files do not fill memory: the peak of a process that reads each of them.

use std::io::Write;
use std::path::Path;
use std::process::Command;

use kiln_text::Source;

use crate::open;

/// The variable that names the folder whose `file` the child reads.
const FOLDER: &str = "KILN_TEST_HOSTILE_FOLDER";

/// What the readers may hold, in MiB: a record of 64 MiB while its buffer doubles, beside the program itself.
const MOST: u64 = 320;

/// Run by the test below in a process of its own; says what it read, and its peak.
#[test]
#[ignore = "is run by `peaks_stay_bounded`"]
#[allow(clippy::print_stdout)]
fn read_in_a_child() {
    let Some(folder) = std::env::var_os(FOLDER) else {
        return;
    };
    let folder = Path::new(&folder);
    let section = std::fs::read_to_string(folder.join("section")).unwrap();
    let (mut documents, mut last) = (0, String::new());
    match open(&section, folder) {
        Err(error) => last = error.to_string(),
        Ok(corpus) => {
            let mut reader = corpus.documents();
            loop {
                match reader.next_document() {
                    Ok(Some(_)) => documents += 1,
                    Ok(None) => break,
                    Err(error) => {
                        last = error.to_string();
                        break;
                    }
                }
            }
            if let Some(broken) = reader.take_broken().pop() {
                last = broken.reason;
            }
        }
    }
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let peak = peak.unwrap().trim().trim_end_matches(" kB");
    println!("\nread: {documents}\nlast: {last}\npeak: {peak}");
}

/// Documents, the last refusal, and the peak in MiB.
fn read(name: &str, keys: &str, write: impl FnOnce(&mut dyn Write)) -> (String, String, u64) {
    let folder = tempfile::tempdir().unwrap();
    let file = std::fs::File::create(folder.path().join(name)).unwrap();
    let mut file = std::io::BufWriter::new(file);
    write(&mut file);
    file.flush().unwrap();
    let section = format!("broken = 'quarantine'\nsources = [{{ path = '{name}'{keys} }}]");
    std::fs::write(folder.path().join("section"), section).unwrap();
    let mut child = Command::new(std::env::current_exe().unwrap());
    child.args([
        "--exact",
        "memory::read_in_a_child",
        "--ignored",
        "--nocapture",
    ]);
    let output = child.env(FOLDER, folder.path()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{name}: {said}");
    let line = |start: &str| {
        let found = said.lines().find_map(|line| line.strip_prefix(start));
        found.unwrap_or_else(|| panic!("{name}: {said}")).to_owned()
    };
    let left = std::fs::read_dir(folder.path()).unwrap().count();
    assert_eq!(left, 2, "{name}: nothing else is written");
    (
        line("read: "),
        line("last: "),
        line("peak: ").parse::<u64>().unwrap() >> 10,
    )
}

fn repeated(out: &mut dyn Write, unit: &[u8], bytes: usize) {
    let block = unit.repeat((1 << 20) / unit.len());
    for _ in 0..bytes / block.len() {
        out.write_all(&block).unwrap();
    }
}

fn gzip(write: impl FnOnce(&mut dyn Write)) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    write(&mut encoder);
    encoder.finish().unwrap()
}

fn book(out: &mut dyn Write, chapter: &str) {
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let options = zip::write::SimpleFileOptions::default();
    let package = format!(
        "<package><manifest><item id='a' href='{chapter}' media-type='application/xhtml+xml'/>\
         <item id='b' href='b.xhtml' media-type='application/xhtml+xml'/></manifest>\
         <spine><itemref idref='a'/><itemref idref='b'/></spine></package>"
    );
    let container = "<container><rootfiles><rootfile full-path='a.opf'/></rootfiles></container>";
    for (name, content) in [
        ("META-INF/container.xml", container),
        ("a.opf", &package),
        ("../outside.xhtml", "<p>outside"),
        ("b.xhtml", "<p>inside"),
    ] {
        zip.start_file(name, options).unwrap();
        zip.write_all(content.as_bytes()).unwrap();
    }
    // A chapter of 1 GiB.
    zip.start_file("bomb.xhtml", options).unwrap();
    repeated(&mut zip, b"<p>a", 1 << 30);
    out.write_all(&zip.finish().unwrap().into_inner()).unwrap();
}

#[test]
fn peaks_stay_bounded() {
    let long = |unit: &'static [u8]| move |out: &mut dyn Write| repeated(out, unit, 1 << 30);
    let bomb = || gzip(|out| repeated(out, b"a", 1 << 30));
    let wide = |out: &mut dyn Write| repeated(out, b"ab,", 200 << 20);
    let quote = |out: &mut dyn Write| {
        out.write_all(b"text\n\"").unwrap();
        let mut line = vec![b'a'; 1 << 20];
        line[(1 << 20) - 1] = b'\n';
        repeated(out, &line, 100 << 20);
    };
    let page = |out: &mut dyn Write| {
        let body = bomb();
        let head = "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Encoding: gzip\r\n\r\n";
        let length = head.len() + body.len();
        let record = format!(
            "WARC/1.0\r\nWARC-Type: response\r\nContent-Type: application/http\r\nContent-Length: {length}\r\n\r\n{head}"
        );
        out.write_all(record.as_bytes()).unwrap();
        out.write_all(&body).unwrap();
        out.write_all(b"\r\n\r\n").unwrap();
    };
    type Case<'a> = (
        &'a str,
        &'a str,
        Box<dyn FnOnce(&mut dyn Write) + 'a>,
        &'a str,
        &'a str,
    );
    let cases: [Case; 8] = [
        (
            "a.x",
            ", format = 'lines'",
            Box::new(long(b"a")),
            "0",
            "more than 64 MiB",
        ),
        ("a.jsonl", "", Box::new(long(b"[")), "0", "more than 64 MiB"),
        ("a.csv", "", Box::new(wide), "0", "more than 64 MiB"),
        (
            "b.csv",
            "",
            Box::new(quote),
            "99",
            "is not closed within 64 MiB",
        ),
        (
            "a.txt.gz",
            "",
            Box::new(|out| out.write_all(&bomb()).unwrap()),
            "",
            "more than 1000 times",
        ),
        (
            "b.txt.gz",
            "",
            Box::new(|out| {
                out.write_all(&gzip(|inner| inner.write_all(&bomb()).unwrap()))
                    .unwrap()
            }),
            "0",
            "",
        ),
        ("a.warc", "", Box::new(page), "0", "MiB"),
        (
            "a.epub",
            "",
            Box::new(|out| book(out, "bomb.xhtml")),
            "1",
            "unpacks to more than the 64 MiB",
        ),
    ];
    let books = cfg!(feature = "documents");
    for (name, keys, write, documents, refused) in cases {
        if name.ends_with(".epub") && !books {
            continue;
        }
        let (read, last, peak) = read(name, keys, write);
        assert!(
            documents.is_empty() || read == documents,
            "{name}: {read} {last}"
        );
        assert!(last.contains(refused), "{name}: {last}");
        assert!(peak < MOST, "{name}: {peak} MiB");
    }
    if books {
        let (read, last, _) = read("b.epub", "", |out| book(out, "../outside.xhtml"));
        assert_eq!((read.as_str(), last.as_str()), ("1", ""));
    }
}
