//! Whether this CPU can run this build.

/// The CPU lacks instructions that this build uses.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "this build needs an x86-64-v3 CPU (AVX2; Intel since 2013, AMD since 2015) and this one lacks: {names}; \
     delete the line with target-cpu in .cargo/config.toml and build again"
)]
pub struct MissingCpuFeatures {
    /// The names of the features, separated by commas.
    pub names: String,
}

/// Checks the CPU against what the compiler was allowed to use.
///
/// `is_x86_feature_detected!` cannot be asked: it answers at compile time for what the build is allowed to use. So the
/// CPU itself is asked (`cpuid`), and nothing else may run before.
///
/// # Errors
/// Names the features that are missing.
pub fn check_cpu() -> Result<(), MissingCpuFeatures> {
    let names = missing();
    if names.is_empty() { Ok(()) } else { Err(MissingCpuFeatures { names: names.join(", ") }) }
}

#[cfg(all(target_arch = "x86_64", target_feature = "avx2"))]
fn missing() -> Vec<&'static str> {
    use std::arch::x86_64::__cpuid_count;

    let highest = __cpuid_count(0, 0).eax;
    let basic = __cpuid_count(1, 0).ecx;
    let extended = if highest >= 7 { __cpuid_count(7, 0).ebx } else { 0 };
    let amd =
        if __cpuid_count(0x8000_0000, 0).eax > 0x8000_0000 { __cpuid_count(0x8000_0001, 0).ecx } else { 0 };
    // Bits as in Intel's Software Developer's Manual, volume 2A, CPUID. OSXSAVE: the system saves the wide registers.
    let needed = [
        ("sse4.2", basic, 20),
        ("popcnt", basic, 23),
        ("movbe", basic, 22),
        ("osxsave", basic, 27),
        ("avx", basic, 28),
        ("f16c", basic, 29),
        ("fma", basic, 12),
        ("avx2", extended, 5),
        ("bmi1", extended, 3),
        ("bmi2", extended, 8),
        ("lzcnt", amd, 5),
    ];
    needed.iter().filter(|(_, bits, bit)| bits & (1 << bit) == 0).map(|(name, ..)| *name).collect()
}

#[cfg(not(all(target_arch = "x86_64", target_feature = "avx2")))]
fn missing() -> Vec<&'static str> {
    Vec::new()
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_cpu_that_runs_this_test_can_run_it() {
        assert_eq!(super::check_cpu(), Ok(()));
    }
}
