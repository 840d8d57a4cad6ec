//! Calls into libraries that check much and still panic on some broken files: the panic becomes an error, and is not
//! printed.

use std::cell::Cell;
use std::fmt::Display;
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};
use std::sync::Once;

thread_local! {
    /// How many guarded calls this thread is in.
    static DEPTH: Cell<usize> = const { Cell::new(0) };
}

/// What a library gives, or what it says is wrong, in one line. A panic within counts as the error `contradiction`:
/// nothing that the work changed may be used afterwards.
pub(crate) fn guarded<T, E: Display>(
    contradiction: &str,
    work: impl FnOnce() -> Result<T, E>,
) -> Result<T, String> {
    be_silent_within();
    DEPTH.with(|depth| depth.set(depth.get() + 1));
    let result = catch_unwind(AssertUnwindSafe(work));
    DEPTH.with(|depth| depth.set(depth.get() - 1));
    match result {
        Ok(result) => result.map_err(|error| error.to_string().replace(['\n', '\r'], " ")),
        Err(_) => Err(contradiction.to_owned()),
    }
}

/// Have the program's panic hook pass over threads that are in a guarded call. Done once for the process and never
/// undone: hooks that are exchanged for each call would be taken from other threads that panic meanwhile.
fn be_silent_within() {
    static DONE: Once = Once::new();
    // The hook cannot be exchanged by a thread that panics; the next call does it.
    if std::thread::panicking() {
        return;
    }
    DONE.call_once(|| {
        let usual = take_hook();
        set_hook(Box::new(move |panic| {
            if !DEPTH.try_with(|depth| depth.get() > 0).unwrap_or(false) {
                usual(panic);
            }
        }));
    });
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn errors_and_panics_become_one_line() {
        assert_eq!(guarded("bad", || Ok::<_, String>(1)), Ok(1));
        let error = guarded("bad", || Err::<(), _>("two\nlines"));
        assert_eq!(error, Err("two lines".to_owned()));
        let nested = guarded::<(), String>("outer", || {
            let inner = guarded::<(), String>("inner", || panic!("inside"));
            assert_eq!(inner, Err("inner".to_owned()));
            panic!("behind the inner");
        });
        assert_eq!(nested, Err("outer".to_owned()));
    }

    const EACH: usize = 200;

    /// Run by the test below, in a process whose standard error it reads.
    #[test]
    #[ignore = "is run by `only_panics_outside_are_printed`"]
    fn threads_panic_within_and_outside() {
        std::thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    for _ in 0..EACH {
                        let _ = guarded::<(), String>("bad", || panic!("inside"));
                    }
                });
                scope.spawn(|| {
                    for _ in 0..EACH {
                        let _ = catch_unwind(|| panic!("outside"));
                    }
                });
            }
        });
    }

    #[test]
    fn only_panics_outside_are_printed() {
        let mut child = Command::new(std::env::current_exe().unwrap());
        child.args(["--exact", "guard::tests::threads_panic_within_and_outside"]);
        child.args(["--ignored", "--nocapture"]);
        let output = child.env("RUST_BACKTRACE", "0").output().unwrap();
        assert!(output.status.success());
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(said.matches("outside").count(), 2 * EACH, "{said}");
        assert_eq!(said.matches("inside").count(), 0, "{said}");
    }
}
