//! The corpus of the fuzz targets as plain tests, and how its first files are made.

use std::fs;
use std::path::{Path, PathBuf};

use framekeep_sim::{Frame, SeatInput, Tick};

use crate::{
    CONTROL, Epoch, FramesHead, InputHead, Role, SNAPSHOT, Snapshot, Ticket, TokenId, begin_frames,
    encode_frame, encode_inputs,
};

#[expect(unreachable_pub, reason = "a fuzz target is a crate of its own")]
#[path = "../../tools/fuzz/bodies/control_codec.rs"]
mod control_codec;
#[expect(unreachable_pub, reason = "a fuzz target is a crate of its own")]
#[path = "../../tools/fuzz/bodies/guard_datagram.rs"]
mod guard_datagram;
#[expect(unreachable_pub, reason = "a fuzz target is a crate of its own")]
#[path = "../../tools/fuzz/bodies/guard_payload.rs"]
mod guard_payload;
#[expect(unreachable_pub, reason = "a fuzz target is a crate of its own")]
#[path = "../../tools/fuzz/bodies/hot_lane.rs"]
mod hot_lane;

fn corpus(target: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tools/fuzz/corpus").join(target)
}

fn run_corpus(target: &str, run: fn(&[u8])) {
    let mut files: Vec<_> = fs::read_dir(corpus(target)).unwrap().map(|file| file.unwrap().path()).collect();
    files.sort();
    assert!(!files.is_empty() && files.len() < 50, "{} files of {target}", files.len());
    for file in files {
        eprintln!("{}", file.display());
        run(&fs::read(&file).unwrap());
    }
}

#[test]
fn control_codec_corpus() {
    run_corpus("control_codec", control_codec::run);
}

#[test]
fn guard_datagram_corpus() {
    run_corpus("guard_datagram", guard_datagram::run);
}

#[test]
fn guard_payload_corpus() {
    run_corpus("guard_payload", guard_payload::run);
}

#[test]
fn hot_lane_corpus() {
    run_corpus("hot_lane", hot_lane::run);
}

fn write(target: &str, name: &str, bytes: &[u8]) {
    fs::create_dir_all(corpus(target)).unwrap();
    fs::write(corpus(target).join(name), bytes).unwrap();
}

/// Each part after its length in two bytes.
fn joined(parts: &[&[u8]]) -> Vec<u8> {
    parts.iter().flat_map(|part| [&(part.len() as u16).to_le_bytes()[..], part].concat()).collect()
}

/// Writes the files that fuzzing starts from: `cargo test -p framekeep_protocol -- --ignored first_corpus`.
#[test]
#[ignore = "writes files"]
fn first_corpus() {
    for (i, message) in crate::control::samples().iter().enumerate() {
        write("control_codec", &format!("message_{i:02}"), message);
    }
    let (token_id, player) = (TokenId([9; 16]), crate::PlayerId(42));
    let (name, room, role) = ("Ada".parse().unwrap(), Some("the den".parse().unwrap()), Role::Spectator);
    let ticket = Ticket { token_id, player, name, room, role, issued_at_s: 1, expires_at_s: 11 };
    write("control_codec", "ticket", &ticket.encode(|_| [5; 32]));
    let snapshot = Snapshot::new(Epoch::new(1), Tick(7), &Frame::absent(Tick(6), 2), 5, &[3; 90]).unwrap();
    write("control_codec", "snapshot", &snapshot.encode());
    write_hot_lane();
    write_guards();
}

fn write_hot_lane() {
    let choice = [11, 4, 100, 0, 0, 0];
    for (name, hash, inputs) in
        [("ack", None, &[][..]), ("held", Some(1), &[5; 3][..]), ("moving", None, &[1, 2, 3, 4])]
    {
        let mut bytes = choice.to_vec();
        let head = InputHead { epoch: Epoch::new(1), newest: Tick(101), ack: Tick(98), hash };
        encode_inputs(&head, 12, inputs, &mut bytes);
        write("hot_lane", &format!("inputs_{name}"), &bytes);
    }
    let (first, input_next) = (Tick(98), Tick(102));
    for (name, count, paused) in [("one", 1, false), ("many", 9, false), ("paused", 0, true)] {
        let mut bytes = choice.to_vec();
        let epoch = Epoch::new(2);
        begin_frames(&FramesHead { epoch, first, count, input_next, lead: 3, paused }, &mut bytes);
        let mut before = Frame::absent(Tick(0), 4);
        for i in 0..count {
            let mut frame = before.clone();
            frame.set(i % 4, SeatInput::arrived((i / 3).into()));
            frame.set(3, if i == 4 { SeatInput::ABSENT } else { SeatInput::repeated(7) });
            encode_frame(&before, &frame, 12, &mut bytes);
            before = frame;
        }
        write("hot_lane", &format!("frames_{name}"), &bytes);
    }
}

fn write_guards() {
    let kinds: [(&str, u8, usize); 5] = [
        ("response", 3, 308),
        ("keep_alive", 4, 8),
        ("payload", 5, 20),
        ("disconnect", 6, 0),
        ("challenge", 2, 308),
    ];
    for (name, kind, body) in kinds {
        let sealed = [&[kind | 0x20, 1, 1][..], &vec![0; body + 16]].concat();
        write("guard_datagram", name, &joined(&[&sealed, &sealed[..sealed.len() - 1]]));
    }
    write("guard_datagram", "request", &joined(&[&[0; 1_078]]));
    let small = [0, 1, CONTROL, 0, 2, 0, 1, b'a', 1, 2, b'b', b'c'];
    let ahead = [0, 2, CONTROL, 0, 1, 3, 1, b'd'];
    let ack = [4, 3, 20, 4, 2, 0, 0, 5, 6];
    write("guard_payload", "client", &[&[0][..], &joined(&[&small, &ahead, &ack, &[0x80]])].concat());
    let slice = |index: u8, len: u16| {
        let len_bytes = (len | 0x4000).to_be_bytes();
        [&[2, index, SNAPSHOT, 0, index, 2][..], &len_bytes, &vec![1; len.into()]].concat()
    };
    let parts = joined(&[&slice(1, 70), &slice(0, 1_200), &small, &ack]);
    write("guard_payload", "server", &[&[1][..], &parts].concat());
}
