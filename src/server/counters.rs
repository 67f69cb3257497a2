//! `Counters`, what the node has seen and done.

use bevy_ecs::prelude::Resource;
use framekeep_protocol::{DatagramFault, PayloadFault};

use crate::{FailureCause, FaultKind, Stray};

/// What the node has seen and done since it started. A peer's fault costs a number here, not a log line.
#[derive(Clone, Debug, Default, Resource)]
pub struct Counters {
    /// Datagrams read from the socket.
    pub datagrams_in: u64,
    /// Datagrams handed to the socket.
    pub datagrams_out: u64,
    /// Datagrams the socket would not take.
    pub datagrams_unsent: u64,
    /// Bytes of UDP payload read.
    pub bytes_in: u64,
    /// Bytes of UDP payload written.
    pub bytes_out: u64,
    /// Datagrams refused before netcode, by rule ([`DatagramFault::ALL`]).
    pub datagrams_refused: Tally<{ DatagramFault::ALL.len() }>,
    /// Payloads refused before renet, by rule ([`PayloadFault::ALL`]).
    pub payloads_refused: Tally<{ PayloadFault::ALL.len() }>,
    /// Connection requests over an address's budget.
    pub requests_over_budget: u64,
    /// Connection requests that netcode did not answer.
    pub requests_refused: u64,
    /// Connections whose ticket was refused.
    pub tickets_refused: u64,
    /// Hand-shakes that took too long.
    pub handshakes_timed_out: u64,
    /// Panics caught in the transport's decoders; must stay zero.
    pub decoder_panics: u64,
    /// Links opened.
    pub links_opened: u64,
    /// Links closed, for whatever reason.
    pub links_closed: u64,
    /// Hot-lane packets that could not be read.
    pub hot_malformed: u64,
    /// Hot-lane packets of a match that is over, or of a link without a seat.
    pub hot_stray: u64,
    /// Inputs that came after their frame was committed.
    pub inputs_late: u64,
    /// Inputs refused because they are too far ahead.
    pub inputs_early: u64,
    /// Seats of committed frames whose input had arrived.
    pub inputs_arrived: u64,
    /// Seats of committed frames that repeated the last input.
    pub inputs_repeated: u64,
    /// Seats of committed frames nobody acted for.
    pub inputs_absent: u64,
    /// Control messages that could not be read.
    pub control_malformed: u64,
    /// Control messages refused by a rule.
    pub control_refused: u64,
    /// Frames committed.
    pub frames: u64,
    /// Of them, those in which somebody did something else than in the frame before: clients that predict the others by
    /// what they did last roll back so often at most.
    pub frames_changed: u64,
    /// Hot packets sent to seats.
    pub hot_sent: u64,
    /// Hot packets received of seats.
    pub hot_received: u64,
    /// Bytes of hot packets received, and sent.
    pub hot_bytes: [u64; 2],
    /// Bytes of other payloads received, and sent.
    pub control_bytes: [u64; 2],
    /// Packets of inputs, and of frames, that were lost or came late, as far as their numbers tell.
    pub packets_lost: [u64; 2],
    /// Of frames, packets sent again to seats whose way loses or delays them.
    pub hot_copies: u64,
    /// Snapshots sent.
    pub snapshots: u64,
    /// Hashes of clients that agreed with ours.
    pub hashes_agreed: u64,
    /// Hashes of clients that did not.
    pub desyncs: u64,
    /// Matches started.
    pub matches_started: u64,
    /// Matches ended by their outcome.
    pub matches_ended: u64,
    /// Matches that their game could not start or go on with.
    pub matches_failed: u64,
    /// Those of them whose game was caught at something, by cause ([`FailureCause::ALL`]).
    pub failures: Tally<{ FailureCause::ALL.len() }>,
    /// Faults charged to links, rooms and the node, by kind ([`FaultKind::ALL`]).
    pub faults: Tally<{ FaultKind::ALL.len() }>,
    /// Times one of them went over its budget of a kind.
    pub escalations: Tally<{ FaultKind::ALL.len() }>,
    /// Times the socket was opened anew after it had failed.
    pub sockets_reopened: u64,
    /// Times a match went on from its last good state after its game had panicked.
    pub matches_rebuilt: u64,
    /// Times a match was put off because its steps took more than their share.
    pub matches_slowed: u64,
    /// Room events queued for a link.
    pub events_sent: u64,
    /// Room events that a view of the room stands for, because their link was slow.
    pub events_coalesced: u64,
    /// Room events left out, because their link was slow.
    pub events_dropped: u64,
    /// Links closed because nothing came from them for long.
    pub links_idle: u64,
    /// Links closed because their reliable lane could not take what they have to be told.
    pub links_too_slow: u64,
    /// Times a room went on without waiting for a disk that was slower than its tick.
    pub rooms_behind: u64,
    /// Rooms opened again after a run that was killed.
    pub rooms_recovered: u64,
    /// How long that took, in milliseconds.
    pub recovery_ms: u64,
    /// Rooms opened.
    pub rooms_opened: u64,
    /// Rooms closed.
    pub rooms_closed: u64,
    /// What sweeps found that nothing owned, by kind ([`Stray::ALL`]); must stay zero.
    pub swept: Tally<{ Stray::ALL.len() }>,
}

/// A number per rule.
#[derive(Clone, Copy, Debug)]
pub struct Tally<const N: usize>(pub [u64; N]);

impl<const N: usize> Default for Tally<N> {
    fn default() -> Self {
        Self([0; N])
    }
}

impl<const N: usize> Tally<N> {
    /// Adds one to a rule's number.
    pub fn add(&mut self, rule: usize) {
        if let Some(count) = self.0.get_mut(rule) {
            *count += 1;
        }
    }

    /// The sum over all rules.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.0.iter().sum()
    }
}
