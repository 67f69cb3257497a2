//! Every control message comes back, within its bounds, and no bytes do harm.

use framekeep_sim::Outcome;
use proptest::prelude::*;

use super::*;
use crate::{ClosedReason, EndReason, Member, RoomEventKind, RoomId, RoomPhase, SPECTATOR_SEAT};

fn name() -> PlayerName {
    "Ada".parse().unwrap()
}

fn room_name() -> RoomName {
    "the den".parse().unwrap()
}

fn options() -> RoomOptions {
    let (content, code) = ("pit".to_owned(), "c".repeat(ROOM_CODE_BYTES_MAX));
    RoomOptions { content, code, tick_rate_hz: 30, send_every_ticks: 1, ..RoomOptions::new("arena", 4) }
}

fn hello(games: usize, name_bytes: usize) -> ToServer {
    let game = GameRules { name: "g".repeat(name_bytes), fingerprint: u64::MAX };
    ToServer::Hello { protocol_version: 1, nonce: [7; 16], name: name(), games: vec![game; games] }
}

fn to_server() -> Vec<ToServer> {
    vec![
        hello(GAMES_MAX, 50),
        hello(0, 0),
        ToServer::Join(JoinRoom::seat(room_name(), None)),
        ToServer::Join(JoinRoom {
            code: "c".to_owned(),
            spectate: true,
            ..JoinRoom::seat(room_name(), None)
        }),
        ToServer::Join(JoinRoom::seat(room_name(), Some(options()))),
        ToServer::Ready { ready: true },
        ToServer::Choose { content: "pit".to_owned() },
        ToServer::Abort,
        ToServer::Reserve { player: PlayerId(9) },
        ToServer::Kick { player: PlayerId(9), ban: true },
        ToServer::HandOver { player: PlayerId(9) },
        ToServer::Lock { locked: true },
        ToServer::Chat { text: "x".repeat(CHAT_BYTES_MAX) },
        ToServer::Close,
        ToServer::Leave,
        ToServer::Start,
        ToServer::PlayAgain,
        ToServer::NeedSnapshot { epoch: Epoch::new(15) },
        ToServer::Bye,
        ToServer::DesyncAnswer(DesyncAnswer::Hashes {
            epoch: Epoch::new(1),
            first: Tick(9),
            hashes: vec![u32::MAX; crate::DESYNC_HASHES_MAX],
        }),
        ToServer::DesyncAnswer(DesyncAnswer::Part {
            epoch: Epoch::new(1),
            tick: Tick(9),
            len: 4_000,
            packed: 2_000,
            offset: 960,
            bytes: vec![8; crate::DESYNC_PART_BYTES],
        }),
        ToServer::DesyncAnswer(DesyncAnswer::NoState { epoch: Epoch::new(1), tick: Tick(9) }),
    ]
}

fn view() -> RoomView {
    let member = Member {
        seat: 1,
        player: PlayerId(8),
        name: name(),
        connected: true,
        host: false,
        ready: true,
        out: false,
    };
    RoomView {
        room: RoomId(5),
        name: room_name(),
        game: "arena".to_owned(),
        seats: 4,
        seat: SPECTATOR_SEAT,
        phase: RoomPhase::Playing,
        members: vec![member; 4],
        content: "pit".to_owned(),
        start: StartRule::Ready,
        locked: true,
        private: false,
        watchers: vec![crate::Watcher { player: PlayerId(9), name: name() }; 2],
        kept: vec![PlayerId(10)],
        event: 700,
    }
}

fn start() -> MatchStart {
    MatchStart {
        room: RoomId(5),
        epoch: Epoch::new(2),
        game: "arena".to_owned(),
        fingerprint: 0xfeed,
        input_bits: 12,
        content: vec![9; crate::CONTENT_SENT_BYTES_MAX],
        seed: u64::MAX,
        seats: 4,
        seat: 3,
        tick_rate_hz: 30,
        send_every_ticks: 1,
        input_repeat_ticks_max: 15,
        next: Tick(77),
        due_in_us: 12_345,
    }
}

fn redirect() -> Redirect {
    let address = "a".repeat(crate::REDIRECT_ADDRESS_BYTES_MAX);
    Redirect { room: room_name(), tick: Tick(9), address, token: vec![7; crate::REDIRECT_TOKEN_BYTES_MAX] }
}

fn to_client() -> Vec<ToClient> {
    let outcome = Some(Outcome { scores: vec![1, -2, 3], winner: None });
    let (epoch, hash, reason) = (Epoch::new(2), 5, EndReason::Outcome);
    vec![
        ToClient::Welcome { protocol_version: 1, nonce: [1; 16], server: "framekeep 0.1.0".to_owned() },
        ToClient::Admitted { player: PlayerId(u64::MAX) },
        ToClient::Refused(Refusal::WrongVersion { server: 1, client: 2 }),
        ToClient::Joined(view()),
        ToClient::Room(view()),
        ToClient::Left { reason: LeftReason::RoomClosed },
        ToClient::Event(RoomEvent {
            number: 9,
            kind: RoomEventKind::Chat { player: None, text: "hi".to_owned() },
        }),
        ToClient::Event(RoomEvent { number: 10, kind: RoomEventKind::Closed(ClosedReason::Expired) }),
        ToClient::Event(RoomEvent { number: 11, kind: RoomEventKind::Elsewhere { node: "n".repeat(64) } }),
        ToClient::Left { reason: LeftReason::Elsewhere },
        ToClient::Started(start()),
        ToClient::Ended(MatchEnd { epoch, ticks: Tick(9), hash, outcome, reason }),
        ToClient::Desynced { epoch, tick: Tick(70), expected: 1, got: 2 },
        ToClient::Closing { reason: CloseReason::TakenOver },
        ToClient::DesyncAsk(DesyncAsk::Hashes { epoch, upto: Tick(70) }),
        ToClient::DesyncAsk(DesyncAsk::State { epoch, tick: Tick(66) }),
        ToClient::Redirect(redirect()),
    ]
}

