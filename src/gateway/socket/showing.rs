//! What clients are shown of their match, and in which order with what they are told.

use std::sync::Arc;
use std::time::Duration;

use framekeep_gate::StateView;
use framekeep_protocol::{Epoch, LeftReason, RoomEvent, RoomEventKind, ToClient};
use framekeep_sim::{Tick, View, ViewBody};
use serde_json::Value;

use super::deflate::Agreed;
use super::player::{Hall, Player, on_a_still_clock};
use crate::WebConfig;
use crate::stats::Refused;

const MS: Duration = Duration::from_millis(1);

/// A match with so many bodies, each of which moves with each tick.
fn view(tick: u32, bodies: u32) -> Arc<StateView> {
    let body = |id: u32| ViewBody { id, x: (id * 1_000 + tick) as i32, ..ViewBody::default() };
    let view = View { bodies: (1..=bodies).map(body).collect(), scores: Vec::new(), ticks_left: 9 };
    Arc::new(StateView::of(Epoch::new(1), Tick(tick), view))
}

fn chat() -> ToClient {
    ToClient::Event(RoomEvent { number: 1, kind: RoomEventKind::Locked { locked: true } })
}

fn bodies_of(view: &Value) -> (u64, bool, usize, usize) {
    let count = |field: &str| view[field].as_array().map_or(0, Vec::len);
    (view["tick"].as_u64().unwrap(), view["whole"].as_bool().unwrap(), count("bodies"), count("moved"))
}

async fn hear_view(player: &mut Player) -> (u64, bool, usize, usize) {
    bodies_of(&player.hear("view").await)
}

#[test]
fn views_are_shown_whole_and_then_by_what_has_changed() {
    on_a_still_clock(async {
        let hall = Hall::new(WebConfig::default());
        let (mut one, token) = hall.enter().await;
        let (mut two, _) = hall.enter().await;
        for tick in 1..40 {
            tokio::time::sleep(66 * MS).await;
            hall.server.show(&view(tick, 3));
            let wanted = if tick == 1 { (1, true, 3, 0) } else { (tick.into(), false, 0, 3) };
            assert_eq!((hear_view(&mut one).await, hear_view(&mut two).await), (wanted, wanted));
        }
        assert_eq!((hall.front.stats.views.get(), hall.server.skipped_percent(1)), (78, 0));
        drop(one);
        let mut again = hall.resume(&token).await;
        again.hear("resumed").await;
        hall.server.show(&view(40, 3));
        assert_eq!(hear_view(&mut again).await, (40, true, 3, 0), "nobody knows what was seen last");
        assert_eq!(hear_view(&mut two).await, (40, false, 0, 3));
        again.say(&serde_json::json!({ "sync": {} })).await;
        again.say(&serde_json::json!({ "ping": { "nonce": 1 } })).await;
        again.hear("pong").await;
        hall.server.show(&view(41, 3));
        assert_eq!(hear_view(&mut again).await, (41, true, 3, 0));
    });
}

#[test]
fn the_first_view_of_the_next_room_is_whole_though_both_are_in_their_first_match() {
    on_a_still_clock(async {
        let hall = Hall::new(WebConfig::default());
        let (mut player, _) = hall.enter().await;
        hall.server.show(&view(1, 3));
        assert_eq!(hear_view(&mut player).await, (1, true, 3, 0));
        tokio::time::sleep(66 * MS).await;
        hall.server.tell(&ToClient::Left { reason: LeftReason::Asked });
        player.hear("left").await;
        tokio::time::sleep(66 * MS).await;
        hall.server.show(&view(2, 3));
        assert_eq!(hear_view(&mut player).await, (2, true, 3, 0));
    });
}

#[test]
fn what_is_told_in_a_turn_comes_before_what_is_shown_in_it() {
    on_a_still_clock(async {
        let hall = Hall::new(WebConfig::default());
        let (mut player, _) = hall.enter().await;
        for tick in 1..20 {
            // Now within the time in which messages are gathered, now after it.
            tokio::time::sleep(tick % 4 * MS).await;
            hall.server.tell_and_show(&chat(), &view(tick, 1));
            let batch = player.batch().await;
            let kinds: Vec<_> = batch.iter().map(|one| one.get("event").is_some()).collect();
            assert_eq!(kinds, [true, false], "{batch:?}");
            assert_eq!(bodies_of(&batch[1]["view"]).0, u64::from(tick));
        }
    });
}

