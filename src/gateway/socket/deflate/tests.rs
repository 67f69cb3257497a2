//! Packed messages in pieces of any size, and what is not one. A failing seed prints itself.

use bytes::BytesMut;
use framekeep_sim::Pcg32;
use zlib_rs::{Deflate, DeflateFlush, Inflate, InflateFlush};

use super::intake::Intake;
use super::{Agreed, Deflater, Refused, TAIL};

const BYTES_MAX: usize = 4_096;
const SEEDS: u64 = 300;

const TEXT: u8 = 1;
const BINARY: u8 = 2;
const PING: u8 = 9;

/// A frame of a client, masked by chance; `first` is its first byte.
fn frame(chance: &mut Pcg32, first: u8, payload: &[u8]) -> Vec<u8> {
    let mut out = vec![first];
    match payload.len() {
        length @ 0..126 => out.push(0x80 | length as u8),
        length @ 126..=0xffff => {
            out.push(0x80 | 126);
            out.extend((length as u16).to_be_bytes());
        }
        length => {
            out.push(0x80 | 127);
            out.extend((length as u64).to_be_bytes());
        }
    }
    let mask = chance.next_u32().to_be_bytes();
    out.extend(mask);
    out.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    out
}

/// A message as clients pack it, each by itself.
fn packed(message: &[u8], level: i32) -> Vec<u8> {
    let mut out = vec![0; 2 * message.len() + 64];
    let mut deflate = Deflate::new(level, false, 15);
    deflate.compress(message, &mut out, DeflateFlush::SyncFlush).unwrap();
    out.truncate(deflate.total_out() as usize);
    out.strip_suffix(&TAIL).unwrap().to_vec()
}

/// Bytes that are worth packing, more or less.
fn bytes(chance: &mut Pcg32, most: u32) -> Vec<u8> {
    let kinds = 1 + chance.below(256);
    (0..chance.below(most + 1)).map(|_| chance.below(kinds) as u8).collect()
}

/// Takes everything in pieces of any size, as frames whose masks were taken off: first bytes and payloads.
fn take(chance: &mut Pcg32, mut sent: &[u8]) -> Result<Vec<(u8, Vec<u8>)>, Refused> {
    let (mut intake, mut out) = (Intake::new(BYTES_MAX), BytesMut::new());
    while !sent.is_empty() {
        let (piece, rest) = sent.split_at(1 + chance.below(sent.len().min(700) as u32) as usize);
        sent = rest;
        let mut at = 0;
        while at < piece.len() {
            let (before, taken) = (out.len(), intake.take(&piece[at..], &mut out)?);
            assert!(out.len() - before <= taken + BYTES_MAX + 14, "no more than one message at once");
            at += taken;
        }
    }
    let mut frames = Vec::new();
    let mut rest = &out[..];
    while !rest.is_empty() {
        let (start, length) = match rest[1] & 0x7f {
            126 => (4, usize::from(u16::from_be_bytes([rest[2], rest[3]]))),
            127 => (10, u64::from_be_bytes(rest[2..10].try_into().unwrap()) as usize),
            length => (2, length.into()),
        };
        let mask = &rest[start..start + 4];
        let payload = &rest[start + 4..start + 4 + length];
        frames.push((
            rest[0],
            payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask).collect(),
        ));
        rest = &rest[start + 4 + length..];
    }
    Ok(frames)
}

