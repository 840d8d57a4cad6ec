//! Data sets of a stand-in for the Hugging Face hub.

use kiln_testkit::{Reply, Request, WebServer};
use ring::digest::{SHA1_FOR_LEGACY_USE_ONLY, SHA256, digest};

use crate::scene::{Scene, bytes, fetch, fetch_only, list, names};

const SHA: &str = "0123456789abcdef";

fn digits(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A file of the tree: large files are known by SHA-256, others by git's hash.
fn entry(path: &str, content: &[u8]) -> String {
    let size = content.len();
    let blob = [format!("blob {size}\0").as_bytes(), content].concat();
    let git = digits(digest(&SHA1_FOR_LEGACY_USE_ONLY, &blob).as_ref());
    if path.ends_with(".parquet") {
        let sha = digits(digest(&SHA256, content).as_ref());
        return format!(
            r#"{{"type":"file","oid":"pointer","size":130,"path":"{path}","lfs":{{"oid":"{sha}","size":{size},"pointerSize":130}}}}"#
        );
    }
    format!(r#"{{"type":"file","oid":"{git}","size":{size},"path":"{path}"}}"#)
}

fn content(path: &str) -> Vec<u8> {
    match path {
        "data/a.parquet" => bytes(30_000),
        "data/b.parquet" => bytes(10_000),
        _ => path.as_bytes().to_vec(),
    }
}

/// The files of the data set `o/n`, two pages of them, large ones on another host, for those who have the token.
fn hub(spoil: bool) -> (WebServer, WebServer) {
    let storage = WebServer::new(move |request| {
        if request.header("authorization").is_some() {
            return Reply::new(400, "a token that was meant for the hub");
        }
        let mut content = content(&request.path()[1..]);
        if spoil {
            content[5] ^= 1;
        }
        Reply::file(request, &content, "\"of the storage\"")
    });
    let large = storage.url("/");
    let hub = WebServer::new(move |request: &Request| {
        if request.header("authorization") != Some("Bearer hf_hush") {
            return Reply::new(401, "").with("X-Error-Message", "Access to o/n is restricted");
        }
        let api = "/api/datasets/o/n";
        let files = [
            "README.md",
            "data/a.parquet",
            "data/b.parquet",
            "c.jsonl",
            ".x/d.jsonl",
        ];
        let tree = |paths: &[&str]| {
            let mut entries: Vec<_> = paths
                .iter()
                .map(|path| entry(path, &content(path)))
                .collect();
            entries.push(r#"{"type":"directory","oid":"t","size":0,"path":"data"}"#.to_owned());
            Reply::new(200, format!("[{}]", entries.join(",")))
        };
        let path = request.path();
        if path == format!("{api}/revision/main") || path == format!("{api}/revision/refs%2Fpr%2F1")
        {
            Reply::new(200, format!(r#"{{"sha":"{SHA}","private":true}}"#))
        } else if path == format!("{api}/tree/{SHA}") {
            match request.target.contains("cursor=2") {
                true => tree(&files[3..]),
                false => tree(&files[..3]).with(
                    "Link",
                    &format!(
                        "<https://huggingface.co{path}?recursive=true&cursor=2>; rel=\"next\""
                    ),
                ),
            }
        } else if path == format!("{api}/tree/{SHA}/data") {
            tree(&files[1..3])
        } else if path == format!("{api}/paths-info/{SHA}") {
            let body = String::from_utf8_lossy(&request.body).into_owned();
            let found = files.iter().find(|path| body.contains(**path));
            Reply::new(
                200,
                format!(
                    "[{}]",
                    found.map_or(String::new(), |path| entry(path, &content(path)))
                ),
            )
        } else if let Some(file) = path.strip_prefix(&format!("/datasets/o/n/resolve/{SHA}/")) {
            match file.ends_with(".parquet") {
                true => Reply::new(302, "").with("Location", &format!("{large}{file}")),
                false => Reply::file(request, &content(file), "\"x\""),
            }
        } else {
            Reply::new(404, "").with("X-Error-Message", "Revision Not Found")
        }
    });
    (hub, storage)
}

fn scene(hub: &WebServer) -> Scene {
    Scene::new(&[("HF_ENDPOINT", &hub.url("/")), ("HF_TOKEN", "hf_hush")])
}

#[test]
fn folders_patterns_and_files_of_a_data_set() {
    let (hub, _storage) = hub(false);
    let scene = scene(&hub);
    let store = scene.store();
    let name = |file: &str, bytes: u64| (format!("hf://datasets/o/n{file}"), bytes);
    let large = [
        name("/data/a.parquet", 30_000),
        name("/data/b.parquet", 10_000),
    ];
    let whole = [vec![name("/c.jsonl", 7)], large.to_vec()].concat();
    assert_eq!(names(&store, "hf://datasets/o/n"), whole);
    assert_eq!(names(&store, "hf://datasets/o/n/data/*.parquet"), large);
    assert_eq!(names(&store, "hf://datasets/o/n/data/"), large);
    assert_eq!(names(&store, "hf://datasets/o/n/**/a.parquet"), large[..1]);
    assert_eq!(
        names(&store, "hf://datasets/o/n@refs/pr/1/c.jsonl"),
        [name("@refs/pr/1/c.jsonl", 7)]
    );
    for object in list(&store, "hf://datasets/o/n").unwrap() {
        let path = object.name().strip_prefix("hf://datasets/o/n/").unwrap();
        assert!(fetch(&store, &object).unwrap() == content(path), "{path}");
    }
    assert!(!scene.written().contains("hf_hush"));
}

#[test]
fn the_token_may_lie_in_the_folder_of_the_hubs_tools() {
    let (hub, _storage) = hub(false);
    let scene = Scene::new(&[("HF_ENDPOINT", &hub.url(""))]);
    std::fs::write(scene.folder.path().join("token"), "hf_hush\n").unwrap();
    let address = "hf://datasets/o/n/c.jsonl";
    assert_eq!(fetch_only(&scene.store(), address).unwrap(), b"c.jsonl");
}

#[test]
fn a_wrong_hash_is_refused_and_not_kept() {
    let (hub, _storage) = hub(true);
    let scene = scene(&hub);
    let error = fetch_only(&scene.store(), "hf://datasets/o/n/data/b.parquet").unwrap_err();
    let error = error.to_string();
    assert!(
        error.starts_with("hf://datasets/o/n/data/b.parquet: has the SHA-256 "),
        "{error}"
    );
    assert_eq!(
        scene.files().len(),
        1,
        "the listing alone: {:?}",
        scene.files()
    );
}

/// What an unclean shutdown may leave of an unfinished file is noticed, and the file is fetched anew.
#[test]
fn damaged_beginnings_are_fetched_anew() {
    let (hub, storage) = hub(false);
    let scene = scene(&hub);
    let store = scene.store();
    let object = list(&store, "hf://datasets/o/n/data/b.parquet")
        .unwrap()
        .remove(0);
    let path = store.path(&object);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path.with_extension("parquet.partial"), [0; 4000]).unwrap();
    assert!(fetch(&store, &object).unwrap() == content("data/b.parquet"));
    assert_eq!(
        storage.take_log(),
        ["GET /data/b.parquet bytes=4000-", "GET /data/b.parquet"]
    );
}

#[test]
fn refusals_name_the_token() {
    let (hub, _storage) = hub(false);
    let scene = Scene::new(&[("HF_ENDPOINT", &hub.url("")), ("HF_TOKEN", "hf_other")]);
    let error = list(&scene.store(), "hf://datasets/o/n/c.jsonl").unwrap_err();
    let error = error.to_string();
    assert!(
        error.contains("401 Unauthorized (Access to o/n is restricted)"),
        "{error}"
    );
    assert!(error.contains("set HF_TOKEN"), "{error}");
    assert!(!error.contains("hf_other"), "{error}");
    let scene = self::scene(&hub);
    for (address, expected) in [
        (
            "hf://datasets/o/n@v9/c.jsonl",
            "404 Not Found (Revision Not Found); check the owner",
        ),
        (
            "hf://datasets/o/n/d.jsonl",
            "the data set holds no `d.jsonl`",
        ),
        ("hf://datasets/o/n/data/*.csv", "leads to no object"),
    ] {
        let error = list(&scene.store(), address).unwrap_err();
        assert!(
            error.is_mistake() && error.to_string().contains(expected),
            "{error}"
        );
    }
}
