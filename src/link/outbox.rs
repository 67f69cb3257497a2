//! `Outbox`, the messages of one channel that renet does not have yet.

use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;
use framekeep_protocol::{Channel, MESSAGES_PER_PACKET_MAX};
use renet::RenetClient;

use crate::LinkFault;

/// How long the oldest message may wait for its acknowledgement.
pub(crate) const DRAIN_TIME: Duration = Duration::from_secs(10);

/// The messages of one channel that wait in front of renet, and what is known of those it has.
///
/// renet packs every message it has into one packet if they fit, however many; peers take at most
/// [`MESSAGES_PER_PACKET_MAX`]. So it is given at most that many until all of them are acknowledged.
pub(crate) struct Outbox {
    channel: &'static Channel,
    queue: VecDeque<Bytes>,
    queued_bytes: usize,
    /// Messages given to renet since it last had none.
    given: u16,
    /// Bytes of messages that renet has and that are not acknowledged.
    unacked_bytes: usize,
    /// When a message was last acknowledged, or the first one after a silence given to renet.
    progress_at: Duration,
}

impl Outbox {
    pub(crate) const fn new(channel: &'static Channel) -> Self {
        let queue = VecDeque::new();
        Self { channel, queue, queued_bytes: 0, given: 0, unacked_bytes: 0, progress_at: Duration::ZERO }
    }

    pub(crate) const fn id(&self) -> u8 {
        self.channel.id
    }

    /// Whether every message has been acknowledged.
    pub(crate) const fn is_empty(&self) -> bool {
        self.queued_bytes == 0 && self.unacked_bytes == 0
    }

    /// Bytes that can still be queued.
    pub(crate) const fn room(&self) -> usize {
        self.channel.memory_bytes_max - self.queued_bytes - self.unacked_bytes
    }

    pub(crate) fn push(&mut self, message: Bytes) -> Result<(), LinkFault> {
        let (bytes, limit) = (message.len(), self.channel.message_bytes_max);
        if bytes == 0 || bytes > limit {
            return Err(LinkFault::MessageLength { channel: self.id(), bytes, limit });
        }
        if bytes > self.room() {
            return Err(self.not_draining(bytes));
        }
        self.queued_bytes += bytes;
        self.queue.push_back(message);
        Ok(())
    }

    /// Drops what renet does not have yet.
    pub(crate) fn drop_waiting(&mut self) {
        self.queue.clear();
        self.queued_bytes = 0;
    }

    /// Gives renet as many messages as it may have.
    pub(crate) fn give(&mut self, now: Duration, renet: &mut RenetClient) {
        while self.given < MESSAGES_PER_PACKET_MAX {
            let Some(message) = self.queue.pop_front() else { return };
            if self.unacked_bytes == 0 {
                self.progress_at = now;
            }
            self.given += 1;
            self.queued_bytes -= message.len();
            self.unacked_bytes += message.len();
            renet.send_message(self.id(), message);
        }
    }

    /// Looks what renet still has after an acknowledgement came; tells whether more can be given.
    pub(crate) fn note_acks(&mut self, now: Duration, renet: &RenetClient) -> bool {
        let unacked = self.channel.memory_bytes_max - renet.channel_available_memory(self.id());
        if unacked < self.unacked_bytes {
            self.progress_at = now;
        }
        self.unacked_bytes = unacked;
        if unacked == 0 {
            self.given = 0;
        }
        !self.queue.is_empty() && self.given < MESSAGES_PER_PACKET_MAX
    }

    /// Whether messages have waited for too long.
    pub(crate) fn check(&self, now: Duration) -> Result<(), LinkFault> {
        if self.unacked_bytes > 0 && now.saturating_sub(self.progress_at) >= DRAIN_TIME {
            return Err(self.not_draining(0));
        }
        Ok(())
    }

    fn not_draining(&self, more: usize) -> LinkFault {
        LinkFault::NotDraining {
            channel: self.id(),
            bytes: self.queued_bytes + self.unacked_bytes + more,
            limit: self.channel.memory_bytes_max,
            after_s: DRAIN_TIME.as_secs(),
        }
    }
}