#[test]
fn messages_come_out_as_they_were_however_they_are_packed_fragmented_and_split() {
    for seed in 0..SEEDS {
        let mut chance = Pcg32::new(seed, 1);
        let (mut sent, mut wanted) = (Vec::new(), Vec::new());
        for _ in 0..1 + chance.below(8) {
            let opcode = if chance.below(2) == 0 { TEXT } else { BINARY };
            let message = bytes(&mut chance, BYTES_MAX as u32);
            if chance.below(3) == 0 {
                sent.extend(frame(&mut chance, 0x80 | opcode, &message));
                wanted.push((0x80 | opcode, message));
                continue;
            }
            let mut rest = &packed(&message, chance.below(10) as i32)[..];
            let mut first = 0x40 | opcode;
            while chance.below(3) > 0 && !rest.is_empty() {
                let (part, later) = rest.split_at(chance.below(rest.len() as u32 + 1) as usize);
                sent.extend(frame(&mut chance, first, part));
                (first, rest) = (0, later);
                if chance.below(2) == 0 {
                    let ping = bytes(&mut chance, 125);
                    sent.extend(frame(&mut chance, 0x80 | PING, &ping));
                    wanted.push((0x80 | PING, ping));
                }
            }
            sent.extend(frame(&mut chance, 0x80 | first, rest));
            wanted.push((0x80 | opcode, message));
        }
        assert_eq!(take(&mut chance, &sent), Ok(wanted), "seed {seed}");
    }
}

#[test]
fn whatever_comes_is_taken_or_refused_and_nothing_grows() {
    let mut refused = 0;
    for seed in 0..20 * SEEDS {
        let mut chance = Pcg32::new(seed, 2);
        let message = bytes(&mut chance, 2_000);
        let mut sent = frame(&mut chance, 0x80 | 0x40 | TEXT, &packed(&message, 6));
        for _ in 0..1 + chance.below(4) {
            let place = chance.below(sent.len().min(64) as u32) as usize;
            sent[place] = chance.next_u32() as u8;
        }
        let (mut intake, mut out) = (Intake::new(BYTES_MAX), BytesMut::new());
        let mut at = 0;
        while at < sent.len() {
            match intake.take(&sent[at..], &mut out) {
                Ok(taken) => at += taken,
                Err(_) => {
                    refused += 1;
                    break;
                }
            }
        }
        assert!(out.len() <= sent.len() + BYTES_MAX + 14, "seed {seed}");
    }
    assert!(refused > 10 * SEEDS, "{refused} were refused");
}

#[test]
fn a_message_over_the_limit_is_refused_before_it_is_there() {
    let chance = &mut Pcg32::new(1, 3);
    let mut of = |message: &[u8]| {
        let sent = frame(chance, 0x80 | 0x40 | BINARY, &packed(message, 9));
        (sent.len(), take(chance, &sent).map(|frames| frames.len()))
    };
    assert_eq!(of(&vec![0; BYTES_MAX]).1, Ok(1));
    assert_eq!(of(&vec![0; BYTES_MAX + 1]).1, Err(Refused::TooLarge));
    // A megabyte in a frame of a thousand bytes.
    let (length, bomb) = of(&vec![0; 1 << 20]);
    assert!(length < 2_000 && bomb == Err(Refused::TooLarge), "{length} {bomb:?}");
    // One frame that says it is long, and many short ones.
    let mut long = vec![0x80 | 0x40 | BINARY, 0x80 | 127];
    long.extend(u64::MAX.to_be_bytes());
    long.extend([0; 4]);
    assert_eq!(take(chance, &long), Err(Refused::TooLarge));
    let mut many = frame(chance, 0x40 | BINARY, &[0; 100]);
    for _ in 0..100 {
        many.extend(frame(chance, 0, &[0; 100]));
    }
    assert_eq!(take(chance, &many), Err(Refused::TooLarge));
}

