//! The replay of a match that still runs.

use framekeep_gate::LaterReplay;
use framekeep_journal::{EndReason, MatchEnd};

use super::FrameArchive;

impl FrameArchive {
    /// The replay of what was played so far, unsigned, as if the match were given up now; `None` if it takes more than
    /// so many bytes. It is put together by whoever wants it: the turn copies no more than pointers to it.
    pub(crate) fn so_far(&self, bytes_max: usize) -> Option<LaterReplay> {
        if self.bytes() > bytes_max {
            return None;
        }
        let end = MatchEnd { ticks: self.ticks(), hash: 0, outcome: None, reason: EndReason::Aborted };
        let builder = self.builder.clone();
        Some(LaterReplay::new(move || {
            let mut file = Vec::new();
            // Memory takes all there is.
            let _ = builder.clone().seal(end.clone(), &mut file);
            file
        }))
    }
}
