//! The matcher's log: every operation and a digest of what came of it, as bytes for whoever keeps them.

use super::Matcher;
use crate::limits::LOG_WAITING_MAX;
use crate::replay::outcome;
use crate::{Operation, log_header, log_operation};

impl Matcher {
    /// With a log of all that is asked of it from now on, which [`take_log`](Self::take_log) gives. It has to be empty.
    #[must_use]
    pub fn with_log(mut self) -> Self {
        let modes: Vec<_> = self.modes().cloned().collect();
        self.log = Some(log_header(&modes, self.tickets_max));
        self
    }

    /// What was added to the log since it was last taken; nothing without a log, or where it was not taken for so long
    /// that it ended.
    pub fn take_log(&mut self) -> Vec<u8> {
        self.log.as_mut().map(std::mem::take).unwrap_or_default()
    }

    /// What is to be added to the log, if there is one.
    pub(super) fn to_log(&self, operation: impl FnOnce() -> Operation) -> Option<Operation> {
        self.log.is_some().then(operation)
    }

    /// Does something, and adds it to the log.
    pub(super) fn logged<T, E>(
        &mut self,
        at_ms: u64,
        operation: Option<Operation>,
        act: impl FnOnce(&mut Self) -> Result<T, E>,
    ) -> Result<T, E> {
        let before = self.events.len();
        let done = act(self);
        if let (Some(operation), Some(log)) = (operation, &mut self.log) {
            let outcome = outcome(done.is_ok(), self.events.iter().skip(before));
            log_operation(log, at_ms, &operation, outcome);
            if log.len() > LOG_WAITING_MAX {
                self.log = None;
            }
        }
        done
    }
}
