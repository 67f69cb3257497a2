//! Hot lane, down: frames since the client's acknowledgement, and what the server knows of its inputs.

use alloc::vec::Vec;

use framekeep_sim::Tick;

use crate::hot::{LOW_BITS, first_byte, take, widen};
use crate::{Epoch, FRAMES_PER_PACKET_MAX, HotError, peek_epoch};

/// The low bits of the first byte hold the count if it is below this and the match is not paused.
const LONG_COUNT: u8 = LOW_BITS;
const PAUSED: u8 = 0x80;
/// A distance byte that says that `input_next` follows as four bytes.
const FAR: i8 = i8::MIN;

/// The head of a packet of frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FramesHead {
    /// The match within the room.
    pub epoch: Epoch,
    /// The tick of the first frame in the packet; of the next one to be committed if there is none.
    pub first: Tick,
    /// How many frames follow, 0 to [`FRAMES_PER_PACKET_MAX`].
    pub count: u8,
    /// The server has all of this seat's inputs before this tick.
    pub input_next: Tick,
    /// How early the seat's newest input came before its deadline, in eighths of a tick; negative is too late,
    /// the ends of the range mean "or more".
    pub lead: i8,
    /// Whether the match stands still.
    pub paused: bool,
}

/// Appends the head of a packet of frames to `out`; the caller appends `head.count` frames after it, each as
/// [`crate::encode_frame`] coded it against the one before it.
pub fn begin_frames(head: &FramesHead, out: &mut Vec<u8>) {
    let long = head.paused || head.count >= LONG_COUNT;
    out.push(first_byte(head.epoch, if long { LONG_COUNT } else { head.count }));
    if long {
        out.push(head.count & !PAUSED | if head.paused { PAUSED } else { 0 });
    }
    out.extend_from_slice(&(head.first.0 as u16).to_le_bytes());
    let distance = i64::from(head.input_next.0) - i64::from(head.first.0) - i64::from(head.count);
    match i8::try_from(distance) {
        Ok(near) if near != FAR => out.push(near as u8),
        _ => {
            out.push(FAR as u8);
            out.extend_from_slice(&head.input_next.0.to_le_bytes());
        }
    }
    out.push(head.lead as u8);
}

/// Reads the head of a packet of frames and gives the coded frames after it.
///
/// `near` is a tick near the expected first one, within 32,767 ticks.
///
/// # Errors
/// [`HotError`].
pub fn decode_frames(bytes: &[u8], near: Tick) -> Result<(FramesHead, &[u8]), HotError> {
    let epoch = peek_epoch(bytes).ok_or(HotError::NotHot)?;
    let mut rest = bytes;
    let [first_byte] = take::<1>(&mut rest)?;
    let (count, paused) = match first_byte & LOW_BITS {
        LONG_COUNT => take::<1>(&mut rest).map(|[byte]| (byte & !PAUSED, byte & PAUSED != 0))?,
        count => (count, false),
    };
    if usize::from(count) > FRAMES_PER_PACKET_MAX {
        return Err(HotError::TooMany { count, limit: FRAMES_PER_PACKET_MAX as u8 });
    }
    let first = widen(u16::from_le_bytes(take(&mut rest)?), near);
    let [distance] = take::<1>(&mut rest)?;
    let input_next = if distance as i8 == FAR {
        Tick(u32::from_le_bytes(take(&mut rest)?))
    } else {
        let tick = i64::from(first.0) + i64::from(count) + i64::from(distance as i8);
        Tick(u32::try_from(tick).map_err(|_| HotError::TickOutOfRange)?)
    };
    let [lead] = take::<1>(&mut rest)?;
    if first.0.checked_add(count.into()).is_none() {
        return Err(HotError::TickOutOfRange);
    }
    Ok((FramesHead { epoch, first, count, input_next, lead: lead as i8, paused }, rest))
}
