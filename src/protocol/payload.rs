//! The guard before renet: what a payload has to look like before the reliability library sees it.
//!
//! renet 2.0.1 trusts its peer: a slice past its count panics, message ids and acknowledgement ranges may
//! grow without bound. This guard keeps, per link, what it takes to refuse such packets.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use crate::hot::MARK;
use crate::renet_packet::{ACK, AckRanges, Cursor, RELIABLE_SLICE, SMALL_RELIABLE, Slice};
use crate::{
    ACK_RANGES_MAX, CHANNELS, Channel, GAP_MS_MAX, MESSAGE_IDS_AHEAD_MAX, MESSAGES_PER_PACKET_MAX,
    SEQUENCE_AHEAD_MAX, SEQUENCE_BEHIND_MAX, SLICE_BYTES, Side, channel,
};

/// Acknowledgements of more ranges than this are acknowledged, so that their sender can forget the old ones.
const LONG_ACK_RANGES: u64 = 8;

/// Which rule of the guard before renet a payload breaks. Also the index of its counter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[repr(u8)]
pub enum PayloadFault {
    /// It ends before its fields do, or is empty.
    #[error("the payload ends before its fields do")]
    Truncated,
    /// Bytes follow its last field.
    #[error("bytes follow the payload's last field")]
    Trailing,
    /// A packet of a kind that no channel uses.
    #[error("no channel uses this kind of packet")]
    UnknownKind,
    /// A channel that the sender does not have.
    #[error("the sender has no such channel")]
    UnknownChannel,
    /// A sequence too far from the highest one seen.
    #[error("the sequence is not within [-{SEQUENCE_BEHIND_MAX}, +{SEQUENCE_AHEAD_MAX}] of the highest")]
    SequenceWindow,
    /// A client's packet without messages.
    #[error("the packet has no messages")]
    NoMessages,
    /// More than [`MESSAGES_PER_PACKET_MAX`] messages.
    #[error("the packet has more than {MESSAGES_PER_PACKET_MAX} messages")]
    TooManyMessages,
    /// A message without bytes.
    #[error("a message is empty")]
    EmptyMessage,
    /// A message longer than its channel's may be.
    #[error("a message is longer than its channel allows")]
    MessageLength,
    /// A message too far ahead of the oldest one that is missing.
    #[error("a message is more than {MESSAGE_IDS_AHEAD_MAX} ahead of the oldest missing one")]
    MessageWindow,
    /// A client's slice: clients' messages fit one packet.
    #[error("a client sent a slice")]
    SliceFromClient,
    /// A slice count of 0, or more than the channel's longest message has.
    #[error("a message has no slices or more than its channel allows")]
    SliceCount,
    /// A slice past the count.
    #[error("a slice is past the end of its message")]
    SliceIndex,
    /// A slice that is not full and not the last one, or too full.
    #[error("a slice does not have the length it must have")]
    SliceLength,
    /// A slice that contradicts what came before of its message.
    #[error("a slice contradicts an earlier one of its message")]
    SliceMismatch,
    /// More than [`ACK_RANGES_MAX`] ranges.
    #[error("more than {ACK_RANGES_MAX} acknowledgement ranges")]
    TooManyRanges,
    /// A range that begins below zero, or touches the one after it.
    #[error("an acknowledgement range is malformed")]
    BadRange,
    /// Too many packets out of order before an acknowledgement could be sent. Such a packet counts as lost.
    #[error("too many packets out of order at once")]
    TooScattered,
}

impl PayloadFault {
    /// Every fault, in the order of their indices.
    pub const ALL: [Self; 18] = [
        Self::Truncated,
        Self::Trailing,
        Self::UnknownKind,
        Self::UnknownChannel,
        Self::SequenceWindow,
        Self::NoMessages,
        Self::TooManyMessages,
        Self::EmptyMessage,
        Self::MessageLength,
        Self::MessageWindow,
        Self::SliceFromClient,
        Self::SliceCount,
        Self::SliceIndex,
        Self::SliceLength,
        Self::SliceMismatch,
        Self::TooManyRanges,
        Self::BadRange,
        Self::TooScattered,
    ];

    /// Its place in [`PayloadFault::ALL`].
    #[must_use]
    pub const fn index(self) -> usize {
        self as usize
    }

    /// The name of its counter.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Truncated => "payload_truncated",
            Self::Trailing => "payload_trailing",
            Self::UnknownKind => "packet_unknown_kind",
            Self::UnknownChannel => "unknown_channel",
            Self::SequenceWindow => "sequence_window",
            Self::NoMessages => "no_messages",
            Self::TooManyMessages => "too_many_messages",
            Self::EmptyMessage => "empty_message",
            Self::MessageLength => "message_length",
            Self::MessageWindow => "message_window",
            Self::SliceFromClient => "slice_from_client",
            Self::SliceCount => "slice_count",
            Self::SliceIndex => "slice_index",
            Self::SliceLength => "slice_length",
            Self::SliceMismatch => "slice_mismatch",
            Self::TooManyRanges => "too_many_ranges",
            Self::BadRange => "bad_range",
            Self::TooScattered => "too_scattered",
        }
    }
}

