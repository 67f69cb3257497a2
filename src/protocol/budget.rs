//! What a room of four costs on the wire, computed from packets as they are sent.

use framekeep_sim::{Frame, Pcg32, SeatInput, Tick};

use crate::{Epoch, FramesHead, InputHead, begin_frames, encode_frame, encode_inputs};

/// netcode's prefix, three sequence bytes and tag.
const ENVELOPE_BYTES: usize = 20;
const SEATS: u8 = 4;
const BITS: u32 = 12;
const RATE_HZ: usize = 30;
const SECONDS: usize = 60;

/// Bytes a second up and down of a whole room in which every input changes in one of `hold` ticks, if each
/// packet carries `inputs` inputs and `frames` frames and one is sent every `every` ticks.
fn bytes_per_second(hold: u32, inputs: usize, frames: usize, every: usize) -> [usize; 2] {
    let mut rng = Pcg32::new(1, 1);
    let mut history = vec![Frame::absent(Tick(0), SEATS)];
    let mut sent = [0; 2];
    for tick in 1..RATE_HZ * SECONDS {
        let mut frame = history[tick - 1].clone();
        for seat in 0..SEATS {
            let bits = if rng.below(hold) == 0 { rng.next_u64() & 0xfff } else { frame.seat(seat).bits };
            frame.set(seat, SeatInput::arrived(bits));
        }
        frame.tick = Tick(tick as u32);
        history.push(frame);
        if tick % every == 0 && tick > 32 {
            sent[0] += (0..SEATS).map(|seat| up(&history[tick + 1 - inputs..], seat)).sum::<usize>();
            sent[1] += down(&history[tick - frames..]) * usize::from(SEATS);
        }
    }
    sent.map(|bytes| bytes / SECONDS)
}

fn up(history: &[Frame], seat: u8) -> usize {
    let inputs: Vec<u64> = history.iter().map(|frame| frame.seat(seat).bits).collect();
    let newest = history[history.len() - 1].tick;
    let mut out = Vec::new();
    encode_inputs(
        &InputHead { epoch: Epoch::new(3), newest, ack: newest.earlier(5), hash: Some(7), gap: false },
        BITS,
        &inputs,
        &mut out,
    );
    out.len() + ENVELOPE_BYTES
}

/// The first frame is the one before those sent.
fn down(history: &[Frame]) -> usize {
    let first = history[1].tick;
    let head = FramesHead {
        epoch: Epoch::new(3),
        first,
        count: history.len() as u8 - 1,
        input_next: first.later(4),
        lead: 9,
        paused: false,
    };
    let mut out = Vec::new();
    begin_frames(&head, &mut out);
    history.windows(2).for_each(|pair| encode_frame(&pair[0], &pair[1], BITS, &mut out));
    out.len() + ENVELOPE_BYTES
}

#[test]
fn a_lively_room_of_four_stays_within_nine_thousand_bytes_a_second() {
    let [up, down] = bytes_per_second(5, 3, 2, 1);
    println!("every tick: {up} up, {down} down");
    assert!(up + down < 8_500, "{up} + {down}");
}

#[test]
fn a_packet_every_other_tick_stays_within_five_thousand() {
    let [up, down] = bytes_per_second(5, 4, 4, 2);
    println!("every other tick: {up} up, {down} down");
    assert!(up + down < 4_900, "{up} + {down}");
}
