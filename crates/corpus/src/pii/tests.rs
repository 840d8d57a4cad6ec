use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

/// What `scripts/reference/pii_cases.py` wrote.
const CASES: &str = include_str!("cases.tsv");

/// A case without its marks, and what they mark.
fn unmarked(case: &str) -> (String, Vec<(Kind, String, Range<usize>)>) {
    let case = case.replace("~~", "").replace("\\n", "\n");
    let mut text = String::new();
    let mut marks = Vec::new();
    let mut rest = case.as_str();
    while let Some((before, after)) = rest.split_once("{{") {
        let (marked, after) = after.split_once("}}").unwrap();
        let (kind, marked) = marked.split_once('|').unwrap();
        text.push_str(before);
        let kind = Kind::ALL
            .into_iter()
            .find(|known| known.name() == kind)
            .unwrap();
        marks.push((
            kind,
            marked.to_owned(),
            text.len()..text.len() + marked.len(),
        ));
        text.push_str(marked);
        rest = after;
    }
    text.push_str(rest);
    (text, marks)
}

/// Right: a match of the same kind at the same bytes.
#[test]
fn precision_and_recall_on_the_cases() {
    let mut counts: BTreeMap<Kind, [usize; 3]> = BTreeMap::new(); // right, too many, missing
    let mut wrong = String::new();
    let mut cases = 0;
    for line in CASES.lines() {
        let (_language, case) = line.split_once('\t').unwrap();
        let (text, marks) = unmarked(case);
        cases += 1;
        let found = find(&text);
        for found in &found {
            let right = marks
                .iter()
                .any(|mark| mark.0 == found.kind && mark.2 == found.range);
            counts.entry(found.kind).or_default()[usize::from(!right)] += 1;
            if !right {
                wrong += &format!(
                    "too many: {:?} {:?} in {text:?}\n",
                    found.kind,
                    &text[found.range.clone()]
                );
            }
        }
        for (kind, marked, range) in &marks {
            if !found
                .iter()
                .any(|found| found.kind == *kind && found.range == *range)
            {
                counts.entry(*kind).or_default()[2] += 1;
                wrong += &format!("missing: {kind:?} {marked:?} in {text:?}\n");
            }
        }
    }
    assert_eq!(cases, 500);
    let share = |right: usize, other: usize| right as f64 / (right + other) as f64;
    let mut table = String::new();
    let mut all = [0; 3];
    for (kind, count) in &counts {
        let [right, many, missing] = *count;
        let (precision, recall) = (share(right, many), share(right, missing));
        table += &format!(
            "{:8} {right:3} right, precision {precision:.3}, recall {recall:.3}\n",
            kind.name()
        );
        assert!(precision >= 0.95 && recall >= 0.93, "{table}{wrong}");
        for index in 0..3 {
            all[index] += count[index];
        }
    }
    let (precision, recall) = (share(all[0], all[1]), share(all[0], all[2]));
    assert_eq!(counts.len(), Kind::ALL.len());
    assert!(
        precision >= 0.98 && recall >= 0.95,
        "{precision:.3} {recall:.3}\n{table}{wrong}"
    );
}

#[test]
fn masks_as_configured() {
    let text = "amy@example.com at 9.9.9.9, again amy@example.com, (202) 555-0143";
    let check = |config: &str, expected: Option<&str>| {
        let config: Config = toml::from_str(config).unwrap();
        assert_eq!(mask(text, &config).as_deref(), expected);
    };
    check("", Some("<EMAIL> at <IPV4>, again <EMAIL>, <PHONE>"));
    check(
        "kinds = [\"phone\"]",
        Some("amy@example.com at 9.9.9.9, again amy@example.com, <PHONE>"),
    );
    check("kinds = [\"iban\"]", None);
    check(
        "kinds = [\"email\", \"phone\"]\nreplacements = { email = \"x@y.example\" }",
        Some("x@y.example at 9.9.9.9, again x@y.example, <PHONE>"),
    );
    check(
        "variant = \"datatrove\"",
        Some(
            "firstname.lastname@example.org at 18.104.22.168, again firstname.lastname@example.org, (202) 555-0143",
        ),
    );
    assert!(toml::from_str::<Config>("kinds = [\"name\"]").is_err());
}

#[test]
fn addresses_of_closed_networks_are_found_on_demand() {
    let config = Config {
        public_only: false,
        ..Config::default()
    };
    for (text, expected) in [
        ("at 192.168.0.1 now", "at <IPV4> now"),
        ("at fe80::1ff:fe23:4567:890a now", "at <IPV6> now"),
        ("at 2001:db8::17, now", "at <IPV6>, now"),
    ] {
        assert_eq!(mask(text, &config).as_deref(), Some(expected));
        assert_eq!(mask(text, &Config::default()), None);
    }
}

