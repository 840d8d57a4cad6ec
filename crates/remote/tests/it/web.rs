//! Files of web servers: resuming, changes, refusals, secrets, work offline.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use kiln_remote::{Address, Store};
use kiln_testkit::{Reply, Request, WebServer};

use crate::scene::{Scene, bytes, fetch, fetch_only, list};

/// A server whose answer may depend on how many requests with a body (GET) came before.
fn server(answer: impl Fn(&Request, usize) -> Reply + Send + Sync + 'static) -> WebServer {
    let gets = AtomicUsize::new(0);
    WebServer::new(move |request| {
        let before = match request.method.as_str() {
            "GET" => gets.fetch_add(1, Ordering::SeqCst),
            _ => 0,
        };
        answer(request, before)
    })
}

#[test]
fn a_file_is_fetched_once_and_read_from_the_cache() {
    let content = bytes(300_000);
    let whole = content.clone();
    let web = server(move |request, _| Reply::file(request, &whole, "\"v1\""));
    let scene = Scene::new(&[]);
    let address = web.url("/data/a%20b.jsonl.zst?part=1");
    for _process in 0..2 {
        let store = scene.store();
        let objects = list(&store, &address).unwrap();
        assert_eq!(objects.len(), 1);
        assert_eq!(
            objects[0].name(),
            address.replace("part=1", "part=***"),
            "without the query's values"
        );
        assert_eq!(objects[0].bytes(), 300_000);
        assert!(objects[0].version().is_some());
        assert!(fetch(&store, &objects[0]).unwrap() == content);
        assert!(store.holds(&objects[0]));
        let path = store.path(&objects[0]);
        assert!(
            path.to_str().unwrap().ends_with("-a_20b.jsonl.zst"),
            "{path:?}"
        );
    }
    let target = "/data/a%20b.jsonl.zst?part=1";
    let expected = ["HEAD", "GET", "HEAD"].map(|method| format!("{method} {target}"));
    assert_eq!(web.take_log(), expected);
    assert_eq!(scene.unfinished(), 0);
}

#[test]
fn a_cut_connection_costs_only_the_rest() {
    let content = bytes(100_000);
    let whole = content.clone();
    let web = server(move |request, before| {
        let reply = Reply::file(request, &whole, "\"v1\"");
        match before {
            0 => reply.cut_after(40_000),
            1 => reply.cut_after(7_000),
            _ => reply,
        }
    });
    let scene = Scene::new(&[]);
    assert!(fetch_only(&scene.store(), &web.url("/a")).unwrap() == content);
    assert_eq!(
        web.take_log(),
        [
            "HEAD /a",
            "GET /a",
            "GET /a bytes=40000-",
            "GET /a bytes=47000-"
        ]
    );
}

/// What a killed process leaves: bytes beside the target.
#[test]
fn another_process_goes_on_where_one_was_stopped() {
    let content = bytes(100_000);
    let whole = content.clone();
    let web = server(move |request, before| {
        let reply = Reply::file(request, &whole, "\"v1\"");
        match before {
            0 => reply.silent_after(30_000, Duration::from_secs(30)),
            _ => reply,
        }
    });
    let scene = Scene::new(&[]);
    let store = scene.store();
    let object = list(&store, &web.url("/a")).unwrap().remove(0);
    let begun = Instant::now();
    let seen = AtomicUsize::new(0);
    let mut advance = |bytes| seen.store(bytes as usize, Ordering::SeqCst);
    let keep_going = || seen.load(Ordering::SeqCst) < 30_000;
    let stopped = store.fetch(&object, &mut advance, &keep_going).unwrap();
    assert_eq!(stopped, None);
    assert!(
        begun.elapsed() < Duration::from_secs(10),
        "it stops at once"
    );
    assert!(!store.holds(&object));
    assert_eq!(scene.unfinished(), 1);
    drop(store);
    assert!(fetch_only(&scene.store(), &web.url("/a")).unwrap() == content);
    let log = web.take_log();
    assert_eq!(log.last().unwrap(), "GET /a bytes=30000-");
    assert_eq!(scene.unfinished(), 0);
}

