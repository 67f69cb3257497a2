//! Hot lane, up: a client's inputs, what it has received, and the hash of its state.

use alloc::vec::Vec;

use framekeep_sim::Tick;

use crate::hot::{first_byte, take, widen};
use crate::{BitReader, BitWriter, Epoch, HotError, INPUTS_PER_PACKET_MAX, peek_epoch};

const HAS_HASH: u8 = 0b100;
const HAS_INPUTS: u8 = 0b010;
const GAP: u8 = 0b001;
/// A distance byte of 0 means that the acknowledged tick is this many after the newest input.
const ACK_BIAS: i64 = 64;
/// A distance byte that says that the acknowledged tick follows as four bytes.
const FAR: u8 = u8::MAX;
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
    /// Whether frames came late or not at all of late: a packet brought frames that one before it had for this client.
    pub gap: bool,
}

/// Appends a packet of inputs to `out`.
///
/// `inputs` are those of consecutive ticks, the last one of tick `head.newest`. Only the last
/// [`INPUTS_PER_PACKET_MAX`] are sent. Only the low `bits` bits of each are sent.
pub fn encode_inputs(head: &InputHead, bits: u32, inputs: &[u64], out: &mut Vec<u8>) {
    let inputs = &inputs[inputs.len().saturating_sub(INPUTS_PER_PACKET_MAX)..];
    let distance = u8::try_from(i64::from(head.newest.0) - i64::from(head.ack.0) + ACK_BIAS);
    let low_bits = if head.hash.is_some() { HAS_HASH } else { 0 }
        | if inputs.is_empty() { 0 } else { HAS_INPUTS }
        | if head.gap { GAP } else { 0 };
    out.push(first_byte(head.epoch, low_bits));
    out.extend_from_slice(&(head.newest.0 as u16).to_le_bytes());
    match distance {
        Ok(distance) if distance != FAR => out.push(distance),
        _ => {
            out.push(FAR);
            out.extend_from_slice(&head.ack.0.to_le_bytes());
        }
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

/// Reads a packet of inputs. `inputs` is overwritten: those of consecutive ticks, the last one of tick
/// `newest`.
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
    let [distance] = take::<1>(&mut rest)?;
    let ack = if distance != FAR {
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
    let gap = first & GAP != 0;
    if rest.is_empty() { Ok(InputHead { epoch, newest, ack, hash, gap }) } else { Err(HotError::Trailing) }
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

#[cfg(test)]
mod tests {
    use framekeep_sim::input_mask;
    use proptest::prelude::*;

    use super::*;

    fn packet() -> impl Strategy<Value = (InputHead, u32, Vec<u64>)> {
        let head = (
            0..16_u8,
            32..=u32::MAX,
            prop_oneof![0..=u32::MAX, Just(0)],
            -300..300_i64,
            any::<Option<u32>>(),
            any::<bool>(),
        );
        let head = head.prop_map(|(epoch, newest, far, distance, hash, gap)| {
            let near = u32::try_from(i64::from(newest) - distance).unwrap_or(newest);
            let ack = if distance % 7 == 0 { far } else { near };
            InputHead { epoch: Epoch::new(epoch), newest: Tick(newest), ack: Tick(ack), hash, gap }
        });
        (head, 1_u32..=64).prop_flat_map(|(head, bits)| {
            let input =
                prop_oneof![Just(1_u64), any::<u64>()].prop_map(move |input| input & input_mask(bits));
            (Just(head), Just(bits), prop::collection::vec(input, 0..=INPUTS_PER_PACKET_MAX))
        })
    }

    proptest! {
        #[test]
        fn a_packet_comes_back((head, bits, inputs) in packet(), drift in -1_000..1_000_i64) {
            let mut bytes = Vec::new();
            encode_inputs(&head, bits, &inputs, &mut bytes);
            let near = Tick(u32::try_from(i64::from(head.newest.0) + drift).unwrap_or(head.newest.0));
            let mut decoded = vec![9];
            prop_assert_eq!(decode_inputs(&bytes, bits, near, &mut decoded), Ok(head));
            prop_assert_eq!(decoded, inputs);
            prop_assert!(bytes.len() <= crate::HOT_BYTES_MAX);
            bytes.push(0);
            prop_assert_eq!(decode_inputs(&bytes, bits, near, &mut Vec::new()), Err(HotError::Trailing));
        }

        #[test]
        fn no_bytes_do_harm(
            bytes in prop::collection::vec(any::<u8>(), 0..300),
            (bits, near) in (1_u32..=64, any::<u32>()),
        ) {
            let mut inputs = Vec::new();
            if let Ok(head) = decode_inputs(&bytes, bits, Tick(near), &mut inputs) {
                prop_assert!(inputs.len() <= INPUTS_PER_PACKET_MAX);
                prop_assert!(inputs.is_empty() || head.newest.0 as usize + 1 >= inputs.len());
                let (mut again, mut same) = (Vec::new(), Vec::new());
                encode_inputs(&head, bits, &inputs, &mut again);
                prop_assert_eq!(decode_inputs(&again, bits, Tick(near), &mut same), Ok(head));
                prop_assert_eq!(same, inputs);
            }
        }
    }

    #[test]
    fn sizes_of_typical_packets() {
        let size = |hash: Option<u32>, inputs: &[u64]| {
            let head =
                InputHead { epoch: Epoch::new(3), newest: Tick(900), ack: Tick(897), hash, gap: false };
            let mut bytes = Vec::new();
            encode_inputs(&head, 12, inputs, &mut bytes);
            bytes.len()
        };
        assert_eq!(size(Some(1), &[0xabc; 3]), 11, "three inputs, held");
        assert_eq!(size(Some(1), &[0xabc, 0xdef, 0xabc]), 14, "three inputs, all different");
        assert_eq!(size(None, &[0xabc; 3]), 7, "a thin client");
        assert_eq!(size(None, &[]), 4, "a spectator");
        let (newest, ack) = (Tick(9_000), Tick(100));
        let head = InputHead { epoch: Epoch::new(3), newest, ack, hash: None, gap: true };
        let mut bytes = Vec::new();
        encode_inputs(&head, 12, &[], &mut bytes);
        assert_eq!(bytes.len(), 8, "a client that is far behind");
        assert_eq!(size(Some(1), &[0xabc; 32]), 14, "a second's inputs, held");
    }

    #[test]
    fn only_the_newest_inputs_are_sent() {
        let head = InputHead { epoch: Epoch::new(0), newest: Tick(99), ack: Tick(0), hash: None, gap: false };
        let all: Vec<u64> = (0..100).collect();
        let (mut bytes, mut inputs) = (Vec::new(), Vec::new());
        encode_inputs(&head, 12, &all, &mut bytes);
        decode_inputs(&bytes, 12, Tick(99), &mut inputs).unwrap();
        assert_eq!(inputs, all[68..]);
    }

    #[test]
    fn inputs_before_the_first_tick_are_refused() {
        let head = InputHead { epoch: Epoch::new(0), newest: Tick(1), ack: Tick(0), hash: None, gap: false };
        let mut bytes = Vec::new();
        encode_inputs(&head, 12, &[1, 2, 3], &mut bytes);
        assert_eq!(decode_inputs(&bytes, 12, Tick(1), &mut Vec::new()), Err(HotError::TickOutOfRange));
        assert_eq!(decode_inputs(&bytes[..5], 12, Tick(1), &mut Vec::new()), Err(HotError::Short));
        assert_eq!(decode_inputs(&[0], 12, Tick(1), &mut Vec::new()), Err(HotError::NotHot));
    }
}
