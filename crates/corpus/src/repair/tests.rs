//! What becomes of whole texts.

use proptest::prelude::*;

use super::tables::CODE_PAGES;
use super::*;

/// `text` read as a code page, `layers` times.
fn misread(text: &str, page: &str, layers: usize) -> String {
    let (_, characters) = CODE_PAGES.iter().find(|(name, _)| *name == page).unwrap();
    let characters: Vec<char> = characters.chars().collect();
    (0..layers).fold(text.to_owned(), |text, _| {
        let read = |byte: u8| match byte {
            0x80.. => characters[usize::from(byte - 0x80)],
            _ => char::from(byte),
        };
        text.bytes().map(read).collect()
    })
}

#[test]
fn what_was_read_as_another_encoding_comes_back() {
    let check = |page: &str, layers: usize, sentences: &[&str]| {
        for sentence in sentences {
            let wrong = misread(sentence, page, layers);
            assert_eq!(mojibake(&wrong), *sentence, "{page}: {wrong}");
        }
    };
    let western = [
        "Über den Dächern hängt früh am Morgen Nebel.",
        "Où est passé le garçon qui rêvait d’être poète ?",
        "El pingüino cruzó la montaña: ¡qué frío!",
        "Blåbærgrød og rødbeder – på dansk",
        "Não há pão à venda na estação.",
        "“Fresh bread,” she said — ‘two loaves’…",
    ];
    for layers in 1..=3 {
        check("latin-1", layers, &western);
        check("windows-1252", layers, &western);
    }
    check("windows-1254", 1, &western);
    let central = [
        "Szkoła stała w pobliżu źródła.",
        "Dívka přinesla čerstvé květiny.",
        "Az őszi szél fújta a leveleket.",
    ];
    check("windows-1250", 1, &central);
    check("iso-8859-2", 1, &central);
    check("windows-1252", 2, &central);
    let cyrillic = ["Зимой мы катались на лыжах в лесу.", "Де моя стара книга?"];
    check("windows-1251", 1, &cyrillic);
    check("windows-1252", 1, &cyrillic);
    check("latin-1", 2, &cyrillic);
    check("windows-1251", 1, &["Größe – «où»"]);
    check("windows-1253", 1, &["Το πλοίο έφυγε νωρίς.", "Café “Zoë”"]);
    check(
        "windows-1257",
        1,
        &["Vėjas pūtė visą dieną.", "Jūra šalta – ļoti"],
    );
    check("macintosh", 1, &["Die Mühle am Fluß", "C’était déjà l’été"]);
    check("cp437", 1, &["Die Mühle am Fluß", "Fräulein Größe, où ?"]);
    check(
        "latin-1",
        1,
        &[
            "東京の天気は晴れです。",
            "العالم كبير",
            "שלום לכולם",
            "소리 없는 아침",
            "🎈 a balloon",
        ],
    );
    check("windows-1252", 1, &["Θάλασσα και ήλιος", "जल ही जीवन है"]);
}

#[test]
fn damaged_text_is_repaired_as_far_as_it_goes() {
    let check = |text: &str, expected: &str| assert_eq!(mojibake(text), expected, "{text:?}");
    // No-break spaces that became spaces.
    check("voilÃ le dÃ©jeuner", "voilà le déjeuner");
    check("Ã  la gare", "à la gare");
    check("Å kola a Å¾Ã¡k", "Škola a žák");
    // Bytes that were lost.
    check("â€œa short nameâ€\u{fffd}", "“a short name\u{fffd}");
    check(
        "the cafÃ\u{fffd} on the corner",
        "the caf\u{fffd} on the corner",
    );
    // Lines and passages of which only some are wrong.
    check("schÃ¶n\nschön\nschÃ¶n", "schön\nschön\nschön");
    check("Привет, JÃ¶rg", "Привет, Jörg");
    check("“Quoted” and donâ€™t", "“Quoted” and don’t");
    check("東京 cafÃ©", "東京 café");
    // Latin-1 that was Windows-1252.
    check(
        "a \u{93}quoted\u{94} word \u{96} here\u{85}",
        "a “quoted” word – here…",
    );
    // Pairs of surrogates.
    check("wow Ã\u{ad}Â\u{a0}Â½Ã\u{ad}Â¸Â\u{8d}", "wow 😍");
}

