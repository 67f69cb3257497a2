//! Every bit of small files flipped, and the last records of a journal cut at every byte: nothing panics, nothing goes
//! unnoticed, and what is told names the place and the tick.

use framekeep_protocol::{CommitPolicy, PlayerId, RoomName, RoomPhase, StartRule, encode_frame};
use framekeep_sim::{Frame, Match, Pcg32, Tick, hash_bytes};

use crate::sample::{self, Drift};
use crate::{
    Lives, MatchResumed, MatchStarted, MemberState, REPLAY_VERSION, Record, Replay, RoomState, SegmentEnd,
    SegmentFault, SegmentHeader, SegmentReader, SegmentWriter, Told, pack_snapshot,
};

/// Bytes of each file whose bits are flipped.
const BYTES: usize = 4_096;
const ROOM: u64 = 7;

pub(crate) fn room() -> RoomState {
    let member = |seat, player, name: &str| MemberState {
        seat,
        player: PlayerId(player),
        name: name.parse().unwrap(),
        ready: true,
        out: false,
    };
    RoomState {
        name: RoomName::try_from("hall").unwrap(),
        game: "drift".to_owned(),
        content: String::new(),
        seats: 2,
        tick_rate_hz: 30,
        send_every_ticks: 1,
        start: StartRule::Ready,
        commit: CommitPolicy::Deadline,
        code: "1234".to_owned(),
        spectators_max: 2,
        phase: RoomPhase::Playing,
        epoch: 3,
        events: 40,
        locked: true,
        opened: false,
        play_again: false,
        host: Some(PlayerId(9)),
        members: vec![member(0, 9, "ada"), member(1, 8, "bob")],
        reserved: Vec::new(),
        spectators: vec![(PlayerId(7), "eve".parse().unwrap())],
        banned: vec![PlayerId(6)],
    }
}

/// A journal of exactly so many bytes with a match that is as long as fits, and where its records start.
fn journal(bytes: usize) -> (Vec<u8>, Vec<usize>) {
    let (unpadded, _) = padded_journal(bytes, 0);
    padded_journal(bytes, bytes - unpadded.len())
}

/// A journal of at most so many bytes, whose room has a content with a name of `pad` bytes.
fn padded_journal(bytes_max: usize, pad: usize) -> (Vec<u8>, Vec<usize>) {
    let mut writer = SegmentWriter::new(Vec::new(), SegmentHeader { node: 1, sequence: 2 });
    let started = MatchStarted { epoch: 3, header: sample::header(2) };
    let room = RoomState { content: "x".repeat(pad), ..room() };
    assert!(writer.append(ROOM, &Record::Room(Box::new(room))));
    assert!(writer.append(ROOM, &Record::MatchStarted(Box::new(started))));
    writer.flush().unwrap();
    let mut starts = vec![30];
    let mut play = Match::<Drift>::start(std::sync::Arc::new(600), 9, 2);
    let (mut rng, mut state, mut packed) = (Pcg32::new(4, 4), Vec::new(), Vec::new());
    let mut before = Frame::absent(Tick(0), 2);
    for tick in 0.. {
        let frame = sample::frame(&mut rng, tick, 2);
        let mut delta = Vec::new();
        encode_frame(&before, &frame, 12, &mut delta);
        play.step(&frame);
        before = frame;
        let hash = play.hash(&mut state);
        let start = writer.written_bytes() as usize;
        assert!(writer.append(ROOM, &Record::Step { tick: Tick(tick), hash, delta: &delta }));
        if tick % 32 == 31 {
            pack_snapshot(&state, &mut packed);
            assert!(writer.append(ROOM, &Record::Snapshot { tick: Tick(tick + 1), hash, packed: &packed }));
        }
        if start + writer.pending_bytes() > bytes_max {
            break;
        }
        writer.flush().unwrap();
        starts.push(start);
    }
    (writer.into_inner(), starts)
}

/// What a journal says: how many frames, the hash after the last, how it ends, and whether a record did not follow.
struct Read {
    ticks: Option<u32>,
    hash: Option<u64>,
    end: SegmentEnd,
    newest: Option<(u64, Tick)>,
}

