use std::time::Instant;

use kiln_testkit::recipes;

use crate::workspace;

#[test]
fn help_names_every_verb_with_an_example() {
    let workspace = workspace();
    let help = workspace.kiln(&["--help"]);
    assert_eq!(help.code, 0);
    let (commands, examples) = help.stdout.split_once("Examples:").unwrap();
    let verbs: Vec<&str> = commands
        .lines()
        .skip_while(|line| !line.starts_with("Commands:"))
        .skip(1)
        .take_while(|line| line.starts_with("  "))
        .filter(|line| !line.starts_with("   "))
        .filter_map(|line| line.split_whitespace().next())
        .filter(|verb| *verb != "help")
        .collect();
    assert!(verbs.len() >= 7, "{verbs:?}");
    for verb in verbs {
        assert!(
            examples.contains(&format!("kiln {verb} ")),
            "no example of {verb}"
        );
    }
}

/// 0.4 s, set on a processor with AVX-512, where libtorch's own start takes 0.2 s of it. On older ones that alone takes 0.4 s, whatever
/// the program does (docs/LOG.md, 2026-11-24).
fn limit() -> f64 {
    #[cfg(target_arch = "x86_64")]
    if !std::arch::is_x86_feature_detected!("avx512f") {
        return 0.8;
    }
    0.4
}

#[test]
fn verbs_without_tensors_answer_at_once() {
    let workspace = workspace();
    workspace.write("tiny.toml", recipes::TRANSFORMER);
    for arguments in [
        &["--help"][..],
        &["new", "language-model"],
        &["inspect", "tiny.toml"],
    ] {
        let time = || {
            let began = Instant::now();
            let answer = workspace.kiln(arguments);
            assert_eq!(answer.code, 0, "{}", answer.stderr);
            began.elapsed().as_secs_f64()
        };
        // The quickest of many: other tests keep the machine busy.
        let limit = limit();
        let fastest = (0..40).map(|_| time()).find(|time| *time < limit);
        assert!(
            fastest.is_some(),
            "{arguments:?} never answered within {limit} s"
        );
    }
}

#[test]
fn a_corpus_is_ingested_by_an_array_of_jobs() {
    let workspace = workspace();
    workspace.write("tiny.toml", recipes::TRANSFORMER);
    for number in 0..20 {
        let text = format!("This is text number {number}.\n").repeat(40);
        workspace.write(&format!("texts/{number}.txt"), &text);
    }
    let kiln = |arguments: &[&str]| {
        let sources = "corpus.sources=[{path=\"texts\"}]";
        let random = "corpus.split={method=\"random\",validation=0.3}";
        let fixed = ["ingest", "tiny.toml", "--set", sources, "--set", random];
        workspace.kiln(&[&fixed[..], arguments].concat())
    };
    let merged = ["--run-dir", "runs/merged"];
    let unready = kiln(&[&merged[..], &["--merge"]].concat());
    assert_eq!(unready.code, 2, "{}", unready.stderr);
    assert!(
        unready.error().contains("--shard 0/N"),
        "{}",
        unready.error()
    );
    for shard in ["1/2", "0/2"] {
        let answer = kiln(&[&merged[..], &["--shard", shard]].concat());
        assert_eq!(answer.code, 0, "{}", answer.stderr);
    }
    let beyond = kiln(&[&merged[..], &["--shard", "2/2"]].concat());
    assert_eq!(beyond.code, 2);
    assert!(
        beyond.stderr.contains("counted from 0"),
        "{}",
        beyond.stderr
    );
    for arguments in [
        &[&merged[..], &["--merge"]].concat()[..],
        &["--run-dir", "apart/whole"],
    ] {
        let answer = kiln(arguments);
        assert_eq!(answer.code, 0, "{}", answer.stderr);
    }
    let documents = |run: &str| {
        let answer = workspace.kiln(&["inspect", &format!("{run}/corpus"), "--json"]);
        assert_eq!(answer.code, 0, "{}", answer.stderr);
        answer.stdout
    };
    assert_eq!(documents("runs/merged"), documents("apart/whole"));
    assert_eq!(documents("apart/whole").lines().count(), 20);
}

#[test]
fn new_recipes_prepare_as_they_are() {
    for task in ["language-model", "classification", "regression"] {
        let workspace = workspace();
        let recipe = workspace.kiln(&["new", task]);
        assert_eq!(recipe.code, 0, "{}", recipe.stderr);
        workspace.write("mine.toml", &recipe.stdout);
        let few = "corpus.sources=[{format=\"stories\",documents=200}]";
        let answer = workspace.kiln(&["prepare", "mine.toml", "--set", few]);
        assert_eq!(answer.code, 0, "{}", answer.stderr);
        assert!(!workspace.names("runs").is_empty());
    }
    let unknown = workspace().kiln(&["new", "langage-model"]);
    assert_eq!(unknown.code, 2);
    assert!(
        unknown.error().contains("language-model"),
        "{}",
        unknown.stderr
    );
}