#[test]
fn what_is_right_stays() {
    for text in [
        "",
        "plain text, with 'quotes' & ampersands <b>",
        "SÃO PAULO",
        "Âge d’or, Âme",
        "à côté de l’hôtel — « là »",
        "ÀÉÎÕÜ àéîõü ñ ß æ œ",
        "RESUMÉ® and naïve™",
        "Ångström, ÅÄÖ, Åland",
        "25 °C, ½ kg, 3 × 4 = 12, £5, €20, ¥100",
        "¿Qué? ¡Sí!",
        "Ελληνικά και Αγγλικά: café",
        "ВГРС. Вот и всё…",
        "Съешь ещё этих мягких булок",
        "║ box ║ drawing ═══",
        "(ノಠ益ಠ)ノ彡┻━┻",
        "Łódź, Kraków, Żywiec",
        "Çanakkale, İzmir, ığdır",
        "Zürich—Genève",
        "Tiếng Việt có dấu",
        "हिन्दी में लिखा हुआ",
        "日本語「テスト」",
        "한국어 문장",
        "العربية لغة جميلة",
        "עברית",
        "x ≤ y ≠ z, ∑∞",
        "“curly” ‘quotes’ – and — dashes…",
        "A\u{a0}no-break space",
        "PÃƒ",
    ] {
        if text != "PÃƒ" {
            assert!(
                matches!(mojibake(text), Cow::Borrowed(_)) || mojibake(text) == text,
                "{text:?}"
            );
        }
    }
}

#[test]
fn repairs_follow_each_other() {
    let check = |keys: &str, text: &str, expected: &str| {
        let repair = Repair::new(toml::from_str(keys).unwrap());
        assert_eq!(repair.text(text), expected, "{keys} {text:?}");
        assert_eq!(matches!(repair.text(text), Cow::Owned(_)), text != expected);
    };
    check(
        "",
        "cafÃ© \r\n“x” &amp; ﬁ\u{feff}",
        "cafÃ© \r\n“x” &amp; ﬁ\u{feff}",
    );
    check(
        "preset = 'ftfy'",
        "cafÃ© \r\n“x” &amp; ﬁ\u{feff}",
        "café \n\"x\" & fi",
    );
    check("preset = 'ftfy'", "&Atilde;&copy;&amp;amp;", "é&");
    check(
        "preset = 'ftfy'",
        "a &amp; b\n<p>c &amp; d\ne &amp; f",
        "a & b\n<p>c &amp; d\ne &amp; f",
    );
    check("html_entities = 'decode'", "<p>c &amp; d", "<p>c & d");
    check("trailing_space = 'remove'", "a  \nb\t\n", "a\nb\n");
    check("trailing_space = 'remove'", "é  \nb\t\r\n", "é\nb\r\n");
    check("unicode = 'nfc'", "e\u{301} “ﬁ”", "é “ﬁ”");
    check("unicode = 'nfkc'", "e\u{301} “ﬁ”", "é “fi”");
    check("mojibake = true", "donâ€™t “\u{85}", "don’t “\u{85}");
    check(
        "c1_controls = 'windows-1252'",
        "donâ€™t \u{85}",
        "donâ€™t …",
    );
    check(
        "mojibake = true\nembedded = false",
        "東京 cafÃ©",
        "東京 cafÃ©",
    );
    check(
        "mojibake = true\nrestore_spaces = false",
        "voilÃ le",
        "voilÃ le",
    );
    check(
        "mojibake = true\nlossy_sequences = false",
        "â€œxâ€\u{fffd}",
        "“xâ€\u{fffd}",
    );
    check("preset = 'ftfy'", "ŉ x", "'n x");
    check("preset = 'ftfy'", "\x1b[1mbold\x1b[0m\x07", "bold");
    check("preset = 'ftfy'", "a\rb\u{2028}c", "a\nb\nc");
}

#[test]
fn a_document_keeps_everything_but_its_text() {
    let place = kiln_text::Provenance::at("a.txt", 7);
    let mut document = Document::new("a", "cafÃ©", place.clone());
    document.set_label("menu");
    let repaired = Repair::new(Config::FTFY).apply(document).unwrap().unwrap();
    assert_eq!(
        (repaired.text.as_str(), repaired.label()),
        ("café", Some("menu"))
    );
    assert_eq!(repaired.source, place);
}

