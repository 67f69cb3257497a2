//! Whether this CPU can run this build.

use std::io::Write;

/// Ends the process with exit code 1 and a message when the CPU lacks instructions that this build uses.
///
/// It has to be the first thing that runs, and to be built of integers and calls into the standard library, which is
/// compiled for every CPU: anything generic or copied by value is compiled here, with the instructions in question.
/// `is_x86_feature_detected!` cannot be asked either: it answers at compile time for what the build may use.
#[inline(never)]
pub fn refuse_old_cpu() {
    if !lacks_any() {
        return;
    }
    say(b"framekeep: this build needs an x86-64-v3 CPU (AVX2; Intel since 2013, AMD since 2015); this one lacks:");
    let mut index = 0;
    while index < FEATURES.len() {
        if lacks(index) {
            say(b" ");
            say(FEATURES[index].0.as_bytes());
        }
        index += 1;
    }
    say(b"\nframekeep: delete the line with target-cpu in .cargo/config.toml and build again\n");
    std::process::exit(1);
}

/// Name, register and mask as in Intel's Software Developer's Manual, volume 2A, CPUID. `osxsave`: the system saves the
/// wide registers. Masks, because a shift by a variable is one of the new instructions.
static FEATURES: [(&str, Register, u32); 11] = [
    ("popcnt", Register::Basic, 1 << 23),
    ("sse4.2", Register::Basic, 1 << 20),
    ("movbe", Register::Basic, 1 << 22),
    ("fma", Register::Basic, 1 << 12),
    ("f16c", Register::Basic, 1 << 29),
    ("osxsave", Register::Basic, 1 << 27),
    ("avx", Register::Basic, 1 << 28),
    ("avx2", Register::Extended, 1 << 5),
    ("bmi1", Register::Extended, 1 << 3),
    ("bmi2", Register::Extended, 1 << 8),
    ("lzcnt", Register::Amd, 1 << 5),
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

#[inline(never)]
fn lacks_any() -> bool {
    let mut index = 0;
    while index < FEATURES.len() {
        if lacks(index) {
            return true;
        }
        index += 1;
    }
    false
}

/// Whether this build uses the feature and the CPU has it not.
#[inline(never)]
fn lacks(index: usize) -> bool {
    cfg!(target_feature = "avx2") && register(FEATURES[index].1) & FEATURES[index].2 == 0
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
        assert!(!super::lacks_any());
    }
}
