//! `Damaged`, what is wrong with a file's bytes and where.

use std::fmt;

use framekeep_sim::Tick;

/// A file whose bytes are not what was written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("damaged at byte {offset}{}: {what}", from_tick(*tick))]
pub struct Damaged {
    /// Where the damaged part starts, in bytes from the start of the file.
    pub offset: u64,
    /// The match is whole before this tick, if the damage is past its header.
    pub tick: Option<Tick>,
    /// What is wrong there.
    pub what: String,
}

impl Damaged {
    pub(crate) fn new(offset: usize, what: impl fmt::Display) -> Self {
        Self { offset: offset as u64, tick: None, what: what.to_string() }
    }

    /// With the tick before which the match is whole.
    pub(crate) fn from(mut self, tick: Tick) -> Self {
        self.tick = Some(tick);
        self
    }
}

fn from_tick(tick: Option<Tick>) -> String {
    tick.map(|tick| format!(", from tick {tick} on")).unwrap_or_default()
}
