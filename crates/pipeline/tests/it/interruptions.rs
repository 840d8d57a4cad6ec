//! Work that is stopped again and again ends in the same bytes as work that is not.

use std::sync::atomic::{AtomicU64, Ordering};

use kiln_pipeline::Error;
use kiln_run::{Progress, Record, StopFlag, Unit};

use crate::scene::{STORIES, Scene, assert_same_contents, contents};

/// Asks to stop after so many steps of one stage.
pub(crate) struct Stopper {
    stage: &'static str,
    after: u64,
    inside: AtomicU64,
    pub(crate) stop: StopFlag,
}

impl Stopper {
    pub(crate) fn new(stage: &'static str, after: u64) -> Self {
        Self {
            stage,
            after,
            inside: AtomicU64::new(u64::MAX),
            stop: StopFlag::new(),
        }
    }
}

impl Progress for Stopper {
    fn begin(&self, stage: &str, _total: Option<u64>, _unit: Unit) {
        let steps = if stage == self.stage { 0 } else { u64::MAX };
        self.inside.store(steps, Ordering::Relaxed);
    }

    fn advance(&self, _done: u64) {
        let steps = self.inside.load(Ordering::Relaxed);
        if steps == u64::MAX {
            return;
        }
        self.inside.store(steps + 1, Ordering::Relaxed);
        if steps + 1 >= self.after {
            self.stop.request();
        }
    }

    fn record(&self, _record: &Record) {}
    fn note(&self, _line: &str) {}
    fn end(&self) {}
}

/// What a killed process may leave: files without a record, half a file under a temporary name.
fn leave_garbage(scene: &Scene, run: &str, attempt: u64) {
    for folder in ["corpus", "dataset"] {
        if scene.path(run).join(folder).join("unfinished").is_dir() {
            for name in [
                format!(".tmp-train-{attempt:05}.jsonl.zst"),
                format!("unfinished/.tmp-{attempt:05}.json"),
            ] {
                scene.write(&format!("{run}/{folder}/{name}"), b"half");
            }
        }
    }
}

/// Do `work` again and again, stopped after so many steps of a stage, until it is done; gives how often it was stopped, which
/// has to be at least once. After each time `left` hears the number of the attempt.
pub(crate) fn in_pieces(
    stage: &'static str,
    after: u64,
    more: u64,
    mut work: impl FnMut(&Stopper) -> Result<(), Error>,
    mut left: impl FnMut(u64),
) -> u64 {
    for attempt in 0.. {
        // Later each time: what is not kept in parts must get done too.
        let stopper = Stopper::new(stage, after + more * attempt);
        match work(&stopper) {
            Ok(()) => {
                assert!(attempt > 0, "{stage} was never interrupted");
                return attempt;
            }
            Err(Error::Interrupted) => left(attempt),
            Err(other) => panic!("{other}"),
        }
        assert!(attempt < 100, "{stage} does not get on");
    }
    unreachable!()
}

fn check(scene: &Scene, overrides: &[&str], stage: &'static str, after: u64, least: u64) {
    let whole = format!("whole-{stage}/run");
    let pieces = format!("pieces-{stage}/run");
    scene.prepare(&whole, overrides).unwrap();
    let interruptions = in_pieces(
        stage,
        after,
        5,
        |stopper| {
            let prepared = scene.prepare_with(&pieces, overrides, stopper, &stopper.stop);
            prepared.map(drop)
        },
        |attempt| leave_garbage(scene, &pieces, attempt),
    );
    assert!(
        interruptions >= least,
        "{stage}: {interruptions} interruptions"
    );
    assert_same_contents(&scene.path(&whole), &scene.path(&pieces));
    assert!(
        contents(&scene.path(&pieces))
            .keys()
            .all(|name| !name.contains("unfinished"))
    );
}

#[test]
fn ingestion_and_preparation_of_stories_go_on_to_the_same_bytes() {
    let scene = Scene::new(STORIES);
    check(&scene, &[], "ingest", 75, 3);
    check(&scene, &[], "tokenizer", 250, 1);
    check(&scene, &[], "encode", 60, 3);
}

#[test]
fn a_split_at_the_tail_of_files_goes_on_to_the_same_bytes() {
    let scene = Scene::new(STORIES);
    let overrides = [
        "corpus.sources=[{ path = \"texts\" }]",
        "tokenizer={ kind = \"character\" }",
        "corpus.chunk_bytes=2000",
    ];
    for file in 0..60 {
        let text = format!("Text number {file}.\n").repeat(10 + file);
        scene.write(&format!("texts/{file:02}.txt"), text);
    }
    check(&scene, &overrides, "count", 20, 1);
    check(&scene, &overrides, "ingest", 11, 2);
    check(&scene, &overrides, "encode", 11, 3);
}

#[test]
fn examples_go_on_to_the_same_bytes() {
    let scene = Scene::new(STORIES);
    for task in ["classification", "regression"] {
        let task = format!("task.kind={task}");
        check(
            &scene,
            &[&task, "dataset.context_length=100"],
            "encode",
            60,
            3,
        );
        std::fs::remove_dir_all(scene.path("whole-encode")).unwrap();
        std::fs::remove_dir_all(scene.path("pieces-encode")).unwrap();
    }
}

#[test]
fn files_that_a_killed_process_put_in_place_without_a_record_are_done_again() {
    let scene = Scene::new(STORIES);
    scene.prepare("whole/run", &[]).unwrap();
    let stopper = Stopper::new("ingest", 100);
    let stopped = scene.prepare_with("killed/run", &[], &stopper, &stopper.stop);
    assert!(stopped.err().unwrap().is_interruption());
    let records = contents(&scene.path("killed/run/corpus/unfinished"));
    let done = records.len() - 1;
    assert!(done >= 1);
    scene.write(
        &format!("killed/run/corpus/train-{done:05}.jsonl.zst"),
        b"whole, but not recorded",
    );
    // The last record's file was lost: that part is done again as well.
    let last = done - 1;
    scene.write(
        &format!("killed/run/corpus/train-{last:05}.jsonl.zst"),
        b"cut",
    );
    scene.prepare("killed/run", &[]).unwrap();
    assert_same_contents(&scene.path("whole/run"), &scene.path("killed/run"));
}

#[test]
fn nothing_of_inputs_that_changed_is_kept() {
    let overrides = [
        "corpus.sources=[{ path = \"texts\" }]",
        "tokenizer={ kind = \"byte\" }",
        "corpus.chunk_bytes=2000",
    ];
    for key_is_left in [true, false] {
        let scene = Scene::new(STORIES);
        for file in 0..60 {
            let text = format!("Text number {file}.\n").repeat(10 + file);
            scene.write(&format!("texts/{file:02}.txt"), text);
        }
        let stopper = Stopper::new("ingest", 30);
        let stopped = scene.prepare_with("pieces/run", &overrides, &stopper, &stopper.stop);
        assert!(stopped.err().unwrap().is_interruption());
        let unfinished = scene.path("pieces/run/corpus/unfinished");
        assert!(contents(&unfinished).len() > 2);
        if !key_is_left {
            // What is left if the removal of the old records is itself interrupted.
            std::fs::remove_file(unfinished.join("key")).unwrap();
        }
        scene.write("texts/00.txt", "Next number 0.\n".repeat(10));
        scene.prepare("pieces/run", &overrides).unwrap();
        scene.prepare("whole/run", &overrides).unwrap();
        assert_same_contents(&scene.path("whole/run"), &scene.path("pieces/run"));
    }
}