/// Texts and what python-ftfy makes of them, by scripts/reference/ftfy-tables.py.
#[test]
fn it_agrees_with_ftfy() {
    #[derive(serde::Deserialize)]
    struct Case {
        text: String,
        encoding: String,
        all: String,
    }
    let lines: Vec<&str> = include_str!("reference/repaired.jsonl").lines().collect();
    assert_eq!(lines.len(), 300);
    let repair = Repair::new(Config::FTFY);
    for line in lines {
        let case: Case = serde_json::from_str(line).unwrap();
        assert_eq!(mojibake(&case.text), case.encoding, "{:?}", case.text);
        assert_eq!(repair.text(&case.text), case.all, "{:?}", case.text);
    }
}

/// python-ftfy's own cases; scripts/reference/ftfy-cases.sh fetches them. Those that ftfy itself fails are left out.
#[test]
#[ignore = "needs python-ftfy's test cases: set KILN_FTFY_CASES"]
fn ftfy_s_own_cases() {
    #[derive(serde::Deserialize)]
    struct Case {
        label: String,
        original: String,
        fixed: String,
        #[serde(rename = "fixed-encoding")]
        fixed_encoding: Option<String>,
        expect: String,
    }
    let Some(path) = std::env::var_os("KILN_FTFY_CASES") else {
        return;
    };
    let cases: Vec<Case> = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let repair = Repair::new(Config::FTFY);
    let mut wrong = Vec::new();
    let mut beyond_ftfy = 0;
    for case in &cases {
        let encoding = case.fixed_encoding.as_ref().unwrap_or(&case.fixed);
        let another_layer = misread(&case.original, "latin-1", 1);
        let right = repair.text(&case.original) == case.fixed
            && mojibake(&case.original) == *encoding
            && repair.text(&another_layer) == case.fixed;
        match (case.expect.as_str(), right) {
            ("pass", false) => wrong.push(&case.label),
            ("fail", true) => beyond_ftfy += 1,
            _ => {}
        }
    }
    assert_eq!((cases.len(), beyond_ftfy), (161, 0));
    assert!(wrong.is_empty(), "{} wrong: {wrong:#?}", wrong.len());
}

fn any_text() -> impl Strategy<Value = String> {
    let suspects: Vec<char> = CODE_PAGES
        .iter()
        .flat_map(|(_, page)| page.chars())
        .collect();
    let char = prop_oneof![
        4 => prop::sample::select(suspects),
        2 => prop::sample::select("aZ .?&;<\n\r\t\u{1b}[m\u{fffd}\u{1a}".chars().collect::<Vec<_>>()),
        1 => any::<char>(),
    ];
    prop::collection::vec(char, 0..24).prop_map(String::from_iter)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn repaired_text_stays(text in any_text()) {
        for config in [Config::FTFY, Config { trailing_space: Removal::Remove, unicode: Unicode::Nfkc, ..Config::FTFY }] {
            let repair = Repair::new(config);
            let repaired = repair.text(&text);
            prop_assert_eq!(repair.text(&repaired), &*repaired);
        }
    }

    #[test]
    fn text_in_one_script_stays(
        text in prop_oneof![
            "[ -~\n]{0,60}",
            "[a-zéèàùâêîôûçëïü ,.!]{0,60}",
            "[а-яА-ЯёЁ ,.!]{0,60}",
            "[α-ωάέήίό ,.;]{0,60}",
            "[\u{4e00}-\u{9fff}、。]{0,60}",
            "[ぁ-ゖァ-ヺー。]{0,60}",
            "[가-힣 .]{0,60}",
            "[ء-ي ،.]{0,60}",
            "[א-ת .]{0,60}",
            "[ก-ฮ ]{0,60}",
        ]
    ) {
        prop_assert_eq!(mojibake(&text), &*text);
    }
}

#[test]
fn repeated_odd_characters_take_linear_time() {
    let repair = Repair::new(Config::FTFY);
    for unit in [
        "Ã", "Ã©", "â€", "Ã ", "&", "&amp;", "\u{fffd}", "\u{1b}[", "ﬁ", "\u{85}", "e\u{301}",
        "à¸", "\r", "ï»¿",
    ] {
        let text = |bytes: usize| unit.repeat(bytes / unit.len());
        crate::growth::check_linear(unit, 24 << 10, text, |text| drop(repair.text(text)));
    }
}
