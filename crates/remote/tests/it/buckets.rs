//! Buckets of a stand-in for S3.

use std::sync::atomic::{AtomicUsize, Ordering};

use kiln_testkit::{Reply, Request, WebServer};

use crate::scene::{Scene, bytes, fetch, fetch_only, list, names};

const KEYS: [&str; 5] = [
    "a.jsonl",
    "dump/a.parquet",
    "dump/b.parquet",
    "dump/deep/c.parquet",
    "dump/.d.parquet",
];

/// Pages of two keys (ListObjectsV2), and the objects; the first fetch of a large one breaks.
fn answer(request: &Request, fetched: &AtomicUsize) -> Reply {
    let query: Vec<_> = request.target.split(['?', '&']).skip(1).collect();
    let value = |name: &str| {
        let found = query
            .iter()
            .find_map(|pair| pair.strip_prefix(&format!("{name}=")));
        found.unwrap_or_default().replace("%2F", "/")
    };
    if !request.path().starts_with("/bucket") {
        let body = "<Error><Code>NoSuchBucket</Code><Message>no</Message></Error>";
        return Reply::new(404, body);
    }
    if request
        .header("authorization")
        .is_none_or(|sent| !sent.contains("Credential=AKID/"))
    {
        return Reply::new(403, "<Error><Code>AccessDenied</Code></Error>");
    }
    let key = request.path()["/bucket".len()..].trim_start_matches('/');
    if !key.is_empty() {
        return match KEYS.contains(&key) {
            false => Reply::new(404, "<Error><Code>NoSuchKey</Code></Error>"),
            true => {
                let large = bytes(50_000);
                let reply = Reply::file(request, &large, "\"tag\"")
                    .with("Last-Modified", "Mon, 01 Jan 2024 00:00:00 GMT");
                match request.method == "GET" && fetched.fetch_add(1, Ordering::SeqCst) == 0 {
                    true => reply.cut_after(20_000),
                    false => reply,
                }
            }
        };
    }
    let (prefix, flat) = (value("prefix"), value("delimiter") == "/");
    let from: usize = value("continuation-token").parse().unwrap_or(0);
    let wanted: Vec<_> = KEYS
        .iter()
        .filter(|key| key.starts_with(&prefix) && !(flat && key[prefix.len()..].contains('/')))
        .collect();
    let page = wanted.iter().skip(from).take(2).map(|key| {
        format!("<Contents><Key>{key}</Key><LastModified>2024-01-01T00:00:00.000Z</LastModified><ETag>&quot;tag&quot;</ETag><Size>50000</Size></Contents>")
    });
    let page: String = page.collect();
    let more = wanted.len() > from + 2;
    let next = match more {
        true => format!(
            "<NextContinuationToken>{}</NextContinuationToken>",
            from + 2
        ),
        false => String::new(),
    };
    Reply::new(
        200,
        format!(
            "<ListBucketResult><IsTruncated>{more}</IsTruncated>{next}{page}</ListBucketResult>"
        ),
    )
}

fn server() -> WebServer {
    let fetched = AtomicUsize::new(0);
    WebServer::new(move |request| answer(request, &fetched))
}

fn scene(web: &WebServer, key: &str) -> Scene {
    Scene::new(&[
        ("AWS_ENDPOINT", &web.url("")),
        ("AWS_ALLOW_HTTP", "true"),
        ("AWS_ACCESS_KEY_ID", key),
        ("AWS_SECRET_ACCESS_KEY", "hush-hush"),
    ])
}

#[test]
fn folders_patterns_and_objects_of_a_bucket() {
    let web = server();
    let scene = scene(&web, "AKID");
    let store = scene.store();
    let named = |keys: &[&str]| -> Vec<_> {
        keys.iter()
            .map(|key| (format!("s3://bucket/{key}"), 50_000))
            .collect()
    };
    assert_eq!(names(&store, "s3://bucket"), named(&KEYS[..4]));
    assert_eq!(names(&store, "s3://bucket/dump"), named(&KEYS[1..4]));
    assert_eq!(
        names(&store, "s3://bucket/dump/*.parquet"),
        named(&KEYS[1..3])
    );
    assert_eq!(
        names(&store, "s3://bucket/dump/**/*.parquet"),
        named(&KEYS[1..4])
    );
    assert_eq!(names(&store, "s3://bucket/a.jsonl"), named(&KEYS[..1]));
    assert!(
        web.take_log()
            .iter()
            .any(|line| line.contains("continuation-token=2"))
    );
    let object = list(&store, "s3://bucket/a.jsonl").unwrap().remove(0);
    web.take_log();
    assert!(fetch(&store, &object).unwrap() == bytes(50_000));
    let log = web.take_log();
    assert_eq!(log.last().unwrap(), "GET /bucket/a.jsonl bytes=20000-49999");
    // From a folder it is the same object.
    assert!(store.holds(&list(&store, "s3://bucket/").unwrap()[0]));
    assert!(!scene.written().contains("hush"));
}

#[test]
fn another_process_goes_on_with_an_object() {
    let web = server();
    let scene = scene(&web, "AKID");
    let store = scene.store();
    let object = list(&store, "s3://bucket/a.jsonl").unwrap().remove(0);
    let path = store.path(&object);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(
        path.with_extension("jsonl.partial"),
        &bytes(50_000)[..30_000],
    )
    .unwrap();
    assert!(fetch(&store, &object).unwrap() == bytes(50_000));
    let log = web.take_log();
    assert!(
        log.iter()
            .any(|line| line == "GET /bucket/a.jsonl bytes=30000-"),
        "{log:?}"
    );
    let last = web.requests();
    assert!(last.is_empty());
}

#[test]
fn refusals_name_the_variables() {
    let web = server();
    for (key, address, expected) in [
        (
            "OTHER",
            "s3://bucket/a.jsonl",
            "access is refused (401 or 403); set AWS_ACCESS_KEY_ID",
        ),
        (
            "AKID",
            "s3://elsewhere/",
            "there is no such bucket; check its name",
        ),
        ("AKID", "s3://bucket/nothing", "leads to no object"),
    ] {
        let scene = scene(&web, key);
        let error = fetch_only(&scene.store(), address).unwrap_err();
        assert!(error.is_mistake(), "{error}");
        let expected = format!("{address}: {expected}");
        assert!(error.to_string().starts_with(&expected), "{error}");
        assert!(!error.to_string().contains("hush"), "{error}");
    }
}