fn read(bytes: &[u8]) -> Result<Read, SegmentFault> {
    let mut reader = SegmentReader::open(bytes)?;
    let mut lives = Lives::default();
    while let Some(entry) = reader.next_entry()? {
        lives.take(&entry).expect("a checksum stands for every record");
    }
    let (end, newest) = (reader.end().unwrap().clone(), lives.newest());
    let play = lives.get(ROOM).and_then(|life| life.play.clone());
    let hash = play.as_ref().map(|play| {
        let resumed = play.resume(sample::registry().get("drift").unwrap().as_ref()).unwrap();
        assert_eq!(resumed.disagreed, None);
        *resumed.hashes.last().unwrap()
    });
    Ok(Read { ticks: play.map(|play| play.next().0), hash, end, newest })
}

#[test]
fn every_bit_of_a_journal() {
    let (bytes, starts) = journal(BYTES);
    assert_eq!(bytes.len(), BYTES);
    let last = *starts.last().unwrap();
    let whole = read(&bytes).unwrap();
    let hashes = hashes_of(&bytes);
    assert_eq!(whole.end, SegmentEnd::Whole { offset: bytes.len() as u64 });
    for bit in 0..bytes.len() * 8 {
        let mut changed = bytes.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        let Ok(found) = read(&changed) else { continue };
        match found.end {
            SegmentEnd::Damaged { .. } => {}
            // Behind the last record nothing tells a length that was changed from a record that was cut short.
            SegmentEnd::Torn { .. } => {
                assert!(bit / 8 >= last, "bit {bit} is taken for a kill: {}", found.end)
            }
            SegmentEnd::Whole { .. } => panic!("bit {bit} went unnoticed"),
        }
        assert!(
            found.end.offset() <= bit as u64 / 8 && found.end.to_string().contains("at byte"),
            "bit {bit}"
        );
        let ticks = found.ticks.unwrap_or(0);
        assert!(ticks < whole.ticks.unwrap());
        assert_eq!(found.newest.map_or(0, |(_, tick)| tick.0), ticks, "the tick that is missing is known");
        if let Some(hash) = found.hash {
            assert_eq!(hash, hashes[ticks as usize], "bit {bit}: what is there is a prefix");
        }
    }
}

/// The hash before each tick and after the last.
fn hashes_of(bytes: &[u8]) -> Vec<u64> {
    let mut reader = SegmentReader::open(bytes).unwrap();
    let mut state = Vec::new();
    let mut hashes = vec![Match::<Drift>::start(std::sync::Arc::new(600), 9, 2).hash(&mut state)];
    while let Some(entry) = reader.next_entry().unwrap() {
        if let Record::Step { hash, .. } = entry.record {
            hashes.push(hash);
        }
    }
    hashes
}

#[test]
fn every_cut_of_the_last_three_records() {
    let (bytes, starts) = journal(BYTES);
    let (hashes, from) = (hashes_of(&bytes), starts[starts.len() - 3]);
    for cut in from..bytes.len() {
        let found = read(&bytes[..cut]).unwrap();
        let ticks = found.ticks.unwrap() as usize;
        assert!(found.end.offset() <= cut as u64);
        assert!(ticks + 4 >= hashes.len() && ticks < hashes.len());
        assert_eq!(found.hash, Some(hashes[ticks]), "cut at {cut}");
        assert_eq!(matches!(found.end, SegmentEnd::Whole { .. }), found.end.offset() == cut as u64);
    }
}

#[test]
fn every_bit_of_a_replay() {
    // As many bytes come out for some number of seats and ticks.
    let replays = (2..9_u8).flat_map(|seats| (200..600).map(move |ticks| (seats, ticks)));
    let mut replays = replays.map(|(seats, ticks)| sample::replay_with(seats, ticks, |_| {}));
    let bytes = replays.find(|bytes| bytes.len() == BYTES).expect("a replay of so many bytes");
    Replay::read(bytes.clone()).unwrap();
    for bit in 0..BYTES * 8 {
        let mut changed = bytes.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        let damaged = Replay::read(changed).expect_err("a changed bit is found");
        assert!(damaged.offset <= bit as u64 / 8, "bit {bit}: {damaged}");
        // Of the header no tick is lost alone: the whole match is.
        let past_header = damaged.offset > 10;
        assert!(!past_header || damaged.tick.is_some(), "bit {bit}: {damaged} names no tick");
    }
}

