//! What is done is not done again, and what does not fit any more is refused.

use std::fs::File;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::{Duration, SystemTime};

use crate::scene::{STORIES, Scene, contents};

const TEXTS: [&str; 1] = ["corpus.sources=[{ path = \"texts\" }]"];

fn texts() -> Scene {
    let scene = Scene::new(STORIES);
    scene
        .write("texts/a.txt", "One text of some length.\n".repeat(40))
        .write("texts/b.txt", "Another text of some length.\n".repeat(40));
    scene
}

fn inode(path: &Path) -> u64 {
    std::fs::metadata(path).unwrap().ino()
}

#[test]
fn a_run_beside_another_takes_over_what_is_the_same() {
    let scene = Scene::new(STORIES);
    let first = scene.prepare("runs/first", &[]).unwrap();
    let second = scene
        .prepare(
            "runs/second",
            &["optimizer.learning_rate=0.1", "dataset.context_length=8"],
        )
        .unwrap();
    assert_eq!(first.key, second.key);
    assert_eq!(inode(&first.train[0]), inode(&second.train[0]));
    assert_eq!(inode(&first.tokenizer_path), inode(&second.tokenizer_path));
    assert_eq!(
        inode(&first.train_documents[0]),
        inode(&second.train_documents[0])
    );

    // Another vocabulary: the same documents, other shards.
    let third = scene
        .prepare("runs/third", &["tokenizer.vocabulary_size=310"])
        .unwrap();
    assert_eq!(
        inode(&first.train_documents[0]),
        inode(&third.train_documents[0])
    );
    assert_ne!(first.key, third.key);
    assert_eq!(third.tokenizer.vocabulary_size(), 310);

    // A run elsewhere does the work itself, to the same bytes.
    let fourth = scene.prepare("elsewhere/fourth", &[]).unwrap();
    assert_ne!(inode(&first.train[0]), inode(&fourth.train[0]));
    let stages = |run: &str| contents(&scene.path(run).join("dataset"));
    assert!(stages("runs/first") == stages("elsewhere/fourth"));
}

#[test]
fn a_damaged_neighbour_is_no_source() {
    let scene = Scene::new(STORIES);
    let first = scene.prepare("runs/first", &[]).unwrap();
    std::fs::write(&first.train[0], b"cut").unwrap();
    let second = scene.prepare("runs/second", &[]).unwrap();
    assert!(std::fs::metadata(&second.train[0]).unwrap().len() > 100);
    // The run itself says so.
    let message = scene.prepare("runs/first", &[]).err().unwrap().to_string();
    assert!(
        message.contains("train-00000.tokens: cut short"),
        "{message}"
    );
}

#[test]
fn inputs_that_changed_are_named() {
    let scene = texts();
    let before = scene.prepare("runs/one", &TEXTS).unwrap();
    // A new time stamp alone changes nothing.
    let file = File::open(scene.path("texts/a.txt")).unwrap();
    file.set_modified(SystemTime::now() + Duration::from_secs(60))
        .unwrap();
    assert_eq!(scene.prepare("runs/one", &TEXTS).unwrap().key, before.key);

    let check = |expected: &str| {
        let error = scene.prepare("runs/one", &TEXTS).err().unwrap();
        let message = error.to_string();
        assert!(error.is_mistake());
        for words in [
            "runs/one/corpus was made from other files: ",
            expected,
            "--run-dir",
        ] {
            assert!(message.contains(words), "{message}");
        }
    };
    scene.write("texts/c.txt", "New.\n");
    check("texts/c.txt is new since");
    std::fs::rename(scene.path("texts/c.txt"), scene.path("c.txt")).unwrap();
    scene.prepare("runs/one", &TEXTS).unwrap();
    scene.write("texts/b.txt", "Shorter.\n".repeat(40));
    check("texts/b.txt has changed since (1160 bytes then, 360 now)");
    std::fs::remove_file(scene.path("texts/b.txt")).unwrap();
    check("texts/b.txt is gone since");
    // Another run folder takes the files as they are now.
    let after = scene.prepare("runs/two", &TEXTS).unwrap();
    assert_ne!(after.key, before.key);
}

#[test]
fn an_unchanged_file_is_not_read_to_be_identified() {
    let scene = texts();
    scene.prepare("runs/one", &TEXTS).unwrap();
    // Same path, size and time stamp stand for the same contents.
    let path = scene.path("texts/a.txt");
    let stamp = std::fs::metadata(&path).unwrap().modified().unwrap();
    std::fs::write(&path, "Two text of some length.\n".repeat(40)).unwrap();
    let file = File::options().write(true).open(&path).unwrap();
    file.set_modified(stamp).unwrap();
    scene.prepare("runs/one", &TEXTS).unwrap();
    file.set_modified(stamp + Duration::from_secs(1)).unwrap();
    assert!(scene.prepare("runs/one", &TEXTS).is_err());
}

#[test]
fn an_unfinished_stage_begins_again_when_its_inputs_changed() {
    let scene = texts();
    scene.write("texts/bad.txt", b"\0\x01caf\0\x02\0");
    let error = scene.prepare("runs/one", &TEXTS).err().unwrap();
    assert!(error.to_string().contains("bad.txt: "), "{error}");
    assert!(!scene.path("runs/one/corpus/manifest.json").exists());
    scene.write("texts/bad.txt", "café");
    scene.prepare("runs/one", &TEXTS).unwrap();
}

#[test]
fn a_run_belongs_to_one_recipe() {
    let scene = Scene::new(STORIES);
    scene.prepare("runs/one", &[]).unwrap();
    let error = scene
        .prepare("runs/one", &["dataset.context_length=8"])
        .err()
        .unwrap();
    assert!(error.is_mistake());
    let message = error.to_string();
    assert!(
        message.contains("`dataset.context_length` is 16 there and 8 here"),
        "{message}"
    );
}
