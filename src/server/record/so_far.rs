//! The replay of a match that still runs.

use framekeep_journal::{EndReason, MatchEnd};

use super::FrameArchive;

impl FrameArchive {
    /// The replay of what was played so far, unsigned, as if the match were given up now; `None` if it takes more than
    /// so many bytes.
    pub(crate) fn so_far(&self, bytes_max: usize) -> Option<Vec<u8>> {
        if self.bytes() > bytes_max {
            return None;
        }
        let end = MatchEnd { ticks: self.ticks(), hash: 0, outcome: None, reason: EndReason::Aborted };
        let mut file = Vec::new();
        self.builder.clone().seal(end, &mut file).ok()?;
        Some(file)
    }
}
