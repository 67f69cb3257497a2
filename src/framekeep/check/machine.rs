//! The processor, the clock, and how many files a process may have open.

use std::time::{SystemTime, UNIX_EPOCH};

use nix::sys::resource::{Resource, getrlimit};

use super::Finding;
use crate::config::Settings;

/// Before this program was written, in seconds since 1970: a clock that says so is wrong.
const WRITTEN_UNIX_S: u64 = 1_760_000_000;

/// Files that a server has open besides its connections, about.
const OWN_FILES: u64 = 256;

/// The processor and the clock.
pub(super) fn look() -> Vec<Finding> {
    vec![processor(), clock(SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |now| now.as_secs()))]
}

/// One that lacks what this build uses does not get here.
fn processor() -> Finding {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let wide = if cfg!(target_feature = "avx2") { "x86-64-v3 with AVX2" } else { "any of this kind" };
    let text = format!("{cores} cores for this process; the build is for {wide}, which this one is");
    if cores == 1 {
        let text = format!(
            "{text}\nwith one core, ticks wait for the front door: give it two for hundreds of players"
        );
        return Finding::warn("cpu", text);
    }
    Finding::ok("cpu", text)
}

fn clock(unix_s: u64) -> Finding {
    if unix_s < WRITTEN_UNIX_S {
        let text = format!(
            "the clock says {unix_s} s since 1970, which is before this program was written: tickets would be \
             refused\nset the time, by NTP at best"
        );
        return Finding::fail("clock", crate::Exit::Failure, text);
    }
    Finding::ok("clock", "it is later than this program; tickets need it right within ten seconds")
}

/// A connection is a file.
pub(super) fn files(settings: &Settings) -> Finding {
    let wanted = settings.http.connections_max as u64 + OWN_FILES;
    match getrlimit(Resource::RLIMIT_NOFILE) {
        Ok((soft, hard)) => enough_files(soft, hard, wanted),
        Err(error) => Finding::warn("files", format!("the limit of open files cannot be read: {error}")),
    }
}

fn enough_files(soft: u64, hard: u64, wanted: u64) -> Finding {
    if soft >= wanted {
        return Finding::ok("files", format!("{soft} may be open, {wanted} may be needed"));
    }
    let text = format!(
        "{soft} may be open, {wanted} may be needed (http.connections_max): connections over it are not taken\n\
         raise LimitNOFILE of the unit, or `ulimit -n` ({hard} at most here), or lower http.connections_max"
    );
    Finding::warn("files", text)
}

#[cfg(test)]
mod tests {
    use super::super::Verdict;
    use super::*;

    #[test]
    fn a_clock_that_is_wrong_fails_and_few_files_warn() {
        assert_eq!(clock(0).verdict, Verdict::Fail(crate::Exit::Failure));
        assert_eq!(clock(WRITTEN_UNIX_S + 1).verdict, Verdict::Ok);
        assert_eq!(enough_files(1_024, 4_096, 8_448).verdict, Verdict::Warn);
        assert_eq!(enough_files(8_448, 8_448, 8_448).verdict, Verdict::Ok);
    }
}