#[test]
fn nothing_is_shown_of_a_room_after_it_was_left() {
    on_a_still_clock(async {
        let hall = Hall::new(WebConfig { batch_within: 50 * MS, ..WebConfig::default() });
        let (mut player, _) = hall.enter().await;
        tokio::time::sleep(66 * MS).await;
        hall.server.show(&view(1, 1));
        hear_view(&mut player).await;
        // Within the time in which messages are gathered.
        hall.server.show(&view(2, 1));
        hall.server.tell(&ToClient::Left { reason: LeftReason::Asked });
        let batch = player.batch().await;
        assert!(batch.len() == 1 && batch[0].get("left").is_some(), "{batch:?}");
        hall.server.show(&view(1, 2));
        assert_eq!(hear_view(&mut player).await, (1, true, 2, 0), "what comes next is of the next room");
    });
}

#[test]
fn a_view_right_after_a_frame_waits_until_frames_may_follow() {
    on_a_still_clock(async {
        let hall = Hall::new(WebConfig { batch_within: 5 * MS, ..WebConfig::default() });
        let (mut player, _) = hall.enter().await;
        tokio::time::sleep(66 * MS).await;
        hall.server.show(&view(1, 1));
        hear_view(&mut player).await;
        let age = player.age();
        hall.server.show(&view(2, 1));
        hall.server.show(&view(3, 1));
        assert_eq!(hear_view(&mut player).await, (3, false, 0, 1), "the newest stands for all");
        assert_eq!(player.age() - age, 5 * MS);
        assert!(hall.server.skipped_percent(1) > 0);
    });
}

#[test]
fn who_reads_nothing_holds_up_nobody_and_is_given_up() {
    on_a_still_clock(async {
        let hall = Hall::new(WebConfig::default());
        let (mut quick, _) = hall.enter().await;
        let mut slow = hall.connect_narrow(4 << 10).await;
        slow.authenticate().await;
        slow.hear("welcome").await;
        let within = WebConfig::default().write_within;
        let ticks = (within.as_millis() / 66) as u32 + 120;
        for tick in 1..ticks {
            tokio::time::sleep(66 * MS).await;
            hall.server.show(&view(tick, 20));
            assert_eq!(hear_view(&mut quick).await.0, u64::from(tick));
        }
        assert_eq!(hall.front.stats.refused[Refused::TooSlow as usize].get(), 1);
        assert_eq!(hall.server.skipped_percent(1), 0);
        assert_eq!(slow.until_over().await.reason, "", "what it was to be told found no room");
    });
}

#[test]
fn who_has_room_for_half_a_view_sees_whole_ones() {
    on_a_still_clock(async {
        let hall = Hall::new(WebConfig::default());
        for room in [300, 512, 700, 1_024] {
            let mut player = hall.connect_narrow(room).await;
            player.authenticate().await;
            player.hear("welcome").await;
            let mut last = 0;
            for tick in (1..60).step_by(3) {
                for tick in tick..tick + 3 {
                    tokio::time::sleep(66 * MS).await;
                    hall.server.show(&view(tick, 4));
                }
                // Reads one of three: what it reads is whole, and newer each time.
                let (seen, ..) = hear_view(&mut player).await;
                assert!(seen > last, "{seen} after {last}");
                last = seen;
            }
        }
    });
}

#[test]
fn packed_views_are_passed_on_by_the_task_that_packs_them() {
    on_a_still_clock(async {
        let hall = Hall::new(WebConfig::default());
        let mut player = hall.connect_packing(Some(Agreed { window_bits: 12 })).await;
        player.authenticate().await;
        player.hear("welcome").await;
        for tick in 1..20 {
            tokio::time::sleep(66 * MS).await;
            hall.server.show(&view(tick, 9));
            assert_eq!(hear_view(&mut player).await.0, u64::from(tick));
        }
        assert!(player.packed >= 20);
    });
}