#[test]
fn tokens_come_back_as_text() {
    let workspace = workspace();
    workspace.write("tiny.toml", recipes::TRANSFORMER);
    let answer = workspace.kiln(&["prepare", "tiny.toml", "--run-dir", "run"]);
    assert_eq!(answer.code, 0, "{}", answer.stderr);
    let tokenizer = ["tokenize", "--tokenizer", "run/tokenizer/tokenizer.json"];
    let text = "Once upon a time,\nthere was naïve 日本.\n";
    let ids = workspace.kiln_with_input(&tokenizer, text);
    assert_eq!(ids.code, 0, "{}", ids.stderr);
    assert_eq!(ids.stdout.lines().count(), 2);
    let decode = [&tokenizer[..], &["--decode"]].concat();
    let back = workspace.kiln_with_input(&decode, &ids.stdout);
    assert_eq!(back.stdout, text);
    let wrong = workspace.kiln_with_input(&decode, "1 2\n3 x\n");
    assert_eq!(wrong.code, 2);
    assert!(wrong.error().contains(":2:"), "{}", wrong.stderr);
}

#[test]
fn a_recipe_may_end_where_the_verb_ends() {
    let workspace = workspace();
    let corpus = "name = \"few\"\n[corpus]\nsources = [{ format = \"stories\", documents = 20 }]\n";
    workspace.write("corpus.toml", corpus);
    let answer = workspace.kiln(&["ingest", "corpus.toml"]);
    assert_eq!(answer.code, 0, "{}", answer.stderr);
    let answer = workspace.kiln(&["prepare", "corpus.toml", "--run-dir", "more"]);
    assert_eq!(answer.code, 2, "{}", answer.stderr);
    assert!(
        answer.error().contains("no section [tokenizer]"),
        "{}",
        answer.stderr
    );
    assert!(!workspace.path("more").exists());
    let data =
        format!("{corpus}[tokenizer]\nkind = \"character\"\n[task]\nkind = \"classification\"\n");
    workspace.write("data.toml", data);
    let answer = workspace.kiln(&["prepare", "data.toml", "--run-dir", "runs/data"]);
    assert_eq!(answer.code, 0, "{}", answer.stderr);
    assert!(workspace.path("runs/data/dataset/labels.json").exists());
}

#[test]
fn a_stage_is_explained_document_by_document() {
    let workspace = workspace();
    workspace.write("tiny.toml", recipes::TRANSFORMER);
    assert_eq!(
        workspace
            .kiln(&["ingest", "tiny.toml", "--run-dir", "run"])
            .code,
        0
    );
    let ledger = workspace.kiln(&["inspect", "run/corpus", "--json"]);
    assert_eq!(ledger.code, 0, "{}", ledger.stderr);
    assert_eq!(ledger.stdout.lines().count(), 60);
    for line in ledger.stdout.lines() {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        assert!(line["id"].is_string() && line["kept"] == true, "{line}");
    }
}

#[test]
fn an_interrupted_preparation_gives_the_same_bytes() {
    let recipe = recipes::TRANSFORMER
        .replace("documents = 60", "documents = 4000")
        .replace("split = {", "chunk_bytes = 200000\nsplit = {");
    let whole = workspace();
    whole.write("tiny.toml", &recipe);
    let prepare = ["prepare", "tiny.toml", "--run-dir", "run"];
    assert_eq!(whole.kiln(&prepare).code, 0);
    let killed = workspace();
    killed.write("tiny.toml", &recipe);
    let mut kills = 0;
    loop {
        let mut child = killed.start(&prepare);
        std::thread::sleep(std::time::Duration::from_millis(40 + 25 * kills));
        child.kill().unwrap();
        if child.wait().unwrap().success() {
            break;
        }
        kills += 1;
        assert!(kills < 200, "it never ends");
    }
    assert!(kills > 1, "the kills came too late");
    for stage in ["corpus", "tokenizer", "dataset"] {
        let folder = format!("run/{stage}");
        assert_eq!(whole.names(&folder), killed.names(&folder));
        for name in whole.names(&folder) {
            let path = format!("{folder}/{name}");
            if whole.path(&path).is_file() && name != "manifest.json" {
                assert!(
                    whole.read(&path) == killed.read(&path),
                    "{path} differs after {kills} kills"
                );
            }
        }
    }
}