#[test]
fn every_bit_of_a_snapshot() {
    let mut rng = Pcg32::new(1, 1);
    let mut state: Vec<u8> = (0..BYTES).map(|_| rng.below(256) as u8).collect();
    let mut packed = Vec::new();
    pack_snapshot(&state, &mut packed);
    // Head, tick and hash come before it.
    while packed.len() + 17 + 12 > BYTES {
        state.pop();
        pack_snapshot(&state, &mut packed);
    }
    let hash = hash_bytes(&state);
    let mut writer = SegmentWriter::new(Vec::new(), SegmentHeader::default());
    let record = Record::Snapshot { tick: Tick(900), hash, packed: &packed };
    assert!(writer.append(ROOM, &record));
    writer.flush().unwrap();
    let start = 30;
    let bytes = writer.into_inner();
    assert_eq!(bytes.len() - start, BYTES);
    for bit in start * 8..bytes.len() * 8 {
        let mut changed = bytes.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        let mut reader = SegmentReader::open(&changed[..]).unwrap();
        assert_eq!(reader.next_entry().unwrap(), None, "bit {bit} went unnoticed");
        assert_eq!(reader.end().unwrap().offset(), start as u64);
    }
}

/// A journal in which a match is told once more, of every kind that version 2 has brought.
fn retold(ticks: u32) -> Vec<u8> {
    let (bytes, _) = journal(BYTES);
    let mut reader = SegmentReader::open(&bytes[..]).unwrap();
    let mut lives = Lives::default();
    while let Some(entry) = reader.next_entry().unwrap() {
        lives.take(&entry).unwrap();
        let play = lives.get(ROOM).and_then(|life| life.play.as_ref());
        if play.is_some_and(|play| play.next() == Tick(ticks)) {
            break;
        }
    }
    let life = lives.get(ROOM).unwrap();
    let play = life.play.as_ref().unwrap();
    let resumed = play.resume(sample::registry().get("drift").unwrap().as_ref()).unwrap();
    let mut writer = SegmentWriter::new(Vec::new(), SegmentHeader { node: 2, sequence: 3 });
    writer.append(ROOM, &Record::Room(Box::new(life.room.clone())));
    let again = MatchResumed { started: play.started().clone(), ticks: play.next() };
    writer.append(ROOM, &Record::MatchResumed(Box::new(again)));
    let mut packed = Vec::new();
    resumed.builder.tell(|told| match told {
        Told::Frames { raw } => {
            pack_snapshot(raw, &mut packed);
            assert!(writer.append(ROOM, &Record::Frames { version: REPLAY_VERSION, packed: &packed }));
        }
        Told::State { tick, hash, state } => {
            pack_snapshot(state, &mut packed);
            assert!(writer.append(ROOM, &Record::Snapshot { tick, hash, packed: &packed }));
        }
    });
    pack_snapshot(&resumed.state, &mut packed);
    let (tick, hash) = (play.next(), *resumed.hashes.last().unwrap());
    writer.append(ROOM, &Record::Snapshot { tick, hash, packed: &packed });
    writer.flush().unwrap();
    writer.into_inner()
}

#[test]
fn a_match_that_is_told_once_more_is_the_same_or_not_there() {
    let (bytes, hashes) = (retold(40), hashes_of(&journal(BYTES).0));
    let whole = read(&bytes).unwrap();
    assert_eq!((whole.ticks, whole.hash), (Some(40), Some(hashes[40])));
    for cut in 30..bytes.len() {
        let found = read(&bytes[..cut]).unwrap();
        assert!(found.hash.is_none_or(|hash| hash == hashes[40]), "cut at {cut}: all of it or nothing");
    }
}
