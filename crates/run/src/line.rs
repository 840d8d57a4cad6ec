//! The record as one line for a person.

use std::time::Duration;

use crate::Record;

impl Record {
    /// The log line: `step 1200/5000 24% | loss 1.4321 (z +0.3) | val 1.4893 | lr 9.1e-4 | gnorm 0.71 | noise 12k | 41.2 ms |
    /// 398k tok/s | mfu 37% | mem 9.1/139 GiB | data 3% | eta 2m37s`. Parts that the record does not have are left out;
    /// `eta` is the time that the run will still take, if the caller knows it.
    pub fn line(&self, eta: Option<Duration>) -> String {
        let mut parts = vec![self.step_part()];
        if let Some(loss) = self.train_loss {
            let mut part = format!("loss {loss:.4}");
            if let Some(z) = self.loss_z_score {
                part += &format!(" (z {z:+.1})");
            }
            parts.push(part);
        }
        let mut add = |part: Option<String>| parts.extend(part);
        add(self.validation_loss.map(|loss| format!("val {loss:.4}")));
        for (name, value) in &self.extra {
            add(Some(format!("{} {value:.4}", name.replace('_', " "))));
        }
        add(self.learning_rate.map(|rate| format!("lr {rate:.1e}")));
        add(self.gradient_norm.map(|norm| format!("gnorm {norm:.2}")));
        add(self
            .gradient_noise_scale
            .map(|rows| format!("noise {}", count(rows))));
        add(self.milliseconds_per_step.map(milliseconds));
        add(self
            .tokens_per_second
            .map(|rate| format!("{} tok/s", count(rate))));
        add(self
            .model_flops_utilization
            .map(|share| format!("mfu {}", percent(share))));
        add(self
            .memory_bytes
            .map(|used| memory(used, self.memory_total_bytes)));
        add(self
            .data_share
            .map(|share| format!("data {}", percent(share))));
        add(eta.map(|eta| format!("eta {}", duration(eta))));
        parts.join(" | ")
    }

    fn step_part(&self) -> String {
        if self.total_steps == 0 {
            return format!("step {}", self.step);
        }
        let percent = u128::from(self.step) * 100 / u128::from(self.total_steps);
        format!("step {}/{} {percent}%", self.step, self.total_steps)
    }
}

fn percent(share: f64) -> String {
    format!("{:.0}%", 100.0 * share)
}

fn milliseconds(time: f64) -> String {
    if time < 9_999.5 {
        format!("{} ms", three_digits(time))
    } else {
        format!("{} s", three_digits(time / 1e3))
    }
}

fn memory(used: u64, total: Option<u64>) -> String {
    let gibibytes = |bytes: u64| three_digits_or_two(bytes as f64 / f64::from(1 << 30));
    match total {
        Some(total) => format!("mem {}/{} GiB", gibibytes(used), gibibytes(total)),
        None => format!("mem {} GiB", gibibytes(used)),
    }
}

/// A rate in three significant digits with k, M or G.
fn count(value: f64) -> String {
    let (scaled, suffix) = match value {
        value if value >= 999.5e6 => (value / 1e9, "G"),
        value if value >= 999.5e3 => (value / 1e6, "M"),
        value if value >= 999.5 => (value / 1e3, "k"),
        value => return format!("{value:.0}"),
    };
    format!("{}{suffix}", three_digits(scaled))
}

fn three_digits(value: f64) -> String {
    if value < 9.995 {
        format!("{value:.2}")
    } else if value < 99.95 {
        format!("{value:.1}")
    } else {
        format!("{value:.0}")
    }
}

fn three_digits_or_two(value: f64) -> String {
    if value < 99.95 {
        format!("{value:.1}")
    } else {
        format!("{value:.0}")
    }
}

/// The two largest units: `41s`, `2m37s`, `1h05m`, `3d02h`.
fn duration(time: Duration) -> String {
    let seconds = time.as_secs_f64().round() as u64;
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    if days > 0 {
        format!("{days}d{:02}h", hours % 24)
    } else if hours > 0 {
        format!("{hours}h{:02}m", minutes % 60)
    } else if minutes > 0 {
        format!("{minutes}m{:02}s", seconds % 60)
    } else {
        format!("{seconds}s")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_record_is_the_whole_line() {
        let gibibyte = f64::from(1 << 30);
        let record = Record {
            step: 1200,
            total_steps: 5000,
            train_loss: Some(1.432_12),
            loss_z_score: Some(0.31),
            validation_loss: Some(1.4893),
            learning_rate: Some(9.1e-4),
            gradient_norm: Some(0.712),
            gradient_noise_scale: Some(12_345.0),
            milliseconds_per_step: Some(41.23),
            tokens_per_second: Some(397_900.0),
            model_flops_utilization: Some(0.371),
            memory_bytes: Some((9.1 * gibibyte) as u64),
            memory_total_bytes: Some((139.4 * gibibyte) as u64),
            data_share: Some(0.03),
            ..Record::default()
        };
        assert_eq!(
            record.line(Some(Duration::from_secs(157))),
            "step 1200/5000 24% | loss 1.4321 (z +0.3) | val 1.4893 | lr 9.1e-4 | gnorm 0.71 | noise 12.3k | 41.2 ms | 398k tok/s \
             | mfu 37% | mem 9.1/139 GiB | data 3% | eta 2m37s"
        );
    }

    #[test]
    fn absent_parts_are_left_out() {
        let mut record = Record {
            step: 7,
            ..Record::default()
        };
        assert_eq!(record.line(None), "step 7");
        record.extra.insert("f1_macro".into(), 0.5);
        record.train_loss = Some(f64::NAN);
        assert_eq!(record.line(None), "step 7 | loss NaN | f1 macro 0.5000");
    }

    #[test]
    fn quantities_keep_their_width() {
        for (value, text) in [
            (0.4, "0"),
            (999.4, "999"),
            (999.6, "1.00k"),
            (12_345.0, "12.3k"),
            (999_600.0, "1.00M"),
            (2.5e9, "2.50G"),
        ] {
            assert_eq!(count(value), text);
        }
        for (seconds, text) in [
            (0, "0s"),
            (59, "59s"),
            (60, "1m00s"),
            (3_900, "1h05m"),
            (266_400, "3d02h"),
        ] {
            assert_eq!(duration(Duration::from_secs(seconds)), text);
        }
        assert_eq!(milliseconds(0.5), "0.50 ms");
        assert_eq!(milliseconds(12_345.0), "12.3 s");
    }
}
