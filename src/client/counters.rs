//! `LinkCounters`, what a link has refused.

use framekeep_protocol::{DatagramFault, PayloadFault};

/// What a link has refused since it began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LinkCounters {
    /// Datagrams that broke a rule of the guard before netcode, by [`DatagramFault::index`].
    pub datagram_faults: [u64; DatagramFault::ALL.len()],
    /// Payloads that broke a rule of the guard before renet, by [`PayloadFault::index`].
    pub payload_faults: [u64; PayloadFault::ALL.len()],
    /// Hot payloads that were dropped because the caller did not take those before them.
    pub hot_dropped: u64,
    /// Datagrams that had come before, byte by byte the same.
    pub repeated: u64,
}

impl LinkCounters {
    /// All refused datagrams and payloads together.
    #[must_use]
    pub fn refused(&self) -> u64 {
        self.datagram_faults.iter().chain(&self.payload_faults).sum()
    }
}
