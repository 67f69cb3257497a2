//! Any bytes as packets of inputs and of frames. What is read can be written again and reads the same.

use framekeep_protocol::{
    BitReader, FRAMES_PER_PACKET_MAX, INPUTS_PER_PACKET_MAX, begin_frames, decode_frame, decode_frames,
    decode_inputs, encode_frame, encode_inputs, is_hot, peek_epoch,
};
use framekeep_sim::{Frame, Tick};

/// The first six bytes choose the size of an input, the seats and the expected tick.
pub fn run(data: &[u8]) {
    let mut choice = BitReader::new(data);
    let (Some(bits), Some(seats), Some(near)) = (choice.read(8), choice.read(8), choice.read(32)) else {
        return;
    };
    let (bits, seats, near) = (bits as u32 % 64 + 1, seats as u8 % 65, Tick(near as u32));
    inputs(&data[6..], bits, near);
    frames(&data[6..], bits, seats, near);
}

fn inputs(bytes: &[u8], bits: u32, near: Tick) {
    let mut inputs = Vec::new();
    let Ok(head) = decode_inputs(bytes, bits, near, &mut inputs) else { return };
    assert!(is_hot(bytes) && peek_epoch(bytes) == Some(head.epoch));
    assert!(inputs.len() <= INPUTS_PER_PACKET_MAX);
    let (mut again, mut same) = (Vec::new(), Vec::new());
    encode_inputs(&head, bits, &inputs, &mut again);
    assert!(again.len() <= bytes.len(), "what is written is longer than what was read");
    assert_eq!(decode_inputs(&again, bits, near, &mut same), Ok(head));
    assert_eq!(same, inputs);
}

fn frames(bytes: &[u8], bits: u32, seats: u8, near: Tick) {
    let Ok((head, mut rest)) = decode_frames(bytes, near) else { return };
    assert!(usize::from(head.count) <= FRAMES_PER_PACKET_MAX);
    let mut again = Vec::new();
    begin_frames(&head, &mut again);
    assert_eq!(decode_frames(&again, near), Ok((head, &[][..])));
    let (mut now, mut before) = (Frame::absent(Tick(0), seats), Frame::absent(Tick(0), seats));
    for _ in 0..head.count {
        let Ok(used) = decode_frame(rest, &mut now, bits) else { return };
        again.clear();
        encode_frame(&before, &now, bits, &mut again);
        let mut same = before.clone();
        assert_eq!(decode_frame(&again, &mut same, bits), Ok(again.len()));
        assert_eq!(same, now);
        before.copy_from(&now);
        rest = &rest[used..];
    }
}