/// Whose a payload is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Lane {
    /// The hot lane's: [`crate::decode_inputs`] or [`crate::decode_frames`] reads it.
    Hot,
    /// renet's.
    Renet {
        /// Whether renet must send an acknowledgement for it before long. Acknowledgements owe none, or two
        /// links with nothing to say would acknowledge each other for ever.
        owes_ack: bool,
        /// Whether it is itself an acknowledgement.
        is_ack: bool,
    },
}

/// The guard's memory of one link in one direction.
#[derive(Clone, Debug, Default)]
pub struct PayloadGuard {
    highest: u64,
    scattered: u32,
    inboxes: [Inbox; CHANNELS_FROM_SERVER],
}

/// Most channels one side sends on; their ids are below this.
const CHANNELS_FROM_SERVER: usize = 2;
const _: () = assert!(CHANNELS.len() == CHANNELS_FROM_SERVER + 1);

/// Most packets out of order between two acknowledgements.
const SCATTERED_MAX: u32 = 96;

impl PayloadGuard {
    /// The guard of a new link.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Checks a payload that `from` has sent. What is refused leaves no trace in the guard.
    ///
    /// # Errors
    /// [`PayloadFault`] names the rule it breaks; such a payload is dropped and counted.
    #[inline]
    pub fn check(&mut self, from: Side, payload: &[u8], now_ms: u64) -> Result<Lane, PayloadFault> {
        match payload.first() {
            Some(&first) if first & MARK != 0 => Ok(Lane::Hot),
            Some(_) => self.check_renet(from, payload, now_ms),
            None => Err(PayloadFault::Truncated),
        }
    }

    /// Whether a message has been missing for [`GAP_MS_MAX`] while later ones are there; the link must end
    /// then.
    #[must_use]
    pub fn gap_expired(&self, now_ms: u64) -> bool {
        self.gap_since_ms().is_some_and(|since| now_ms.saturating_sub(since) >= GAP_MS_MAX)
    }

    /// Since when a message has been missing while later ones are there.
    #[must_use]
    pub fn gap_since_ms(&self) -> Option<u64> {
        self.inboxes.iter().filter_map(|inbox| inbox.gap_since_ms).min()
    }

    /// An acknowledgement of all that came so far has been sent.
    pub fn acknowledged(&mut self) {
        self.scattered = 0;
    }

    fn check_renet(&mut self, from: Side, payload: &[u8], now_ms: u64) -> Result<Lane, PayloadFault> {
        let mut cursor = Cursor::new(payload);
        let kind = cursor.u8()?;
        if !matches!(kind, SMALL_RELIABLE | RELIABLE_SLICE | ACK) {
            return Err(PayloadFault::UnknownKind);
        }
        let sequence = cursor.varint()?;
        if sequence + SEQUENCE_BEHIND_MAX < self.highest || sequence > self.highest + SEQUENCE_AHEAD_MAX {
            return Err(PayloadFault::SequenceWindow);
        }
        let scattered = self.scattered + u32::from(sequence != self.highest && sequence != self.highest + 1);
        if scattered > SCATTERED_MAX {
            return Err(PayloadFault::TooScattered);
        }
        let owes_ack = match kind {
            ACK => AckRanges::read(cursor)?.range_count() > LONG_ACK_RANGES,
            _ => {
                let channel = channel(from, cursor.u8()?).ok_or(PayloadFault::UnknownChannel)?;
                let inbox = &mut self.inboxes[usize::from(channel.id)];
                match kind {
                    SMALL_RELIABLE => inbox.check_small(channel, cursor, now_ms)?,
                    _ => inbox.check_slice(channel, cursor, now_ms)?,
                }
                true
            }
        };
        self.highest = self.highest.max(sequence);
        self.scattered = scattered;
        Ok(Lane::Renet { owes_ack, is_ack: kind == ACK })
    }
}

/// What has come on one channel.
#[derive(Clone, Debug, Default)]
struct Inbox {
    /// The oldest message that is missing.
    next: u64,
    /// Which of the messages from `next` on are there; bit 0 of the first word is `next` itself.
    ahead: [u64; (MESSAGE_IDS_AHEAD_MAX / 64) as usize],
    /// Large messages of which some slices are there.
    partial: BTreeMap<u64, Partial>,
    gap_since_ms: Option<u64>,
}

#[derive(Clone, Debug)]
struct Partial {
    slices: Vec<bool>,
    missing: usize,
}

