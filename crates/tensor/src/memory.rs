//! How much memory this process holds.

/// Resident memory of this process in bytes, or `None` where the system does not say.
pub fn resident_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
    let kibibytes: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kibibytes * 1024)
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_process_holds_some_memory() {
        assert!(super::resident_bytes().unwrap() > 1 << 20);
    }
}
