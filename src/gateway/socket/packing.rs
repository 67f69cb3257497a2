//! A connection with packed messages: what is packed too well, not at all, or in pieces.

use zlib_rs::{Deflate, DeflateFlush};

use super::deflate::Agreed;
use super::player::{Hall, PACKED, PING, Player, on_a_still_clock};
use crate::WebConfig;

const AGREED: Agreed = Agreed { window_bits: 12 };

/// A text as a client packs it.
fn packed(text: &[u8]) -> Vec<u8> {
    let mut out = vec![0; text.len() + 64];
    let mut deflate = Deflate::new(9, false, 15);
    deflate.compress(text, &mut out, DeflateFlush::SyncFlush).expect("it can be packed");
    out.truncate(deflate.total_out() as usize - 4);
    out
}

/// Says who it is in a packed message of three frames, with a ping in the middle.
async fn authenticate_in_pieces(player: &mut Player) {
    let ticket = "A".repeat(342);
    let said = packed(format!("{{\"authenticate\":{{\"ticket\":\"{ticket}\"}}}}").as_bytes());
    let (first, rest) = said.split_at(3);
    let (second, third) = rest.split_at(rest.len() / 2);
    player.send(0x41, first).await;
    player.send(PING, b"meanwhile").await;
    player.send(0, second).await;
    player.send(0x80, third).await;
}

#[test]
fn packed_messages_are_heard_and_what_holds_too_much_is_too_large() {
    on_a_still_clock(async {
        let hall = Hall::new(WebConfig::default());
        let mut player = hall.connect_packing(Some(AGREED)).await;
        authenticate_in_pieces(&mut player).await;
        player.hear("welcome").await;
        assert_eq!(player.packed, 1);
        player.send(PACKED, &packed(b"{\"ping\":{\"nonce\":7}}")).await;
        assert_eq!(player.hear("pong").await["nonce"], 7);
        player.send(PACKED, &packed(&vec![b' '; 1 << 20])).await;
        let end = player.until_over().await;
        assert_eq!((end.reason.as_str(), end.code), ("too_large", Some(1_009)));
        let metrics = hall.front.stats.samples().0;
        let refused = metrics.iter().find(|one| one.labels.contains(&("rule", "too_large"))).expect("a rule");
        assert_eq!(refused.value, 1.0);
    });
}

#[test]
fn who_has_not_said_who_it_is_is_told_nothing_packed() {
    on_a_still_clock(async {
        let hall = Hall::new(WebConfig::default());
        let mut player = hall.connect_packing(Some(AGREED)).await;
        let token = "A".repeat(22);
        let said = format!("{{\"resume\":{{\"token\":\"{token}\",\"last_id\":0}}}}");
        player.send(PACKED, &packed(said.as_bytes())).await;
        assert_eq!(player.until_over().await.reason, "unknown_session");
        assert_eq!(player.packed, 0, "no compressor was made for it");
    });
}

#[test]
fn reserved_bits_and_a_message_that_was_cut_break_the_connection() {
    on_a_still_clock(async {
        let hall = Hall::new(WebConfig::default());
        let said = packed(b"{\"ping\":{\"nonce\":7}}");
        for (last, bytes) in [(0x80 | 0x20, &said[2..]), (0x80, &said[2..said.len() - 3])] {
            let mut player = hall.connect_packing(Some(AGREED)).await;
            authenticate_in_pieces(&mut player).await;
            player.hear("welcome").await;
            player.send(0x41, &said[..2]).await;
            player.send(last, bytes).await;
            assert_eq!(player.until_over().await.code, None, "{last:#x}");
        }
    });
}

#[test]
fn what_cannot_be_unpacked_breaks_the_connection_and_the_session_waits() {
    on_a_still_clock(async {
        let hall = Hall::new(WebConfig::default());
        let mut player = hall.connect_packing(Some(AGREED)).await;
        authenticate_in_pieces(&mut player).await;
        player.send(PACKED, &[0xff; 20]).await;
        assert_eq!(player.until_over().await.code, None);
        assert!(hall.server.orders().contains(&"Away(WebLinkId(1), true)".to_owned()));
    });
}

#[test]
fn without_an_agreement_a_packed_message_breaks_the_connection() {
    on_a_still_clock(async {
        let hall = Hall::new(WebConfig::default());
        let (mut player, _) = hall.enter().await;
        player.send(PACKED, &packed(b"{\"ping\":{\"nonce\":7}}")).await;
        assert_eq!(player.until_over().await.code, None);
    });
}
