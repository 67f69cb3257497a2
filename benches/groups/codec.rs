//! What goes over the wire at every tick: inputs and frames.

use criterion::{Criterion, criterion_group, criterion_main};
use framekeep_benches::matches::frames;
use framekeep_games::arena::Arena;
use framekeep_protocol::{Epoch, InputHead, decode_frame, decode_inputs, encode_frame, encode_inputs};
use framekeep_sim::{Game, Input, Tick};

const BITS: u32 = <Arena as Game>::Input::BITS;

fn codec(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("codec");
    let frames = frames(64);
    let (previous, next) = (&frames[62], &frames[63]);

    let mut wire = Vec::new();
    group.bench_function("encode_frame", |bencher| {
        bencher.iter(|| {
            wire.clear();
            encode_frame(previous, next, BITS, &mut wire);
        });
    });
    let mut frame = previous.clone();
    group.bench_function("decode_frame", |bencher| {
        bencher.iter(|| {
            frame.copy_from(previous);
            decode_frame(&wire, &mut frame, BITS)
        });
    });
    assert_eq!(frame.seats(), next.seats(), "a frame comes back as it was sent");

    let inputs: Vec<u64> = frames.iter().rev().take(8).map(|frame| frame.seat(0).bits).collect();
    let head = InputHead { epoch: Epoch::new(1), newest: Tick(63), ack: Tick(55), hash: Some(7), gap: false };
    let mut packet = Vec::new();
    group.bench_function("encode_8_inputs", |bencher| {
        bencher.iter(|| {
            packet.clear();
            encode_inputs(&head, BITS, &inputs, &mut packet);
        });
    });
    let mut decoded = Vec::new();
    group.bench_function("decode_8_inputs", |bencher| {
        bencher.iter(|| {
            decoded.clear();
            decode_inputs(&packet, BITS, Tick(60), &mut decoded)
        });
    });
    assert_eq!(decoded, inputs, "inputs come back as they were sent");
    group.finish();
}

criterion_group!(benches, codec);
criterion_main!(benches);