#[test]
fn a_server_without_parts_is_asked_for_the_whole_again() {
    for (name, tag) in [
        ("weak", Some("W/\"v1\"")),
        ("strong", Some("\"v1\"")),
        ("none", None),
    ] {
        let content = bytes(50_000);
        let whole = content.clone();
        let web = server(move |_, before| {
            let reply = Reply::new(200, whole.clone());
            let reply = match tag {
                Some(tag) => reply.with("ETag", tag),
                None => reply,
            };
            match before {
                0 => reply.cut_after(20_000),
                _ => reply,
            }
        });
        let scene = Scene::new(&[]);
        let fetched = fetch_only(&scene.store(), &web.url("/a")).unwrap();
        assert!(fetched == content, "{name}");
    }
}

#[test]
fn what_changed_between_two_attempts_is_not_glued_together() {
    let (old, new) = (bytes(60_000), vec![b'x'; 60_000]);
    let expected = new.clone();
    let web = WebServer::new({
        let asked = AtomicUsize::new(0);
        move |request| match asked.fetch_add(1, Ordering::SeqCst) {
            0 => Reply::file(request, &old, "\"old\""),
            1 => Reply::file(request, &old, "\"old\"").cut_after(20_000),
            _ => Reply::file(request, &new, "\"new\""),
        }
    });
    let scene = Scene::new(&[]);
    let error = fetch_only(&scene.store(), &web.url("/a")).unwrap_err();
    assert!(
        error.to_string().ends_with(
            "/a: changed on the server since it was listed; run again when it is complete"
        ),
        "{error}"
    );
    assert!(!error.is_mistake());
    assert_eq!(scene.unfinished(), 0);
    assert!(fetch_only(&scene.store(), &web.url("/a")).unwrap() == expected);
}

/// The time of the last change stands for the version, and a server that ignores If-Range does not deceive.
#[test]
fn a_part_of_another_version_is_refused() {
    let content = bytes(60_000);
    let web = server(move |request, before| {
        let date = [
            "Mon, 01 Jan 2024 00:00:00 GMT",
            "Tue, 02 Jan 2024 00:00:00 GMT",
        ];
        let reply = match (request.header("range"), before) {
            (Some(_), _) => {
                Reply::new(206, &content[20_000..]).with("Content-Range", "bytes 20000-59999/60000")
            }
            (None, 0) => Reply::new(200, content.clone()).cut_after(20_000),
            (None, _) => Reply::new(200, content.clone()),
        };
        reply.with("Last-Modified", date[usize::from(before > 0)])
    });
    let scene = Scene::new(&[]);
    let error = fetch_only(&scene.store(), &web.url("/a")).unwrap_err();
    assert!(
        error.to_string().contains("changed on the server"),
        "{error}"
    );
    let requests = web.requests();
    let last = requests.last().unwrap();
    assert_eq!(
        last.header("if-range"),
        Some("Mon, 01 Jan 2024 00:00:00 GMT")
    );
}

#[test]
fn a_new_version_is_fetched_beside_the_old_one() {
    let web = server(move |request, before| {
        let tag = if before == 0 { "\"1\"" } else { "\"2\"" };
        Reply::file(request, tag.as_bytes(), tag)
    });
    // The second HEAD comes after the first GET; its tag is still the first.
    let scene = Scene::new(&[]);
    assert_eq!(
        fetch_only(&scene.store(), &web.url("/a")).unwrap(),
        b"\"1\""
    );
    let two = server(move |request, _| Reply::file(request, b"\"2\"", "\"2\""));
    assert_eq!(
        fetch_only(&scene.store(), &two.url("/a")).unwrap(),
        b"\"2\""
    );
    let path =
        |store: &Store, web: &WebServer| store.path(&list(store, &web.url("/a")).unwrap()[0]);
    let store = scene.store();
    assert_ne!(path(&store, &web), path(&store, &two));
}

#[test]
fn what_has_no_version_is_fetched_anew_by_every_process() {
    let gets = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&gets);
    let web = WebServer::new(move |request| {
        let number = match request.method.as_str() {
            "GET" => counted.fetch_add(1, Ordering::SeqCst),
            _ => 0,
        };
        Reply::new(200, number.to_string())
    });
    let scene = Scene::new(&[]);
    for process in 0..2 {
        let store = scene.store();
        for _time in 0..2 {
            let fetched = fetch_only(&store, &web.url("/a")).unwrap();
            assert_eq!(fetched, process.to_string().as_bytes());
        }
    }
    assert_eq!(gets.load(Ordering::SeqCst), 2);
    assert_eq!(fetch_only(&scene.offline(), &web.url("/a")).unwrap(), b"1");
}