#[test]
fn every_message_comes_back() {
    for message in to_server() {
        let is_answer = matches!(message, ToServer::DesyncAnswer(_));
        assert_eq!(ToServer::is_desync_answer(&message.encode()), is_answer);
        assert_eq!(ToServer::decode(&message.encode()), Ok(message));
    }
    for message in to_client() {
        assert_eq!(ToClient::decode(&message.encode()), Ok(message));
    }
}

#[test]
fn a_message_is_read_whole_or_not_at_all() {
    for message in to_client() {
        let mut bytes = message.encode();
        assert!(ToClient::decode(&bytes[..bytes.len() - 1]).is_err());
        bytes.push(0);
        assert_eq!(ToClient::decode(&bytes), Err(CodecError::Trailing(1)));
    }
}

#[test]
fn messages_beyond_their_bounds_are_refused() {
    let read = |message: &ToServer| ToServer::decode(&message.encode());
    assert!(matches!(
        read(&hello(17, 1)),
        Err(CodecError::OutOfRange { field: "games", value: 17, min: 0, max: 16 })
    ));
    assert!(matches!(read(&hello(1, 65)), Err(CodecError::OutOfRange { .. })));
    assert!(matches!(read(&hello(16, 64)), Err(CodecError::TooLong { limit: 1_024, .. })));
    let long = RoomOptions { content: "c".repeat(65), ..options() };
    let join = ToServer::Join(JoinRoom::seat(room_name(), Some(long)));
    assert!(matches!(read(&join), Err(CodecError::OutOfRange { value: 65, .. })));
}

#[test]
fn a_start_that_cannot_be_played_is_refused() {
    let read = |start: MatchStart| ToClient::decode(&ToClient::Started(start).encode());
    assert!(read(MatchStart { seat: SPECTATOR_SEAT, ..start() }).is_ok());
    assert!(read(MatchStart { seat: 4, ..start() }).is_err());
    assert!(read(MatchStart { seats: 0, seat: SPECTATOR_SEAT, ..start() }).is_err());
    assert!(read(MatchStart { seats: 65, ..start() }).is_err());
    assert!(read(MatchStart { tick_rate_hz: 0, ..start() }).is_err());
    assert!(read(MatchStart { send_every_ticks: 0, ..start() }).is_err());
    assert!(read(MatchStart { input_bits: 65, ..start() }).is_err());
    assert!(read(MatchStart { input_bits: 0, ..start() }).is_err());
    for crowd in [RoomView { seats: 3, ..view() }, RoomView { kept: vec![PlayerId(1); 5], ..view() }] {
        assert!(ToClient::decode(&ToClient::Room(crowd).encode()).is_err());
    }
}

#[test]
fn lists_that_claim_to_be_long_take_no_memory() {
    // A hello that claims 2^32 - 1 games.
    let mut bytes = ToServer::encode(&hello(0, 0));
    bytes.pop();
    bytes.extend_from_slice(&[252, 0xff, 0xff, 0xff, 0xff]);
    assert!(matches!(ToServer::decode(&bytes), Err(CodecError::Malformed(_))));
}

fn mutated(messages: Vec<Vec<u8>>) -> impl Strategy<Value = Vec<u8>> {
    let changes = prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..8);
    (prop::sample::select(messages), changes, any::<prop::sample::Index>(), any::<bool>()).prop_map(
        |(mut bytes, changes, cut, is_cut)| {
            let front = bytes.len().min(300);
            changes.into_iter().for_each(|(at, byte)| bytes[at.index(front)] = byte);
            let len = if is_cut { cut.index(bytes.len()) } else { bytes.len() };
            bytes[..len].to_vec()
        },
    )
}

proptest! {
    #[test]
    fn no_bytes_from_a_client_do_harm(bytes in mutated(to_server().iter().map(ToServer::encode).collect())) {
        if let Ok(message) = ToServer::decode(&bytes) {
            prop_assert_eq!(ToServer::decode(&message.encode()), Ok(message));
        }
    }

    #[test]
    fn no_bytes_from_a_server_do_harm(bytes in mutated(to_client().iter().map(ToClient::encode).collect())) {
        if let Ok(message) = ToClient::decode(&bytes) {
            prop_assert_eq!(ToClient::decode(&message.encode()), Ok(message));
        }
    }

    #[test]
    fn random_bytes_do_no_harm(bytes in prop::collection::vec(any::<u8>(), 0..1_100)) {
        let _ = (ToServer::decode(&bytes), ToClient::decode(&bytes), crate::Snapshot::decode(&bytes));
    }
}

#[test]
fn a_redirect_beyond_its_bounds_is_refused() {
    let read = |redirect| ToClient::decode(&ToClient::Redirect(redirect).encode());
    assert!(read(redirect()).is_ok());
    assert!(read(Redirect { address: "a".repeat(257), ..redirect() }).is_err());
    assert!(read(Redirect { token: vec![0; 2_049], ..redirect() }).is_err());
}