#[test]
fn frames_that_do_not_belong_together_are_refused() {
    let chance = &mut Pcg32::new(1, 4);
    let part = packed(b"something that is said", 6);
    let (begin, other) = (frame(chance, 0x40 | TEXT, &part), frame(chance, 0x80 | TEXT, b"{}"));
    let sent = |parts: &[&[u8]]| parts.concat();
    assert_eq!(take(chance, &sent(&[&begin, &other])), Err(Refused::Malformed), "another one within it");
    let again = frame(chance, 0x80 | 0x40, &part);
    assert_eq!(take(chance, &sent(&[&begin, &again])), Err(Refused::Malformed), "packed twice");
    let bare = [&[0x80 | 0x40 | TEXT, part.len() as u8][..], &part].concat();
    assert_eq!(take(chance, &bare), Err(Refused::Malformed), "without a mask");
    let garbage = frame(chance, 0x80 | 0x40 | TEXT, &[0xff; 40]);
    assert_eq!(take(chance, &garbage), Err(Refused::Malformed), "not packed at all");
    // What is not about packing, the reader of frames has to refuse: it sees it as it was sent.
    let lonely = frame(chance, 0x80 | 0x40, b"x");
    assert_eq!(take(chance, &lonely), Ok(vec![(0x80 | 0x40, b"x".to_vec())]));
    let ping = frame(chance, 0x80 | 0x40 | PING, b"x");
    assert_eq!(take(chance, &ping), Ok(vec![(0x80 | 0x40 | PING, b"x".to_vec())]));
}

#[test]
fn reserved_bits_on_any_frame_of_a_packed_message_are_refused() {
    let chance = &mut Pcg32::new(1, 7);
    let part = packed(b"something that is said", 6);
    for bits in [0x10, 0x20, 0x30] {
        let first = frame(chance, 0x80 | 0x40 | bits | TEXT, &part);
        assert_eq!(take(chance, &first), Err(Refused::Malformed), "the first: {bits:#x}");
        let later = [frame(chance, 0x40 | TEXT, &part[..3]), frame(chance, 0x80 | bits, &part[3..])].concat();
        assert_eq!(take(chance, &later), Err(Refused::Malformed), "a later one: {bits:#x}");
    }
}

#[test]
fn what_was_cut_within_a_block_is_refused_wherever_it_was_cut() {
    let chance = &mut Pcg32::new(1, 8);
    let said: Vec<_> = (0..60).flat_map(|number| format!("{number} things, ").into_bytes()).collect();
    for level in [1, 6, 9] {
        let whole = packed(&said, level);
        for length in 0..whole.len() {
            let cut = frame(chance, 0x80 | 0x40 | BINARY, &whole[..length]);
            assert_eq!(take(chance, &cut), Err(Refused::Malformed), "level {level}, {length} bytes");
        }
        let whole = frame(chance, 0x80 | 0x40 | BINARY, &whole);
        assert!(take(chance, &whole).is_ok(), "level {level}");
    }
}

#[test]
fn a_stream_that_ends_within_a_message_begins_anew() {
    let chance = &mut Pcg32::new(1, 5);
    let mut out = vec![0; 200];
    let mut deflate = Deflate::new(6, false, 15);
    deflate.compress(b"to the end", &mut out, DeflateFlush::Finish).unwrap();
    out.truncate(deflate.total_out() as usize);
    out.extend(packed(b", and on", 6));
    let sent = frame(chance, 0x80 | 0x40 | TEXT, &out);
    assert_eq!(take(chance, &sent), Ok(vec![(0x80 | TEXT, b"to the end, and on".to_vec())]));
}

/// What a client makes of what it is told.
fn unpack(inflate: &mut Inflate, packed: &[u8]) -> Vec<u8> {
    let mut out = vec![0; 64 << 10];
    let before = inflate.total_out();
    let sent = [packed, &TAIL].concat();
    inflate.decompress(&sent, &mut out, InflateFlush::SyncFlush).unwrap();
    out.truncate((inflate.total_out() - before) as usize);
    out
}

#[test]
fn clients_unpack_what_they_are_told_with_every_window() {
    for seed in 0..SEEDS {
        let mut chance = Pcg32::new(seed, 6);
        let agreed = Agreed { window_bits: 9 + chance.below(7) as u8 };
        let (mut deflater, mut inflate) = (Deflater::new(agreed), Inflate::new(false, agreed.window_bits));
        for _ in 0..20 {
            let message = bytes(&mut chance, 20_000);
            let Some(packed) = deflater.pack(&message) else {
                assert!(!Deflater::takes(&message), "seed {seed}");
                continue;
            };
            assert!(unpack(&mut inflate, &packed) == message, "seed {seed}");
        }
    }
}