#[test]
fn a_busy_server_is_asked_again() {
    let content = bytes(1000);
    let whole = content.clone();
    let web = WebServer::new({
        let asked = AtomicUsize::new(0);
        move |request| match asked.fetch_add(1, Ordering::SeqCst) {
            0 | 4 => Reply::new(503, "busy"),
            1 => Reply::new(429, "busy").with("Retry-After", "0"),
            3 => Reply::new(500, "busy"),
            _ => Reply::file(request, &whole, "\"v1\""),
        }
    });
    let scene = Scene::new(&[]);
    assert!(fetch_only(&scene.store(), &web.url("/a")).unwrap() == content);
    let methods: Vec<_> = web.requests().into_iter().map(|r| r.method).collect();
    assert_eq!(methods, ["HEAD", "HEAD", "HEAD", "GET", "GET", "GET"]);
}

#[test]
fn a_server_that_stays_busy_is_given_up() {
    let web = WebServer::new(|_| Reply::new(503, "busy"));
    let scene = Scene::new(&[]);
    let error = list(&scene.store(), &web.url("/a")).unwrap_err();
    assert!(
        error.to_string().contains("/a: the server answers 503"),
        "{error}"
    );
    assert!(!error.is_mistake());
    assert_eq!(web.requests().len(), 5);
}

#[test]
fn servers_that_know_no_head_are_asked_for_a_byte() {
    let content = bytes(5000);
    for (status, empty) in [(405, false), (403, false), (405, true)] {
        let whole = if empty { Vec::new() } else { content.clone() };
        let expected = whole.clone();
        let web = server(move |request, _| match request.method.as_str() {
            "HEAD" => Reply::new(status, ""),
            _ => Reply::file(request, &whole, "\"v1\""),
        });
        let scene = Scene::new(&[]);
        assert!(fetch_only(&scene.store(), &web.url("/a")).unwrap() == expected);
        assert_eq!(web.take_log()[1], "GET /a bytes=0-0");
    }
}

#[test]
fn redirects_are_followed_with_the_range() {
    let content = bytes(50_000);
    let whole = content.clone();
    let there = server(move |request, before| {
        let reply = Reply::file(request, &whole, "\"v1\"");
        match before {
            0 => reply.cut_after(10_000),
            _ => reply,
        }
    });
    let target = there.url("/there?signature=abc");
    let here = WebServer::new(move |_| Reply::new(302, "").with("Location", &target));
    let scene = Scene::new(&[]);
    assert!(fetch_only(&scene.store(), &here.url("/a")).unwrap() == content);
    assert_eq!(
        there.take_log().last().unwrap(),
        "GET /there?signature=abc bytes=10000-"
    );
    assert!(!scene.written().contains("signature"));
}

#[test]
fn refusals_say_what_to_do() {
    let web = WebServer::new(|request| match request.path() {
        "/endless" => Reply::new(200, "abc").without_length(),
        path => Reply::new(path[1..].parse().unwrap(), "<html>sorry</html>"),
    });
    let scene = Scene::new(&[]);
    let store = scene.store();
    for (path, expected) in [
        (
            "/404",
            "the server answers 404 Not Found; check the address",
        ),
        (
            "/403",
            "the server answers 403 Forbidden; the server wants credentials, or a signed address is too old",
        ),
        (
            "/401",
            "the server answers 401 Unauthorized; the server wants",
        ),
        (
            "/endless",
            "the server does not say how long it is; fetch the file yourself",
        ),
    ] {
        let error = list(&store, &web.url(path)).unwrap_err();
        assert!(error.is_mistake(), "{error}");
        let expected = format!("{}: {expected}", web.url(path));
        assert!(error.to_string().starts_with(&expected), "{error}");
        assert_eq!(error.to_string().lines().count(), 1);
    }
    // A port that nobody listens on.
    let gone = {
        let web = WebServer::new(|_| Reply::new(200, ""));
        web.url("/a")
    };
    std::thread::sleep(Duration::from_millis(50));
    let error = list(&store, &gone).unwrap_err();
    assert!(
        error.to_string().contains("/a: cannot connect: "),
        "{error}"
    );
    assert!(error.to_string().contains("refused"), "{error}");
}

