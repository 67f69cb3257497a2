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
    /// How early the seat's newest input came before its deadline, in eighths of a tick; negative is too
    /// late, the ends of the range mean "or more".
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn head() -> impl Strategy<Value = FramesHead> {
        let tick = 0..=u32::MAX - 64;
        (0..16_u8, tick, 0..=64_u8, any::<u32>(), -200..200_i64, any::<i8>(), any::<bool>()).prop_map(
            |(epoch, first, count, far, distance, lead, paused)| {
                let near = u32::try_from(i64::from(first) + distance).unwrap_or(first);
                let input_next = Tick(if distance % 7 == 0 { far } else { near });
                FramesHead { epoch: Epoch::new(epoch), first: Tick(first), count, input_next, lead, paused }
            },
        )
    }

    proptest! {
        #[test]
        fn a_head_comes_back(
            head in head(),
            drift in -1_000..1_000_i64,
            rest in prop::collection::vec(any::<u8>(), 0..9),
        ) {
            let mut bytes = Vec::new();
            begin_frames(&head, &mut bytes);
            bytes.extend_from_slice(&rest);
            let near = Tick(u32::try_from(i64::from(head.first.0) + drift).unwrap_or(head.first.0));
            prop_assert_eq!(decode_frames(&bytes, near), Ok((head, &rest[..])));
        }

        #[test]
        fn no_bytes_do_harm(bytes in prop::collection::vec(any::<u8>(), 0..40), near: u32) {
            if let Ok((head, _)) = decode_frames(&bytes, Tick(near)) {
                prop_assert!(usize::from(head.count) <= FRAMES_PER_PACKET_MAX);
                let mut again = Vec::new();
                begin_frames(&head, &mut again);
                prop_assert_eq!(decode_frames(&again, Tick(near)).map(|(head, _)| head), Ok(head));
            }
        }
    }

    #[test]
    fn a_typical_head_is_five_bytes() {
        let (first, input_next) = (Tick(100), Tick(104));
        let head = FramesHead { epoch: Epoch::new(1), first, count: 1, input_next, lead: 12, paused: false };
        let size = |head: &FramesHead| {
            let mut bytes = Vec::new();
            begin_frames(head, &mut bytes);
            bytes.len()
        };
        assert_eq!(size(&head), 5);
        assert_eq!(size(&FramesHead { count: 7, ..head }), 6);
        assert_eq!(size(&FramesHead { paused: true, ..head }), 6);
        assert_eq!(size(&FramesHead { input_next: Tick(0), ..head }), 5);
        assert_eq!(size(&FramesHead { first: Tick(1_000), ..head }), 9);
    }

    #[test]
    fn too_many_frames_are_refused() {
        let bytes = [first_byte(Epoch::new(0), LONG_COUNT), 65, 0, 0, 0, 0];
        assert_eq!(decode_frames(&bytes, Tick(0)), Err(HotError::TooMany { count: 65, limit: 64 }));
        assert_eq!(decode_frames(&bytes[..1], Tick(0)), Err(HotError::Short));
        assert_eq!(decode_frames(&[4], Tick(0)), Err(HotError::NotHot));
    }
}