/// Pieces of which candidates are made, so that generated texts come near them.
fn soup() -> impl Strategy<Value = String> {
    let pieces = CASES.lines().flat_map(|line| {
        let (text, _) = unmarked(line.split_once('\t').unwrap().1);
        text.split_whitespace()
            .map(str::to_owned)
            .collect::<Vec<_>>()
    });
    let mut pieces: Vec<String> = pieces.collect();
    for mark in [
        "@",
        ".",
        ":",
        "::",
        "+",
        "(",
        ")",
        "-",
        " ",
        "/",
        "0",
        "é",
        "話",
        "-----BEGIN PRIVATE KEY-----",
        "-----END ",
        "\n",
    ] {
        pieces.extend(std::iter::repeat_n(mark.to_owned(), 40));
    }
    prop::collection::vec(prop::sample::select(pieces), 0..24).prop_map(|pieces| pieces.concat())
}

fn check_any(text: &str) -> Result<(), TestCaseError> {
    let found = find(text);
    for found in &found {
        prop_assert!(
            text.get(found.range.clone())
                .is_some_and(|part| !part.is_empty())
        );
    }
    for pair in found.windows(2) {
        prop_assert!(pair[0].range.end <= pair[1].range.start);
    }
    for variant in [Variant::Tags, Variant::Datatrove] {
        let config = Config {
            kinds: Some(Kind::ALL.to_vec()),
            variant,
            ..Config::default()
        };
        if let Some(masked) = mask(text, &config) {
            prop_assert_eq!(mask(&masked, &config), None);
        }
    }
    Ok(())
}

proptest! {
    #[test]
    fn any_text_is_masked_once_for_all(text in any::<String>()) {
        check_any(&text)?;
    }

    #[test]
    fn texts_of_candidates_are_masked_once_for_all(text in soup()) {
        check_any(&text)?;
    }
}

/// Time grows with the length alone: what would be slow if each candidate were judged by all the text around it.
/// Prints how fast books are searched, by groups of kinds. It depends on the machine, so little is asserted of it.
#[test]
#[ignore = "needs data sets: set KILN_DATA"]
fn throughput_on_clean_text() {
    const ROUNDS: usize = 40;
    let folder = std::path::PathBuf::from(std::env::var_os("KILN_DATA").unwrap()).join("books");
    let names = [
        "en-alice-in-wonderland.utf8.txt",
        "en-pride-and-prejudice.utf8.txt",
        "en-sherlock.txt",
    ];
    let texts = names.map(|name| std::fs::read_to_string(folder.join(name)).unwrap());
    let bytes: usize = texts.iter().map(String::len).sum();
    let numbers = [Kind::Iban, Kind::Card, Kind::Ipv4, Kind::Phone];
    let groups: [&[Kind]; 5] = [
        &Kind::ALL,
        &[Kind::Secret],
        &[Kind::Email],
        &[Kind::Ipv6],
        &numbers,
    ];
    let mut table = String::new();
    for kinds in groups {
        let mut rates: Vec<f64> = Vec::new();
        let mut found = 0;
        for _ in 0..5 {
            let begin = processor_seconds();
            for _ in 0..ROUNDS {
                found = texts
                    .iter()
                    .map(|text| find_kinds(text, kinds, true).len())
                    .sum();
            }
            rates.push((ROUNDS * bytes) as f64 / 1e6 / (processor_seconds() - begin));
        }
        rates.sort_by(f64::total_cmp);
        table += &format!("{:.0} MB/s, {found} found: {kinds:?}\n", rates[2]);
        assert!(rates[2] > 1.0, "{table}");
    }
    std::io::Write::write_all(&mut std::io::stdout(), table.as_bytes()).unwrap();
}

/// The processor time of this thread.
fn processor_seconds() -> f64 {
    let times = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    times.split(' ').next().unwrap().parse::<f64>().unwrap() / 1e9
}

#[test]
fn long_runs_of_candidates_take_linear_time() {
    for piece in [
        "@",
        "a@",
        "a.",
        "1",
        "1 ",
        "1.",
        "12.34.",
        "+1",
        "(1)-",
        "555-",
        "a:",
        ":",
        "+1 ",
        "(0",
        "ghp_a",
        "eyJ",
        "DE89 ",
        "-----BEGIN PRIVATE KEY-----",
        "4111 1111 1111 1111 ",
    ] {
        let text = |bytes: usize| piece.repeat(bytes / piece.len());
        crate::growth::check_linear(piece, 50_000, text, |text| drop(find(text)));
    }
}
