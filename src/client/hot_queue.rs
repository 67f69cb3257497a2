//! `HotQueue`, hot payloads that wait to be taken, in buffers that are used again.

use std::collections::VecDeque;

/// Most payloads that wait; the oldest is dropped for a newer one, which repeats what it told.
const WAITING_MAX: usize = 64;

/// Hot payloads that wait to be taken. Allocates nothing once it has held as many as it will hold.
#[derive(Default)]
pub(crate) struct HotQueue {
    waiting: VecDeque<Vec<u8>>,
    spare: Vec<Vec<u8>>,
    taken: Vec<u8>,
}

impl HotQueue {
    /// Adds a payload; tells whether an old one had to go for it.
    pub(crate) fn push(&mut self, payload: &[u8]) -> bool {
        let dropped = if self.waiting.len() < WAITING_MAX { None } else { self.waiting.pop_front() };
        let is_dropped = dropped.is_some();
        let mut buffer = dropped.or_else(|| self.spare.pop()).unwrap_or_default();
        buffer.clear();
        buffer.extend_from_slice(payload);
        self.waiting.push_back(buffer);
        is_dropped
    }

    /// The oldest payload.
    pub(crate) fn pop(&mut self) -> Option<&[u8]> {
        let payload = self.waiting.pop_front()?;
        self.spare.push(std::mem::replace(&mut self.taken, payload));
        Some(&self.taken)
    }
}
