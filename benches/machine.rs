//! What the figures were measured on.

/// The processor's name and how many threads it offers, and the system: `AMD EPYC, 2 threads, x86_64 linux`.
#[must_use]
pub fn describe() -> String {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let system = format!("{} {}", std::env::consts::ARCH, std::env::consts::OS);
    format!("{}, {threads} threads, {system}", processor().unwrap_or_else(|| "unknown processor".into()))
}

fn processor() -> Option<String> {
    let text = std::fs::read_to_string("/proc/cpuinfo").ok()?;
    let line = text.lines().find(|line| line.starts_with("model name"))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}
