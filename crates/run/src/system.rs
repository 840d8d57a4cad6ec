//! What the machine says of this process and its disk.

use std::path::Path;
use std::time::Duration;

/// Processor time of all threads of this process since it began, to a hundredth of a second; `None` where the system does not say.
pub fn processor_time() -> Option<Duration> {
    ticks(&std::fs::read_to_string("/proc/self/stat").ok()?)
        .map(|ticks| Duration::from_millis(10 * ticks))
}

/// Fields 14 and 15 of proc(5)'s `stat`, in hundredths of a second (the kernel's USER_HZ on every architecture that libtorch has).
fn ticks(stat: &str) -> Option<u64> {
    // The second field is the program's name in brackets, which may hold anything.
    let (_, after) = stat.rsplit_once(')')?;
    let mut fields = after.split_whitespace().skip(11);
    let (user, system): (u64, u64) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
    Some(user + system)
}

/// Bytes that an unprivileged process can still write to the file system of a path; `None` where the system does not say.
pub fn disk_free(path: &Path) -> Option<u64> {
    let system = rustix::fs::statvfs(path).ok()?;
    system.f_bavail.checked_mul(system.f_frsize)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_brackets_and_spaces_is_passed_over() {
        let stat = "4242 (a ) b) R 1 2 3 4 5 6 7 8 9 10 150 25 0 0 20 0 9 0 100 5 6";
        assert_eq!(ticks(stat), Some(175));
        assert_eq!(ticks("4242 (a) R 1"), None);
    }

    #[test]
    fn work_takes_processor_time_and_a_disk_has_room() {
        let before = processor_time().unwrap();
        let began = std::time::Instant::now();
        let mut number = 1u64;
        while began.elapsed() < Duration::from_millis(200) {
            number = std::hint::black_box(number.wrapping_mul(3));
        }
        assert!(processor_time().unwrap() > before);
        assert!(disk_free(Path::new("/")).unwrap() > 0);
        assert!(disk_free(Path::new("/nowhere")).is_none());
    }
}
