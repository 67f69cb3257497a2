//! Everything about a connection that takes time: in virtual time, to the second, with what its client is told.

use std::sync::atomic::Ordering;
use std::time::Duration;

use framekeep_protocol::{CloseReason, ToClient};
use tokio::time::Instant;

use super::player::{Hall, Over, PING, Player, on_a_still_clock};
use crate::WebConfig;

/// How much later something may be noticed: connections look at their clocks once a second.
const LOOK: Duration = super::LOOK_EVERY;
const MS: Duration = Duration::from_millis(1);

const fn s(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn over(reason: &str, code: u16, at: Duration) -> Over {
    Over { reason: reason.to_owned(), code: Some(code), at }
}

fn is_about(at: Duration, wanted: Duration) -> bool {
    (wanted..=wanted + LOOK + MS).contains(&at)
}

#[test]
fn who_does_not_say_in_time_who_it_is_is_too_late() {
    assert_eq!(WebConfig::default().authenticate_within, s(5));
    for within in [s(5), s(2)] {
        on_a_still_clock(async {
            let hall = Hall::new(WebConfig { authenticate_within: within, ..WebConfig::default() });
            let mut silent = hall.connect().await;
            assert_eq!(silent.until_over().await, over("too_late", 1_008, within));
            // Pings are no answer.
            let mut chatty = hall.connect().await;
            for second in 1..within.as_secs() {
                chatty.send(PING, b"still here").await;
                chatty.until(s(second)).await;
            }
            assert_eq!(chatty.until_over().await, over("too_late", 1_008, within));
            assert_eq!(hall.server.orders(), [""; 0], "the server hears nothing of them");
            let mut quick = hall.connect().await;
            quick.until(within - MS).await;
            quick.authenticate().await;
            quick.hear("welcome").await;
        });
    }
}

/// When a client that answers nothing from some time on is pinged after that, and when it loses its connection.
async fn falls_silent(hall: &Hall, after: Duration) -> (Vec<Duration>, Duration, String) {
    let (mut player, token) = hall.enter().await;
    player.until(after).await;
    (player.answers, player.pings) = (false, Vec::new());
    let end = player.until_over().await;
    assert_eq!((end.reason.as_str(), end.code), ("", None), "nobody is there to be told anything");
    // It heard the last pings before it fell silent.
    (player.pings.iter().map(|at| at.saturating_sub(after)).collect(), end.at - after, token)
}

#[test]
fn who_is_silent_is_pinged_after_30_s_and_dropped_after_60() {
    let web = WebConfig::default();
    assert_eq!((web.ping_after, web.drop_after), (s(30), s(60)));
    on_a_still_clock(async {
        let hall = Hall::new(web);
        // A round trip is asked for each 5 s, so that this begins 2 s after an answer.
        let (pings, end, token) = falls_silent(&hall, s(302)).await;
        assert!(pings.iter().any(|at| is_about(*at, s(28))), "pinged after 30 s of silence: {pings:?}");
        assert!(is_about(end, s(58)), "{end:?}");
        assert!(hall.server.orders().contains(&"Away(WebLinkId(1), true)".to_owned()), "its seat is held");
        hall.resume(&token).await.hear("resumed").await;
    });
}

#[test]
fn how_soon_who_is_silent_is_pinged_and_dropped_can_be_changed() {
    on_a_still_clock(async {
        let web = WebConfig { ping_after: s(2), drop_after: s(4), ..WebConfig::default() };
        let (pings, end, _) = falls_silent(&Hall::new(web), s(101)).await;
        assert!(
            pings.len() == 1 && is_about(pings[0], s(1)),
            "silent for 1 s before, pinged once: {pings:?}"
        );
        assert!(is_about(end, s(3)), "{end:?}");
    });
}

#[test]
fn who_answers_pings_is_not_dropped_and_lives_for_a_day() {
    assert_eq!(WebConfig::default().life_max, s(86_400));
    on_a_still_clock(async {
        let hall = Hall::new(WebConfig::default());
        let (mut player, token) = hall.enter().await;
        let end = player.until_over().await;
        assert!(is_about(end.at, s(86_400)), "{end:?}");
        assert_eq!((end.reason.as_str(), end.code), ("expired", Some(1_008)));
        assert_eq!(hall.resume(&token).await.until_over().await.reason, "unknown_session");
        assert!(hall.server.orders().contains(&"Close(WebLinkId(1))".to_owned()));
    });
}

#[test]
fn a_session_that_is_resumed_lives_no_longer_for_it() {
    on_a_still_clock(async {
        let hall = Hall::new(WebConfig { life_max: s(90), ..WebConfig::default() });
        let begun = Instant::now();
        let (player, token) = hall.enter().await;
        cut(&hall, player, s(50)).await;
        tokio::time::sleep(s(8)).await;
        let mut again = hall.resume(&token).await;
        again.hear("resumed").await;
        assert_eq!(again.until_over().await.reason, "expired");
        assert!(is_about(begun.elapsed(), s(90)), "{:?}", begun.elapsed());
    });
}

/// Cuts a connection off at some time, and waits until the server has been told.
async fn cut(hall: &Hall, mut player: Player, at: Duration) {
    player.until(at).await;
    drop(player);
    while !hall.server.orders().iter().any(|order| order.starts_with("Away(") && order.ends_with("true)")) {
        tokio::task::yield_now().await;
    }
}

#[test]
fn a_resume_just_in_time_goes_on_and_one_that_is_late_does_not() {
    assert_eq!(WebConfig::default().resume_within, s(10));
    for within in [s(10), s(3)] {
        on_a_still_clock(async {
            let hall = Hall::new(WebConfig { resume_within: within, ..WebConfig::default() });
            // Sessions are looked through once a second, as they are in a server.
            tokio::spawn(crate::alerts::watch(hall.front.clone()));
            for (wait, goes_on) in [(within - MS, true), (within, false), (within + s(1), false)] {
                let (player, token) = hall.enter().await;
                cut(&hall, player, s(1)).await;
                tokio::time::sleep(wait).await;
                let mut again = hall.resume(&token).await;
                if goes_on {
                    again.hear("resumed").await;
                    again.until(s(100)).await;
                    continue;
                }
                assert_eq!(
                    again.until_over().await,
                    over("unknown_session", 1_008, Duration::ZERO),
                    "{wait:?}"
                );
                let orders = hall.server.orders();
                assert!(
                    orders.iter().any(|order| order.starts_with("Close(")),
                    "its link is closed: {orders:?}"
                );
            }
        });
    }
}

#[test]
fn without_time_to_resume_a_session_ends_with_its_connection() {
    on_a_still_clock(async {
        let hall = Hall::new(WebConfig { resume_within: s(0), ..WebConfig::default() });
        let (player, token) = hall.enter().await;
        cut(&hall, player, s(1)).await;
        assert_eq!(hall.resume(&token).await.until_over().await.reason, "unknown_session");
    });
}

#[test]
fn who_does_nothing_for_too_long_hears_that_it_was_idle() {
    on_a_still_clock(async {
        let hall = Hall::new(WebConfig::default());
        let (mut player, token) = hall.enter().await;
        player.until(s(7)).await;
        // How long that is, the server knows.
        hall.server.tell(&ToClient::Closing { reason: CloseReason::Idle });
        assert_eq!(player.until_over().await, over("idle", 1_008, s(7)));
        assert_eq!(hall.resume(&token).await.until_over().await.reason, "unknown_session");
    });
}

#[test]
fn a_resume_that_the_server_is_slow_to_follow_loses_nothing() {
    on_a_still_clock(async {
        let hall = Hall::new(WebConfig { authenticate_within: s(2), ..WebConfig::default() });
        let (player, token) = hall.enter().await;
        cut(&hall, player, s(1)).await;
        hall.server.is_full.store(true, Ordering::Relaxed);
        let mut again = hall.connect().await;
        again.until(s(2) - MS).await;
        again.resume(&token).await;
        again.hear("resumed").await;
        assert!(again.age() > s(2), "it took longer than a client may: {:?}", again.age());
        hall.server.is_full.store(false, Ordering::Relaxed);
        again.until(s(30)).await;
        // And so it does when the connection that has taken the session is gone meanwhile.
        drop(again);
        hall.resume(&token).await.hear("resumed").await;
    });
}

#[test]
fn a_server_that_takes_no_orders_or_does_not_answer_is_busy() {
    on_a_still_clock(async {
        let hall = Hall::new(WebConfig::default());
        hall.server.is_full.store(true, Ordering::Relaxed);
        let mut player = hall.connect().await;
        player.authenticate().await;
        let end = player.until_over().await;
        assert_eq!((end.reason.as_str(), end.code), ("busy", Some(1_013)));
        assert!(is_about(end.at, s(1)), "{end:?}");
        hall.server.is_full.store(false, Ordering::Relaxed);
        hall.server.is_silent.store(true, Ordering::Relaxed);
        let mut player = hall.connect().await;
        player.authenticate().await;
        assert_eq!(player.until_over().await, over("busy", 1_013, s(5)));
        let orders = hall.server.orders();
        assert_eq!(orders.len(), 2, "{orders:?}");
        assert_eq!(orders[1], "Close(WebLinkId(2))", "whatever becomes of it, it is closed");
    });
}
