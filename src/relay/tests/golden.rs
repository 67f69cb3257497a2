//! The bytes of every kind of frame, and that they come back.

use std::fmt::Write as _;

use framekeep_protocol::{Epoch, JoinRoom, PlayerId, Role, ToClient, ToServer};
use framekeep_sim::{Tick, View, ViewBody};
use proptest::prelude::*;

use super::stage::{event, watching};
use crate::wire::OpenLink;
use crate::{FrameFault, FrameReader, Shown, TO_FAR_BYTES_MAX, TO_NEAR_BYTES_MAX, ToFar, ToNear};

fn to_far() -> Vec<ToFar> {
    let open = OpenLink {
        link: 7,
        player: PlayerId(9),
        name: "Ada".parse().unwrap(),
        only_room: Some("friday".parse().unwrap()),
        role: Role::Spectator,
        from: [1; 16],
        views_hz: 20,
    };
    vec![
        ToFar::Open(open),
        ToFar::Say(7, 8, ToServer::Join(JoinRoom::seat("friday".parse().unwrap(), None))),
        ToFar::Input(7, Some(Tick(300)), 5),
        ToFar::Sync(7),
        ToFar::Away(7, true),
        ToFar::Close(7),
        ToFar::Repair(1, 2, 3),
        ToFar::Beat(3),
    ]
}

fn to_near() -> Vec<ToNear> {
    let body = ViewBody { id: 1, kind: 2, seat: 3, x: -4, y: 5, angle: 6, half_width: 7, half_height: 8 };
    let view = View { bodies: vec![body], scores: vec![-1], ticks_left: 9 };
    let shown = Shown { epoch: Epoch::new(1), tick: Tick(2), view };
    vec![
        ToNear::Told(7, 8, watching(3)),
        ToNear::Shown(vec![7, 8], shown.clone()),
        ToNear::Watches(7, 1, 2),
        ToNear::Gone(7),
        ToNear::Stream(1, 2, event(4)),
        ToNear::View(1, 2, shown),
        ToNear::Head(1, 2),
        ToNear::Afresh(1, 2),
        ToNear::Beat(3),
    ]
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

const TO_FAR: [&str; 8] = [
    "21000000000709034164610106667269646179010101010101010101010101010101010114",
    "0e0000000107080106667269646179000000",
    "07000000020701fb2c0105",
    "020000000307",
    "03000000040701",
    "020000000507",
    "0400000006010203",
    "020000000703",
];
const TO_NEAR: [&str; 9] = [
    "1d000000000708030506667269646179056172656e6102ff030000000000000003",
    "1200000001020708010201010203070a060e10010109",
    "0400000002070102",
    "020000000307",
    "0f000000040102050410000774686520347468",
    "11000000050102010201010203070a060e10010109",
    "03000000060102",
    "03000000070102",
    "020000000803",
];

#[test]
fn the_bytes_of_frames_stay_as_they_are() {
    let far: Vec<_> = to_far().iter().map(|message| hex(&message.frame())).collect();
    assert_eq!(far, TO_FAR, "what crosses has changed: raise RELAY_VERSION");
    let near: Vec<_> = to_near().iter().map(|message| hex(&message.frame().unwrap())).collect();
    assert_eq!(near, TO_NEAR, "what crosses has changed: raise RELAY_VERSION");
}

#[test]
fn every_message_comes_back() {
    for message in to_far() {
        assert_eq!(ToFar::decode(&message.frame()[4..]), Ok(message));
    }
    for message in to_near() {
        assert_eq!(ToNear::decode(&message.frame().unwrap()[4..]), Ok(message));
    }
}

#[test]
fn what_a_client_may_not_say_no_node_may_say_for_it() {
    let long = ToFar::Say(1, 1, ToServer::Chat { text: "x".repeat(257) });
    assert!(ToFar::decode(&long.frame()[4..]).is_err());
    let huge = View { bodies: vec![ViewBody::default(); 200_000], ..View::default() };
    let shown = Shown { epoch: Epoch::new(1), tick: Tick(2), view: huge };
    assert_eq!(ToNear::Shown(vec![1], shown).frame(), None, "it is not sent");
    let wrong =
        ToNear::Told(1, 0, ToClient::Welcome { protocol_version: 1, nonce: [0; 16], server: "x".repeat(65) });
    assert!(ToNear::decode(&wrong.frame().unwrap()[4..]).is_err());
}

#[test]
fn a_frame_over_the_limit_ends_the_stream() {
    let mut reader = FrameReader::new(TO_FAR_BYTES_MAX);
    reader.push(&(TO_FAR_BYTES_MAX as u32 + 1).to_le_bytes());
    let fault = FrameFault::TooLong { bytes: TO_FAR_BYTES_MAX + 1, limit: TO_FAR_BYTES_MAX };
    assert_eq!(reader.next_body(), Err(fault));
}

proptest! {
    /// However the bytes arrive, the same frames come out.
    #[test]
    fn frames_are_cut_alike(pieces in prop::collection::vec(1_usize..40, 1..60)) {
        let mut bytes: Vec<u8> = Vec::new();
        to_near().iter().for_each(|message| bytes.extend(message.frame().unwrap()));
        let (mut reader, mut got, mut rest) = (FrameReader::new(TO_NEAR_BYTES_MAX), Vec::new(), &bytes[..]);
        for piece in pieces.into_iter().cycle() {
            let (now, later) = rest.split_at(piece.min(rest.len()));
            reader.push(now);
            rest = later;
            while let Some(body) = reader.next_body().unwrap() {
                got.push(ToNear::decode(body).unwrap());
            }
            if rest.is_empty() {
                break;
            }
        }
        prop_assert_eq!(got, to_near());
    }

    #[test]
    fn no_bytes_do_harm(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = (ToFar::decode(&bytes), ToNear::decode(&bytes), crate::Greeting::decode(&bytes));
    }
}
