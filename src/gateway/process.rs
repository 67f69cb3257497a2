//! What the process takes of the machine, as the system says.

use framekeep_gate::{Sample, SampleKind};

/// Ticks of a second in which Linux counts the time of a CPU.
const CPU_TICKS_PER_S: f64 = 100.0;

/// Bytes of a page of memory. Machines with larger ones are told too little.
const PAGE_BYTES: f64 = 4_096.0;

/// What the process takes; nothing of what the system does not tell.
pub(crate) fn samples() -> Vec<Sample> {
    let (counter, gauge) = (SampleKind::Counter, SampleKind::Gauge);
    let sample = |name, help, kind, value: Option<f64>| {
        value.map(|value| Sample { name, help, kind, labels: Vec::new(), value })
    };
    let files = std::fs::read_dir("/proc/self/fd").ok().map(|entries| entries.count() as f64);
    let all = [
        sample(
            "framekeep_process_cpu_seconds_total",
            "Time of CPUs the process has used",
            counter,
            cpu_seconds(),
        ),
        sample("framekeep_process_resident_bytes", "Memory the process has", gauge, resident_bytes()),
        sample("framekeep_process_open_files", "Files and sockets that are open", gauge, files),
        Some(Sample {
            name: "framekeep_build_info",
            help: "The version of the server",
            kind: gauge,
            labels: vec![("version", env!("CARGO_PKG_VERSION"))],
            value: 1.0,
        }),
    ];
    all.into_iter().flatten().collect()
}

fn cpu_seconds() -> Option<f64> {
    cpu_of(&std::fs::read_to_string("/proc/self/stat").ok()?)
}

/// The time of a line of `/proc/PID/stat`. The name, in parentheses, may hold anything.
fn cpu_of(stat: &str) -> Option<f64> {
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
    let (user, system): (f64, f64) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
    Some((user + system) / CPU_TICKS_PER_S)
}

fn resident_bytes() -> Option<f64> {
    let statm = std::fs::read_to_string("/proc/self/statm").ok()?;
    let pages: f64 = statm.split_whitespace().nth(1)?.parse().ok()?;
    Some(pages * PAGE_BYTES)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_is_read_whatever_the_process_is_called() {
        let stat = "7 (a) b (c) S 1 7 7 0 -1 4194560 100 0 0 0 250 50 0 0 20 0 9 0 1 2 3";
        assert_eq!(cpu_of(stat), Some(3.0));
        assert_eq!(cpu_of("nothing"), None);
    }
}
