//! Whether this CPU can run this build.

use std::io::Write;

/// Ends the process with exit code 1 and a message when the CPU lacks instructions that this build uses.
///
/// It has to be the first thing that runs, and to be built of integers and calls into the standard library, which is
/// compiled for every CPU: anything generic or copied by value is compiled here, with the instructions in question.
/// `is_x86_feature_detected!` cannot be asked either: it answers at compile time for what the build may use.
#[inline(never)]
pub fn refuse_old_cpu() {
    if missing() == 0 {
        return;
    }
    say(b"framekeep: this build needs an x86-64-v3 CPU (AVX2; Intel since 2013, AMD since 2015); this one lacks:");
    let mut index = 0;
    while index < FEATURES.len() {
        if missing() & (1 << index) != 0 {
            say(b" ");
            say(FEATURES[index].0.as_bytes());
        }
        index += 1;
    }
    say(b"\nframekeep: delete the line with target-cpu in .cargo/config.toml and build again\n");
    std::process::exit(1);
}

/// Name, register and bit as in Intel's Software Developer's Manual, volume 2A, CPUID. `osxsave`: the system saves the
/// wide registers.
static FEATURES: [(&str, Register, u32); 11] = [
    ("popcnt", Register::Basic, 23),
    ("sse4.2", Register::Basic, 20),
    ("movbe", Register::Basic, 22),
    ("fma", Register::Basic, 12),
    ("f16c", Register::Basic, 29),
    ("osxsave", Register::Basic, 27),
    ("avx", Register::Basic, 28),
    ("avx2", Register::Extended, 5),
    ("bmi1", Register::Extended, 3),
    ("bmi2", Register::Extended, 8),
    ("lzcnt", Register::Amd, 5),
];

#[derive(Clone, Copy)]
enum Register {
    /// Leaf 1, ECX.
    Basic,
    /// Leaf 7, EBX.
    Extended,
    /// Leaf 0x8000_0001, ECX.
    Amd,
}

fn say(text: &[u8]) {
    let _ = std::io::stderr().write_all(text);
}

/// The bits of the features this CPU lacks, by their index.
#[inline(never)]
fn missing() -> u32 {
    let mut missing = 0;
    let mut index = 0;
    while cfg!(target_feature = "avx2") && index < FEATURES.len() {
        if register(FEATURES[index].1) & (1 << FEATURES[index].2) == 0 {
            missing |= 1 << index;
        }
        index += 1;
    }
    missing
}

#[cfg(target_arch = "x86_64")]
fn register(register: Register) -> u32 {
    use std::arch::x86_64::__cpuid_count;

    match register {
        Register::Basic => __cpuid_count(1, 0).ecx,
        Register::Extended if __cpuid_count(0, 0).eax >= 7 => __cpuid_count(7, 0).ebx,
        Register::Amd if __cpuid_count(0x8000_0000, 0).eax > 0x8000_0000 => __cpuid_count(0x8000_0001, 0).ecx,
        Register::Extended | Register::Amd => 0,
    }
}

#[cfg(not(target_arch = "x86_64"))]
fn register(_: Register) -> u32 {
    u32::MAX
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_cpu_that_runs_this_test_can_run_it() {
        assert_eq!(super::missing(), 0);
    }
}
