//! Hot lane, up: a client's inputs, what it has received, and the hash of its state.

use alloc::vec::Vec;

use framekeep_sim::Tick;

use crate::hot::{first_byte, take, widen};
use crate::{BitReader, BitWriter, Epoch, HotError, INPUTS_PER_PACKET_MAX, peek_epoch};

const HAS_HASH: u8 = 0b100;
const HAS_INPUTS: u8 = 0b010;
const FAR_ACK: u8 = 0b001;
/// A distance byte of 0 means that the acknowledged tick is this many after the newest input.
const ACK_BIAS: i64 = 64;
const COUNT_BITS: u32 = 5;

/// The head of a packet of inputs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InputHead {
    /// The match within the room.
    pub epoch: Epoch,
    /// The tick of the newest input. Without inputs any tick near those being played, best `ack`.
    pub newest: Tick,
    /// The next frame the client lacks: it has all frames before this tick.
    pub ack: Tick,
    /// The low 32 bits of the hash of the state after all frames before `ack`; `None` if it is not simulated.
    pub hash: Option<u32>,
}

/// Appends a packet of inputs to `out`.
///
/// `inputs` are those of consecutive ticks, the last one of tick `head.newest`. Only the last
/// [`INPUTS_PER_PACKET_MAX`] are sent. Only the low `bits` bits of each are sent.
pub fn encode_inputs(head: &InputHead, bits: u32, inputs: &[u64], out: &mut Vec<u8>) {
    let inputs = &inputs[inputs.len().saturating_sub(INPUTS_PER_PACKET_MAX)..];
    let distance = u8::try_from(i64::from(head.newest.0) - i64::from(head.ack.0) + ACK_BIAS).ok();
    let low_bits = if head.hash.is_some() { HAS_HASH } else { 0 }
        | if inputs.is_empty() { 0 } else { HAS_INPUTS }
        | if distance.is_some() { 0 } else { FAR_ACK };
    out.push(first_byte(head.epoch, low_bits));
    out.extend_from_slice(&(head.newest.0 as u16).to_le_bytes());
    match distance {
        Some(distance) => out.push(distance),
        None => out.extend_from_slice(&head.ack.0.to_le_bytes()),
    }
    if let Some(hash) = head.hash {
        out.extend_from_slice(&hash.to_le_bytes());
    }
    if let Some((&first, rest)) = inputs.split_first() {
        write_inputs(first, rest, bits, out);
    }
}

fn write_inputs(first: u64, rest: &[u64], bits: u32, out: &mut Vec<u8>) {
    let mut writer = BitWriter::new(out);
    writer.write(rest.len() as u64, COUNT_BITS);
    writer.write(first, bits);
    let mut before = first;
    for &input in rest {
        writer.write_bit(input == before);
        if input != before {
            writer.write(input, bits);
        }
        before = input;
    }
    writer.finish();
}

/// Reads a packet of inputs. `inputs` is overwritten: those of consecutive ticks, the last one of tick `newest`.
///
/// `bits` is the size of an input. `near` is a tick near the expected newest one, within 32,767 ticks, from
/// which the 16 bits on the wire are made whole again.
///
/// # Errors
/// [`HotError`]; `inputs` holds nothing of use then.
pub fn decode_inputs(
    bytes: &[u8],
    bits: u32,
    near: Tick,
    inputs: &mut Vec<u64>,
) -> Result<InputHead, HotError> {
    inputs.clear();
    let epoch = peek_epoch(bytes).ok_or(HotError::NotHot)?;
    let mut rest = bytes;
    let [first] = take::<1>(&mut rest)?;
    let newest = widen(u16::from_le_bytes(take(&mut rest)?), near);
    let ack = if first & FAR_ACK == 0 {
        let [distance] = take::<1>(&mut rest)?;
        let ack = i64::from(newest.0) + ACK_BIAS - i64::from(distance);
        Tick(u32::try_from(ack).map_err(|_| HotError::TickOutOfRange)?)
    } else {
        Tick(u32::from_le_bytes(take(&mut rest)?))
    };
    let hash = if first & HAS_HASH == 0 { None } else { Some(u32::from_le_bytes(take(&mut rest)?)) };
    if first & HAS_INPUTS != 0 {
        rest = read_inputs(rest, bits, inputs)?;
        if newest.0 < inputs.len() as u32 - 1 {
            return Err(HotError::TickOutOfRange);
        }
    }
    if rest.is_empty() { Ok(InputHead { epoch, newest, ack, hash }) } else { Err(HotError::Trailing) }
}

fn read_inputs<'a>(bytes: &'a [u8], bits: u32, inputs: &mut Vec<u64>) -> Result<&'a [u8], HotError> {
    let mut reader = BitReader::new(bytes);
    let more = reader.read(COUNT_BITS).ok_or(HotError::Short)?;
    let mut input = reader.read(bits).ok_or(HotError::Short)?;
    inputs.push(input);
    for _ in 0..more {
        if !reader.read_bit().ok_or(HotError::Short)? {
            input = reader.read(bits).ok_or(HotError::Short)?;
        }
        inputs.push(input);
    }
    let used = reader.finish().ok_or(HotError::Trailing)?;
    bytes.get(used..).ok_or(HotError::Short)
}
