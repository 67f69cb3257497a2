//! Frames coded against the frame before them: an unchanged seat costs one bit.
//!
//! A coded frame begins at a byte and fills its last byte with zeros, so frames are coded once and joined
//! freely. Per seat, in seat order: `1` if the seat is as before; else `0`, two bits of mark, and unless the
//! mark is "absent" either `1` if the bits are as before or `0` and the bits.

use alloc::vec::Vec;

use framekeep_sim::{Frame, Mark, SeatInput, input_mask};

use crate::{BitReader, BitWriter, HotError};

/// Appends `frame` coded against `previous` to `out`. For tick 0 `previous` is the frame in which all are
/// absent.
///
/// `bits` is the size of an input; the frame's inputs have no bits above it, and absent seats have none at
/// all.
pub fn encode_frame(previous: &Frame, frame: &Frame, bits: u32, out: &mut Vec<u8>) {
    let mut writer = BitWriter::new(out);
    for (seat, now) in frame.seats().iter().enumerate() {
        let before = previous.seat(seat as u8);
        if *now == before {
            writer.write_bit(true);
            continue;
        }
        writer.write((now.mark as u64) << 1, 3);
        if now.mark == Mark::Absent {
            continue;
        }
        writer.write_bit(now.bits == before.bits);
        if now.bits != before.bits {
            writer.write(now.bits, bits);
        }
    }
    writer.finish();
}

/// Reads the frame at the start of `bytes` and tells how many bytes it takes.
///
/// `frame` is the frame before it and becomes the frame itself; for tick 0 it is the one in which all are
/// absent. The number of seats is that of `frame`. **Its tick is left alone**: the caller, who counts them,
/// sets it.
///
/// # Errors
/// [`HotError`]; `frame` may be half changed then and must not be used.
pub fn decode_frame(bytes: &[u8], frame: &mut Frame, bits: u32) -> Result<usize, HotError> {
    let mut reader = BitReader::new(bytes);
    for seat in 0..frame.seat_count() {
        if reader.read_bit().ok_or(HotError::Short)? {
            continue;
        }
        let input = read_seat(&mut reader, frame.seat(seat), bits)?;
        frame.set(seat, input);
    }
    reader.finish().ok_or(HotError::Trailing)
}

fn read_seat(reader: &mut BitReader<'_>, before: SeatInput, bits: u32) -> Result<SeatInput, HotError> {
    let mark = match reader.read(2).ok_or(HotError::Short)? {
        0 => return Ok(SeatInput::ABSENT),
        1 => Mark::Arrived,
        2 => Mark::Repeated,
        _ => return Err(HotError::BadMark),
    };
    let same = reader.read_bit().ok_or(HotError::Short)?;
    let bits =
        if same { before.bits & input_mask(bits) } else { reader.read(bits).ok_or(HotError::Short)? };
    Ok(SeatInput { bits, mark })
}

#[cfg(test)]
mod tests {
    use framekeep_sim::Tick;
    use proptest::prelude::*;

    use super::*;

    fn seat_input(bits: u32) -> impl Strategy<Value = SeatInput> {
        // Few values, so that seats are often as before.
        let value =
            prop_oneof![Just(0_u64), Just(5), any::<u64>()].prop_map(move |value| value & input_mask(bits));
        (0..3, value).prop_map(|(mark, value)| match mark {
            0 => SeatInput::ABSENT,
            1 => SeatInput::arrived(value),
            _ => SeatInput::repeated(value),
        })
    }

    fn frames() -> impl Strategy<Value = (u32, Vec<Frame>)> {
        (1_u32..=64, 0_usize..=64).prop_flat_map(|(bits, seats)| {
            let frame = prop::collection::vec(seat_input(bits), seats).prop_map(|seats| {
                let mut frame = Frame::absent(Tick(0), seats.len() as u8);
                seats.iter().enumerate().for_each(|(seat, &input)| frame.set(seat as u8, input));
                frame
            });
            (Just(bits), prop::collection::vec(frame, 1..20))
        })
    }

    proptest! {
        #[test]
        fn frames_come_back_one_after_the_other((bits, frames) in frames()) {
            let mut previous = Frame::absent(Tick(0), frames[0].seat_count());
            let mut bytes = Vec::new();
            for frame in &frames {
                encode_frame(&previous, frame, bits, &mut bytes);
                previous.copy_from(frame);
            }
            let (mut now, mut rest) = (Frame::absent(Tick(0), frames[0].seat_count()), &bytes[..]);
            for frame in &frames {
                let used = decode_frame(rest, &mut now, bits).unwrap();
                prop_assert_eq!(&now, frame);
                rest = &rest[used..];
            }
            prop_assert!(rest.is_empty());
        }

        #[test]
        fn whatever_decodes_is_a_frame_that_encodes(
            bytes in prop::collection::vec(any::<u8>(), 0..80),
            seats in 0_u8..=64,
            bits in 1_u32..=64,
        ) {
            let mut frame = Frame::absent(Tick(0), seats);
            if let Ok(used) = decode_frame(&bytes, &mut frame, bits) {
                prop_assert!(used <= bytes.len());
                let mut again = Vec::new();
                encode_frame(&Frame::absent(Tick(0), seats), &frame, bits, &mut again);
                prop_assert!(again.len() <= used);
                let mut same = Frame::absent(Tick(0), seats);
                prop_assert_eq!(decode_frame(&again, &mut same, bits), Ok(again.len()));
                prop_assert_eq!(same, frame);
            }
        }
    }

    #[test]
    fn an_unchanged_frame_of_four_seats_is_one_byte() {
        let mut frame = Frame::absent(Tick(0), 4);
        frame.set(2, SeatInput::arrived(0xabc));
        let mut bytes = Vec::new();
        encode_frame(&frame, &frame, 12, &mut bytes);
        assert_eq!(bytes, [0b1111]);
    }

    #[test]
    fn damage_is_refused() {
        let mut frame = Frame::absent(Tick(0), 4);
        assert_eq!(decode_frame(&[], &mut frame, 12), Err(HotError::Short));
        assert_eq!(decode_frame(&[0b0000_0110], &mut frame, 12), Err(HotError::BadMark));
        assert_eq!(decode_frame(&[0b1_1111], &mut frame, 12), Err(HotError::Trailing));
        assert_eq!(decode_frame(&[0b0000_0010], &mut frame, 12), Err(HotError::Short));
    }
}
