//! `FrameStream`, the committed frames of a match in order, out of packets that are not.

use framekeep_protocol::{Epoch, FramesHead, HotError, decode_frame, decode_frames};
use framekeep_sim::{Frame, Tick};

/// A packet of frames that is of no use.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StreamError {
    /// The bytes are not a packet of frames.
    #[error("not a packet of frames: {0}")]
    Malformed(#[from] HotError),
    /// The packet belongs to another match of the room.
    #[error("a packet of match {got}, this is match {expected}")]
    OtherMatch {
        /// The number of this match within the room, modulo 16.
        expected: Epoch,
        /// The packet's.
        got: Epoch,
    },
    /// The packet begins after the frame that is needed next: only a snapshot, or luck, closes the gap.
    #[error("the packet begins at tick {first}, tick {next} is missing")]
    Gap {
        /// The first tick in the packet.
        first: Tick,
        /// The tick that is missing.
        next: Tick,
    },
    /// The announced frames are not all there, or something follows them.
    #[error("{left} bytes follow the last of {count} frames")]
    Trailing {
        /// Bytes left over.
        left: usize,
        /// Frames announced.
        count: u8,
    },
}

/// The committed frames of a match in order, out of packets that repeat, overtake and miss each other.
#[derive(Clone, Debug)]
pub struct FrameStream {
    epoch: Epoch,
    bits: u32,
    /// The frame before `next`.
    last: Frame,
    scratch: Frame,
    next: Tick,
}

impl FrameStream {
    /// A stream that begins at tick 0; see [`FrameStream::restart`] for any other.
    #[must_use]
    pub fn new(epoch: Epoch, seats: u8, bits: u32) -> Self {
        let none = Frame::absent(Tick(0), seats);
        Self { epoch, bits, last: none.clone(), scratch: none, next: Tick(0) }
    }

    /// The tick of the frame that is needed next: every frame below it has been delivered.
    #[must_use]
    pub fn next(&self) -> Tick {
        self.next
    }

    /// The last frame delivered; absent before the first.
    #[must_use]
    pub fn last(&self) -> &Frame {
        &self.last
    }

    /// The number of the match within the room.
    #[must_use]
    pub fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// Goes on at `next`, with `before` as the frame before it: after a snapshot.
    pub fn restart(&mut self, next: Tick, before: &Frame) {
        self.next = next;
        if before.seat_count() == self.last.seat_count() {
            self.last.copy_from(before);
        }
        self.last.tick = next.earlier(1);
    }

    /// Reads a packet and hands every frame that is new to `deliver`, in order. Allocates nothing.
    ///
    /// The head's words about the link are valid even if no frame is new.
    ///
    /// # Errors
    /// [`StreamError`]; frames that came before the fault have been delivered, they are as good as any.
    pub fn receive(
        &mut self,
        packet: &[u8],
        mut deliver: impl FnMut(&Frame),
    ) -> Result<FramesHead, StreamError> {
        let (head, mut deltas) = decode_frames(packet, self.next)?;
        if head.epoch != self.epoch {
            return Err(StreamError::OtherMatch { expected: self.epoch, got: head.epoch });
        }
        if head.first > self.next {
            return Err(StreamError::Gap { first: head.first, next: self.next });
        }
        for index in 0..u32::from(head.count) {
            // A delta's length does not depend on the frame before, so old frames are read just to get past them.
            let new = head.first.later(index) == self.next;
            self.scratch.copy_from(&self.last);
            let used = decode_frame(deltas, &mut self.scratch, self.bits)?;
            deltas = deltas.get(used..).unwrap_or_default();
            if new {
                self.scratch.tick = self.next;
                self.next = self.next.next();
                core::mem::swap(&mut self.last, &mut self.scratch);
                deliver(&self.last);
            }
        }
        if deltas.is_empty() {
            Ok(head)
        } else {
            Err(StreamError::Trailing { left: deltas.len(), count: head.count })
        }
    }
}