#[test]
fn secrets_are_neither_shown_nor_stored() {
    let web = server(move |request, _| match request.path() {
        "/a" => Reply::file(request, b"text", "\"v1\""),
        _ => Reply::new(403, "no: sig=hush"),
    });
    let scene = Scene::new(&[]);
    let store = scene.store();
    let with_user = |path: &str| web.url(path).replace("//", "//me:hush@");
    assert_eq!(
        fetch_only(&store, &with_user("/a?sig=hush")).unwrap(),
        b"text"
    );
    let asked = web.requests();
    assert!(asked[0].target.ends_with("?sig=hush"), "the server is told");
    assert!(
        asked[0].header("authorization").is_some(),
        "the server is told"
    );
    let objects = list(&store, &with_user("/a?sig=hush")).unwrap();
    let refused = list(&store, &with_user("/b?sig=hush&x#hush")).unwrap_err();
    let address = Address::parse(&with_user("/a?sig=hush")).unwrap();
    for shown in [
        refused.to_string(),
        format!("{refused:?}"),
        format!("{objects:?}"),
        format!("{address:?}"),
        scene.written(),
    ] {
        assert!(!shown.contains("hush"), "{shown}");
    }
}

#[test]
fn offline_the_cache_is_all_there_is() {
    let web = server(move |request, _| Reply::file(request, b"text", "\"v1\""));
    let scene = Scene::new(&[]);
    let address = web.url("/a?sig=hush");
    let error = list(&scene.offline(), &address).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("was never listed, and KILN_OFFLINE"),
        "{error}"
    );
    list(&scene.store(), &address).unwrap();
    let error = fetch_only(&scene.offline(), &address).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("not in the cache, and KILN_OFFLINE"),
        "{error}"
    );
    assert!(error.is_mistake());
    assert_eq!(fetch_only(&scene.store(), &address).unwrap(), b"text");
    web.take_log();
    // Another signature is the same file.
    let later = web.url("/a?sig=later");
    assert_eq!(fetch_only(&scene.offline(), &later).unwrap(), b"text");
    assert_eq!(
        scene
            .offline()
            .beginning(&list(&scene.offline(), &later).unwrap()[0], 2)
            .unwrap(),
        b"te"
    );
    assert_eq!(web.take_log(), Vec::<String>::new());
}

#[test]
fn two_that_fetch_the_same_do_not_harm_each_other() {
    let content = bytes(400_000);
    let whole = content.clone();
    let web = server(move |request, before| {
        std::thread::sleep(Duration::from_millis(50));
        let reply = Reply::file(request, &whole, "\"v1\"");
        match before {
            0 => reply.cut_after(100_000),
            _ => reply,
        }
    });
    let scene = Scene::new(&[]);
    // Stores of their own, as processes have; and one shared by threads.
    let shared = scene.store();
    std::thread::scope(|scope| {
        for number in 0..6 {
            let (scene, web, content, shared) = (&scene, &web, &content, &shared);
            scope.spawn(move || {
                let own = scene.store();
                let store = if number % 2 == 0 { &own } else { shared };
                assert!(fetch_only(store, &web.url("/a")).unwrap() == *content);
            });
        }
    });
    let gets = web
        .take_log()
        .into_iter()
        .filter(|line| line.starts_with("GET"));
    assert_eq!(gets.collect::<Vec<_>>(), ["GET /a", "GET /a bytes=100000-"]);
    assert_eq!(scene.unfinished(), 0);
}

#[test]
fn the_beginning_is_had_without_the_rest() {
    let content = bytes(2_000_000);
    let whole = content.clone();
    let web = server(move |request, _| Reply::file(request, &whole, "\"v1\""));
    let scene = Scene::new(&[]);
    let store = scene.store();
    let object = list(&store, &web.url("/a")).unwrap().remove(0);
    assert!(store.beginning(&object, 4096).unwrap() == content[..4096]);
    assert!(!store.holds(&object));
    fetch(&store, &object).unwrap();
    web.take_log();
    assert!(store.beginning(&object, 3_000_000).unwrap() == content);
    assert_eq!(web.take_log(), Vec::<String>::new());
}
