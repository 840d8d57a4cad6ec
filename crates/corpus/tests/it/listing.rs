//! Which files a path names, and in which order.

use std::path::Path;

use crate::{documents, folder, open};

fn names(path: &str, keys: &str, base: &Path) -> Vec<String> {
    let corpus = open(&format!("sources = [{{ path = \"{path}\"{keys} }}]"), base).unwrap();
    let names: Vec<_> = corpus.files().map(|file| file.name.to_owned()).collect();
    for file in corpus.files() {
        assert_eq!(std::fs::metadata(&file.path).unwrap().len(), file.bytes);
    }
    names
}

#[test]
fn folders_and_patterns_are_read_in_the_order_of_names() {
    let folder = folder(&[
        ("data/z.txt", b"z"),
        ("data/B.txt", b"b"),
        ("data/a/9.md", b"9"),
        ("data/a/10.txt", b"10"),
        ("data/a/deep/x.jsonl", b"{\"text\":\"x\"}"),
        ("data/a.txt", b"a"),
        ("data/.hidden.txt", b"no"),
        ("data/.git/x.txt", b"no"),
        ("data/image.png", b"\xff"),
        ("odd[1].txt", b"odd"),
    ]);
    let base = folder.path();
    let all = [
        "data/B.txt",
        "data/a.txt",
        "data/a/10.txt",
        "data/a/9.md",
        "data/a/deep/x.jsonl",
        "data/z.txt",
    ];
    let cases: [(&str, &str, &[&str]); 11] = [
        ("data", "", &all),
        ("./data/", "", &all),
        (
            "data/*.txt",
            "",
            &["data/B.txt", "data/a.txt", "data/z.txt"],
        ),
        ("./data/*", "", &["data/B.txt", "data/a.txt", "data/z.txt"]),
        (
            "data/**/*.txt",
            "",
            &["data/B.txt", "data/a.txt", "data/a/10.txt", "data/z.txt"],
        ),
        (
            "data/?.txt",
            "",
            &["data/B.txt", "data/a.txt", "data/z.txt"],
        ),
        (
            "data/a/*",
            ", format = 'text'",
            &["data/a/10.txt", "data/a/9.md"],
        ),
        ("odd[1].txt", "", &["odd[1].txt"]),
        ("data", ", label = 'class'", &["data/a/deep/x.jsonl"]),
        (
            "data/a/deep",
            ", format = 'lines'",
            &["data/a/deep/x.jsonl"],
        ),
        (".", "", &[&all[..], &["odd[1].txt"]].concat()),
    ];
    for (path, keys, expected) in cases {
        assert_eq!(names(path, keys, base), expected, "{path}");
    }
    let absolute = base.join("data/a");
    let absolute = absolute.to_str().unwrap();
    assert_eq!(
        names(absolute, "", Path::new("elsewhere"))[0],
        format!("{absolute}/10.txt")
    );
    let pattern = format!("{absolute}/*.md");
    assert_eq!(
        names(&pattern, "", Path::new("elsewhere")),
        [format!("{absolute}/9.md")]
    );
}

#[test]
fn a_base_with_pattern_characters_is_only_a_name() {
    let folder = folder(&[("run [1]*/a.txt", b"a"), ("run 1/b.txt", b"b")]);
    assert_eq!(
        names("*.txt", "", &folder.path().join("run [1]*")),
        ["a.txt"]
    );
}

#[test]
fn the_base_may_be_written_in_any_way() {
    let folder = folder(&[("a/x.txt", b"x"), ("b/y.txt", b"y")]);
    let around = folder.path().join("a/../b/.");
    for path in ["y.txt", "*.txt", ".", "./", "./*"] {
        assert_eq!(names(path, "", &around), ["y.txt"], "{path}");
    }
    // No base is the current folder: here the one of this package.
    for base in ["", "."] {
        let base = Path::new(base);
        assert_eq!(names("Cargo.*", ", format = 'text'", base), ["Cargo.toml"]);
        assert_eq!(
            names("Cargo.toml", ", format = 'text'", base),
            ["Cargo.toml"]
        );
        let all = names(".", ", format = 'text'", base);
        assert!(all.contains(&"tests/it/main.rs".to_owned()), "{all:?}");
    }
}

#[test]
fn one_file_with_two_texts_gives_each_its_ids() {
    let folder = folder(&[("pairs.tsv", b"english\tgerman\nyes\tja\n")]);
    let section = "sources = [{ path = 'pairs.tsv', text = 'english' }, { path = './pairs.tsv', text = 'german' }]";
    let read = documents(section, folder.path()).unwrap();
    let read: Vec<_> = read
        .iter()
        .map(|document| (document.id.as_str(), document.text.as_str()))
        .collect();
    assert_eq!(read, [("pairs.tsv#2", "yes"), ("pairs.tsv#2/german", "ja")]);
}

#[cfg(unix)]
#[test]
fn links_are_followed_but_not_in_circles() {
    use std::os::unix::fs::symlink;
    let folder = folder(&[
        ("data/a.txt", b"a"),
        ("data/sub/d.txt", b"d"),
        ("store/b.txt", b"b"),
        ("store/c.txt", b"c"),
    ]);
    let base = folder.path();
    symlink(base.join("store/c.txt"), base.join("data/c.txt")).unwrap();
    symlink(base.join("store"), base.join("data/store")).unwrap();
    symlink(base.join("data"), base.join("data/again")).unwrap();
    symlink(base.join("data"), base.join("store/back")).unwrap();
    symlink(base.join("data/sub"), base.join("data/sub/itself")).unwrap();
    // So that two circles do not multiply.
    symlink(base.join("data"), base.join("data/sub/other")).unwrap();
    for path in ["data", "data/**/*.txt", "*/**/*.txt", "**/data/**/*.txt"] {
        let mut found = names(path, "", base);
        found.retain(|name| name.starts_with("data"));
        assert_eq!(
            found,
            [
                "data/a.txt",
                "data/c.txt",
                "data/store/b.txt",
                "data/store/c.txt",
                "data/sub/d.txt"
            ],
            "{path}"
        );
    }
    // A link that leads nowhere is only missed if it is named.
    symlink(base.join("nowhere"), base.join("data/lost.bin")).unwrap();
    assert!(open("sources = [{ path = 'data' }]", base).is_err());
    assert!(open("sources = [{ path = 'data/**/*.bin' }]", base).is_err());
    let absolute = base.join("data").display().to_string();
    let found = names(&format!("{absolute}/**/?.txt"), "", base);
    assert_eq!(found.len(), 5);
    assert_eq!(found[0], format!("{absolute}/a.txt"));
}
