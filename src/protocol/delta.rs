//! Frames coded against the frame before them: an unchanged seat costs one bit.
//!
//! A coded frame begins at a byte and fills its last byte with zeros, so frames are coded once and joined freely.
//! Per seat, in seat order: `1` if the seat is as before; else `0`, two bits of mark, and unless the mark is
//! "absent" either `1` if the bits are as before or `0` and the bits.

use alloc::vec::Vec;

use framekeep_sim::{Frame, Mark, SeatInput, input_mask};

use crate::{BitReader, BitWriter, HotError};

/// Appends `frame` coded against `previous` to `out`. For tick 0 `previous` is the frame in which all are absent.
///
/// `bits` is the size of an input; the frame's inputs have no bits above it, and absent seats have none at all.
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
/// `frame` is the frame before it and becomes the frame itself; for tick 0 it is the one in which all are absent.
/// The number of seats is that of `frame`. **Its tick is left alone**: the caller, who counts them, sets it.
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