impl Inbox {
    fn check_small(
        &mut self,
        channel: &Channel,
        mut cursor: Cursor<'_>,
        now_ms: u64,
    ) -> Result<(), PayloadFault> {
        let count = cursor.u16()?;
        // renet's sender makes an empty packet before a message of nearly the size of a slice.
        if count == 0 && channel.from == Side::Client {
            return Err(PayloadFault::NoMessages);
        }
        if count > MESSAGES_PER_PACKET_MAX {
            return Err(PayloadFault::TooManyMessages);
        }
        let messages = cursor.clone();
        for _ in 0..count {
            let (id, bytes) = (cursor.varint()?, cursor.skip_bytes()?);
            self.check_small_message(channel, id, bytes)?;
        }
        cursor.end()?;
        self.take_small(messages, count, now_ms)
    }

    fn check_small_message(&self, channel: &Channel, id: u64, bytes: u64) -> Result<(), PayloadFault> {
        if bytes == 0 {
            return Err(PayloadFault::EmptyMessage);
        }
        if bytes > channel.message_bytes_max.min(SLICE_BYTES) as u64 {
            return Err(PayloadFault::MessageLength);
        }
        if self.partial.contains_key(&id) {
            return Err(PayloadFault::SliceMismatch);
        }
        self.check_id(id)
    }

    fn check_id(&self, id: u64) -> Result<(), PayloadFault> {
        if id < self.next + MESSAGE_IDS_AHEAD_MAX { Ok(()) } else { Err(PayloadFault::MessageWindow) }
    }

    fn take_small(&mut self, mut messages: Cursor<'_>, count: u16, now_ms: u64) -> Result<(), PayloadFault> {
        let mut advanced = false;
        for _ in 0..count {
            advanced |= self.mark(messages.varint()?);
            messages.skip_bytes()?;
        }
        self.watch_gap(advanced, now_ms);
        Ok(())
    }

    fn check_slice(
        &mut self,
        channel: &Channel,
        mut cursor: Cursor<'_>,
        now_ms: u64,
    ) -> Result<(), PayloadFault> {
        if channel.from == Side::Client {
            return Err(PayloadFault::SliceFromClient);
        }
        let slice = Slice::read(&mut cursor)?;
        cursor.end()?;
        check_slice_shape(channel, &slice)?;
        self.check_id(slice.message)?;
        if self.has(slice.message) {
            return Ok(());
        }
        let (index, count) = (slice.index as usize, slice.count as usize);
        let partial = self
            .partial
            .entry(slice.message)
            .or_insert_with(|| Partial { slices: alloc::vec![false; count], missing: count });
        if partial.slices.len() != count {
            return Err(PayloadFault::SliceMismatch);
        }
        let is_new = !core::mem::replace(&mut partial.slices[index], true);
        partial.missing -= usize::from(is_new);
        let mut advanced = is_new && slice.message == self.next;
        if partial.missing == 0 {
            self.partial.remove(&slice.message);
            advanced |= self.mark(slice.message);
        }
        self.watch_gap(advanced, now_ms);
        Ok(())
    }

    /// Whether the message is there in full.
    fn has(&self, id: u64) -> bool {
        let Some(ahead) = id.checked_sub(self.next) else { return true };
        self.ahead.get((ahead / 64) as usize).is_some_and(|word| word >> (ahead % 64) & 1 == 1)
    }

    /// Notes that a message is there; tells whether the oldest missing one is another now.
    fn mark(&mut self, id: u64) -> bool {
        let Some(ahead) = id.checked_sub(self.next) else { return false };
        if let Some(word) = self.ahead.get_mut((ahead / 64) as usize) {
            *word |= 1 << (ahead % 64);
        }
        let before = self.next;
        while self.ahead[0] & 1 == 1 {
            self.advance(self.ahead[0].trailing_ones());
        }
        self.next != before
    }

    /// Moves the window by 1 to 64 messages.
    fn advance(&mut self, by: u32) {
        self.next += u64::from(by);
        for i in 0..self.ahead.len() {
            let above = self.ahead.get(i + 1).copied().unwrap_or(0);
            self.ahead[i] = self.ahead[i].checked_shr(by).unwrap_or(0) | above << (64 - by);
        }
    }

    fn watch_gap(&mut self, advanced: bool, now_ms: u64) {
        if self.ahead == [0; 4] {
            self.gap_since_ms = None;
        } else if advanced || self.gap_since_ms.is_none() {
            self.gap_since_ms = Some(now_ms);
        }
    }
}

fn check_slice_shape(channel: &Channel, slice: &Slice) -> Result<(), PayloadFault> {
    let is_last = slice.index + 1 == slice.count;
    if slice.count == 0 || slice.count > channel.message_bytes_max.div_ceil(SLICE_BYTES) as u64 {
        Err(PayloadFault::SliceCount)
    } else if slice.index >= slice.count {
        Err(PayloadFault::SliceIndex)
    } else if slice.bytes == 0
        || slice.bytes > SLICE_BYTES as u64
        || (!is_last && slice.bytes != SLICE_BYTES as u64)
    {
        Err(PayloadFault::SliceLength)
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests;
