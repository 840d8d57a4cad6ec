//! How time grows with the length of a text: what tests of hostile input ask for.

use std::hint::black_box;
use std::time::Instant;

/// How often each length is measured; the median counts.
const RUNS: usize = 5;

/// Nanoseconds that this thread has computed, where the system says it, so that other work on the machine does not count;
/// else those that have passed.
fn computed(since: Instant) -> f64 {
    // The system brings its account of a thread up to date when it yields.
    std::thread::yield_now();
    let said = std::fs::read_to_string("/proc/thread-self/schedstat").ok();
    let first = said.and_then(|said| said.split(' ').next()?.parse().ok());
    first.unwrap_or_else(|| since.elapsed().as_nanos() as f64)
}

/// Twice the size takes less than three times the time, as it does not where time grows with the square. `text` makes a
/// text of some size; `size` should take some milliseconds. Noise is given three chances.
pub(crate) fn check_linear(
    name: &str,
    size: usize,
    text: impl Fn(usize) -> String,
    work: impl Fn(&str),
) {
    let since = Instant::now();
    let (single, double) = (text(size), text(2 * size));
    let time = |text: &str| {
        let start = computed(since);
        work(black_box(text));
        computed(since) - start
    };
    let median = |mut times: Vec<f64>| {
        times.sort_by(f64::total_cmp);
        times[times.len() / 2]
    };
    time(&single);
    let mut said = String::new();
    for _ in 0..3 {
        let (mut of_single, mut of_double) = (Vec::new(), Vec::new());
        for _ in 0..RUNS {
            of_single.push(time(&single));
            of_double.push(time(&double));
        }
        let (of_single, of_double) = (median(of_single), median(of_double));
        // Half a millisecond is what a clock and a cache may add.
        if of_double < 3.0 * of_single + 5e5 {
            return;
        }
        said = format!(
            "{:.1} ms, twice as much {:.1} ms",
            of_single / 1e6,
            of_double / 1e6
        );
    }
    panic!("{name}: {said}");
}

#[test]
#[should_panic(expected = "square")]
fn a_square_is_found() {
    let pairs = |text: &str| {
        let bytes = text.as_bytes();
        let equal = bytes
            .iter()
            .map(|a| bytes.iter().filter(|b| a == *b).count());
        black_box(equal.sum::<usize>());
    };
    check_linear("square", 1_000, |size| "ab".repeat(size), pairs);
}
