//! The rules by example.

use framekeep_protocol::PlayerId;

use super::{events, formed, matcher, party, players, solo};
use crate::{
    Backfill, Ended, Event, Fewer, FreeSeats, Hindrance, Match, Mode, PartyMember, Refused, RegionLatency,
    RoleSeats, TicketFault, TicketId, TicketState, Widening,
};

fn duel() -> Mode {
    Mode { rating: Widening { start: 100, per_s: 50, max: 400 }, ..Mode::new("arena", "duel", 2, 1) }
}

fn asking() -> Mode {
    Mode { ready_check_ms: 5_000, ..Mode::new("arena", "duel", 2, 1) }
}

fn id(number: u128) -> TicketId {
    TicketId(number)
}

#[test]
fn limits_widen_with_age_and_hold_for_both() {
    let mut matcher = matcher([duel()]);
    matcher.submit(0, solo(1, "duel", 1_000)).unwrap();
    matcher.submit(3_000, solo(2, "duel", 1_200)).unwrap();
    matcher.round(4_999);
    assert!(formed(&mut matcher).is_empty(), "the younger one allows 150 only");
    matcher.round(5_000);
    assert_eq!(players(&formed(&mut matcher)[0]), [1, 2]);
}

#[test]
fn the_same_ticket_has_the_same_answer_wherever_it_is_in_its_life() {
    let mut matcher = matcher([duel()]);
    let first = matcher.submit(0, solo(1, "duel", 1_000)).unwrap();
    assert_eq!(matcher.submit(50, solo(1, "duel", 1_000)), Ok(first));
    assert_eq!(matcher.submit(60, solo(1, "duel", 1_001)), Err(Refused::OtherTicket(id(1))));
    matcher.submit(70, solo(2, "duel", 1_000)).unwrap();
    matcher.round(80);
    let of = formed(&mut matcher)[0].id;
    let view = matcher.submit(90, solo(1, "duel", 1_000)).unwrap();
    assert_eq!((view.state, view.revision > first.revision), (TicketState::Matched { of }, true));
    assert_eq!(matcher.cancel(100, id(1)), Err(Refused::AlreadyMatched { ticket: id(1), of }));
}

#[test]
fn a_player_waits_by_one_ticket() {
    let mut matcher = matcher([duel()]);
    matcher.submit(0, solo(1, "duel", 1_000)).unwrap();
    let again = crate::Ticket { id: id(7), ..solo(1, "duel", 1_000) };
    let refused = Refused::PlayerWaits { player: PlayerId(1), ticket: id(1) };
    assert_eq!(matcher.submit(1, again.clone()), Err(refused));
    matcher.cancel(2, id(1)).unwrap();
    assert!(matcher.submit(3, again).is_ok());
}

#[test]
fn parties_are_packed_into_teams() {
    let mut matcher = matcher([Mode::new("arena", "fives", 2, 5)]);
    for (first, size) in [(10, 3), (20, 3), (30, 3), (40, 2), (50, 2)] {
        matcher.submit(first, party(first, size, "fives", 1_000)).unwrap();
    }
    matcher.round(100);
    let of = &formed(&mut matcher)[0];
    assert_eq!(players(of), [10, 11, 12, 20, 21, 22, 40, 41, 50, 51]);
    let team = |player: u64| of.places.iter().find(|place| place.player.0 == player).unwrap().team;
    assert!(team(10) == team(12) && team(20) == team(22) && team(10) != team(20));
}

#[test]
fn teams_are_of_alike_strength() {
    let mut matcher = matcher([Mode::new("arena", "pairs", 2, 2)]);
    for (player, rating) in [(1, 1_000), (2, 1_010), (3, 1_500), (4, 1_490)] {
        matcher.submit(0, solo(player, "pairs", rating)).unwrap();
    }
    matcher.round(0);
    let of = &formed(&mut matcher)[0];
    let team = |player: u64| of.places.iter().find(|place| place.player.0 == player).unwrap().team;
    assert!(team(1) == team(3) && team(2) == team(4), "{of:?}");
}

#[test]
fn the_blocked_do_not_meet() {
    let mut matcher = matcher([duel()]);
    let mut ticket = solo(1, "duel", 1_000);
    ticket.blocked = vec![PlayerId(2)];
    matcher.submit(0, ticket).unwrap();
    matcher.submit(0, solo(2, "duel", 1_000)).unwrap();
    matcher.round(1_000);
    assert!(formed(&mut matcher).is_empty());
    let why = matcher.why(1_000, id(2)).unwrap();
    assert_eq!(why.hindrance, Hindrance::DoNotFit { there: 2, needed: 2 });
    matcher.submit(1_000, solo(3, "duel", 1_000)).unwrap();
    matcher.round(1_000);
    assert_eq!(formed(&mut matcher).len(), 1);
}

#[test]
fn everybody_gets_a_role_of_theirs() {
    let roles = ["guard", "medic"].map(|role| RoleSeats { role: role.to_owned(), seats: 1 }).to_vec();
    let mut matcher = matcher([Mode { roles, ..Mode::new("arena", "raid", 1, 2) }]);
    let with = |number: u64, roles: &[&str]| {
        let mut ticket = solo(number, "raid", 1_000);
        ticket.party[0].roles = roles.iter().map(|role| (*role).to_owned()).collect();
        ticket
    };
    matcher.submit(0, with(1, &["guard"])).unwrap();
    matcher.submit(0, with(2, &["guard"])).unwrap();
    matcher.round(0);
    assert!(formed(&mut matcher).is_empty());
    matcher.submit(0, with(3, &["guard", "medic"])).unwrap();
    matcher.round(0);
    let of = &formed(&mut matcher)[0];
    let roles: Vec<_> = of.places.iter().map(|place| (place.player.0, place.role)).collect();
    assert!(roles.contains(&(1, Some(0))) && roles.contains(&(3, Some(1))), "{roles:?}");
    assert_eq!(matcher.submit(0, with(9, &["bard"])), Err(Refused::UnknownRole { role: "bard".to_owned() }));
    let mut two = with(7, &["medic"]);
    two.party.push(PartyMember { player: PlayerId(8), ..two.party[0].clone() });
    assert_eq!(matcher.submit(0, two), Err(Refused::PartyRoles));
}

#[test]
fn regions_come_into_reach_with_time() {
    let latency_ms = Widening { start: 50, per_s: 50, max: 150 };
    let mut matcher = matcher([Mode { latency_ms, ..Mode::new("arena", "duel", 2, 1) }]);
    let at = |number: u64, regions: &[(&str, u32)]| {
        let mut ticket = solo(number, "duel", 1_000);
        let region = |(region, latency_ms): &(&str, u32)| RegionLatency {
            region: (*region).to_owned(),
            latency_ms: *latency_ms,
        };
        ticket.regions = regions.iter().map(region).collect();
        ticket
    };
    matcher.submit(0, at(1, &[("eu", 20), ("us", 90)])).unwrap();
    matcher.submit(0, at(2, &[("us", 30)])).unwrap();
    matcher.round(0);
    assert!(formed(&mut matcher).is_empty());
    matcher.round(1_000);
    assert_eq!(&*formed(&mut matcher)[0].region, "us");
    let far = matcher.submit(1_000, at(3, &[("asia", 200)]));
    assert_eq!(far, Err(Refused::TooFar { nearest_ms: 200, max_ms: 150 }));
    matcher.submit(1_000, at(4, &[("asia", 120)])).unwrap();
    let why = matcher.why(1_000, id(4)).unwrap();
    assert_eq!(why.hindrance, Hindrance::TooFar { nearest_ms: 120, allowed_ms: 50 });
    assert_eq!(why.widens_at_ms, Some(2_000));
}

#[test]
fn a_match_starts_with_free_seats_after_a_wait() {
    let fewer = Some(Fewer { after_ms: 5_000, team_seats_min: 3, difference_max: 0 });
    let mut matcher = matcher([Mode { fewer, ..Mode::new("arena", "brawl", 1, 8) }]);
    for player in 1..=4 {
        matcher.submit(player * 1_000, solo(player, "brawl", 1_000)).unwrap();
    }
    matcher.round(5_999);
    assert!(formed(&mut matcher).is_empty());
    assert_eq!(matcher.why(5_999, id(1)).unwrap().fewer_at_ms, Some(6_000));
    matcher.round(6_000);
    assert_eq!(players(&formed(&mut matcher)[0]), [1, 2, 3, 4]);
}

#[test]
fn who_does_not_answer_is_out_and_the_others_keep_their_place() {
    let mut matcher = matcher([asking()]);
    for player in 1..=2 {
        matcher.submit(player * 100, solo(player, "duel", 1_000)).unwrap();
    }
    matcher.round(1_000);
    assert!(matches!(events(&mut matcher)[..], [Event::Asked { until_ms: 6_000, .. }]));
    matcher.answer(2_000, id(1), PlayerId(1), true).unwrap();
    let why = matcher.why(2_000, id(2)).unwrap();
    assert_eq!((why.hindrance, why.unanswered), (Hindrance::Answers { there: 1, of: 2 }, vec![PlayerId(2)]));
    matcher.submit(2_500, solo(3, "duel", 1_000)).unwrap();
    matcher.submit(2_500, solo(4, "duel", 1_000)).unwrap();
    matcher.round(6_000);
    let happened = events(&mut matcher);
    assert!(happened.contains(&Event::Ended(id(2), Ended::NoAnswer)), "{happened:?}");
    assert!(happened.contains(&Event::Returned(id(1))), "{happened:?}");
    let Some(Event::Asked { of, .. }) = happened.last() else { panic!("{happened:?}") };
    assert_eq!(players(of), [1, 3], "the one who has waited longest is served first");
    assert_eq!(matcher.view(id(1)).unwrap().queued_at_ms, 100);
    matcher.answer(6_500, id(1), PlayerId(1), true).unwrap();
    matcher.answer(6_500, id(3), PlayerId(3), true).unwrap();
    assert_eq!(formed(&mut matcher).len(), 1);
}

#[test]
fn a_match_that_cannot_be_played_is_given_back() {
    let mut matcher = matcher([duel()]);
    for player in 1..=2 {
        matcher.submit(0, solo(player, "duel", 1_000)).unwrap();
    }
    matcher.round(1_000);
    let of = formed(&mut matcher)[0].id;
    matcher.submit(1_500, crate::Ticket { id: id(9), ..solo(2, "duel", 1_000) }).unwrap();
    matcher.give_back(2_000, of).unwrap();
    assert_eq!(matcher.view(id(2)).unwrap().state, TicketState::Ended(Ended::Superseded));
    matcher.round(2_000);
    assert_eq!(players(&formed(&mut matcher)[0]), [1, 2]);
    assert_eq!(matcher.give_back(2_000, of), Err(Refused::UnknownMatch(of)));
}

fn room(free: u8) -> Backfill {
    Backfill {
        room: "den".to_owned(),
        game: "arena".to_owned(),
        mode: "pairs".to_owned(),
        content: String::new(),
        region: String::new(),
        tick_rate_hz: 0,
        teams: [free, 0].map(|seats| FreeSeats { seats, by_role: Vec::new() }).to_vec(),
        rating: 1_000,
        players: vec![PlayerId(50)],
        blocked: vec![PlayerId(1)],
    }
}

#[test]
fn running_rooms_are_filled_before_new_matches() {
    let mut matcher = matcher([Mode::new("arena", "pairs", 2, 2)]);
    let mut not_running = solo(2, "pairs", 1_000);
    not_running.backfill = false;
    matcher.submit(0, not_running).unwrap();
    for player in [1, 3, 4, 5] {
        matcher.submit(0, solo(player, "pairs", 1_000)).unwrap();
    }
    matcher.open_backfill(0, room(1)).unwrap();
    matcher.round(0);
    let rooms: Vec<_> = formed(&mut matcher).iter().map(|of| (of.room.clone(), players(of))).collect();
    assert_eq!(rooms, [(Some("den".into()), vec![3]), (None, vec![1, 2, 4, 5])]);
    matcher.submit(1, solo(6, "pairs", 1_000)).unwrap();
    matcher.round(1);
    assert!(formed(&mut matcher).is_empty(), "the seat is taken");
    matcher.open_backfill(2, room(1)).unwrap();
    matcher.round(2);
    assert_eq!(formed(&mut matcher).len(), 1);
    assert_eq!(matcher.close_backfill(3, "den"), Ok(()));
    assert_eq!(matcher.close_backfill(3, "den"), Err(Refused::UnknownRoom("den".to_owned())));
}

#[test]
fn tickets_run_out_and_are_forgotten() {
    let mut matcher = matcher([duel()]);
    let ticket = crate::Ticket { wait_ms_max: 10_000, ..solo(1, "duel", 1_000) };
    matcher.submit(0, ticket).unwrap();
    matcher.round(9_999);
    assert_eq!(matcher.len(), 1);
    matcher.round(10_000);
    assert_eq!(events(&mut matcher), [Event::Ended(id(1), Ended::Expired)]);
    assert!(matcher.view(id(1)).is_some() && matcher.is_empty());
    matcher.round(70_000);
    assert!(matcher.view(id(1)).is_none());
}

#[test]
fn higher_priority_is_served_first() {
    let mut matcher = matcher([Mode::new("arena", "duel", 2, 1)]);
    for player in 1..=2 {
        matcher.submit(0, solo(player, "duel", 1_000 + player as i32 * 10)).unwrap();
    }
    matcher.submit(5, crate::Ticket { priority: 1, ..solo(3, "duel", 1_022) }).unwrap();
    matcher.round(5);
    assert_eq!(players(&formed(&mut matcher)[0]), [2, 3]);
}

#[test]
fn what_nobody_could_serve_is_refused() {
    let mut matcher = matcher([duel()]).with_tickets_max(1);
    let fault = |ticket: crate::Ticket| ticket.validate().unwrap_err();
    assert!(matches!(fault(party(1, 9, "duel", 0)), TicketFault::OutOfRange { field: "party", .. }));
    assert_eq!(fault(solo(1, "duel", 1_000_001)), TicketFault::Rating { rating: 1_000_001 });
    assert_eq!(fault(solo(1, "", 0)), TicketFault::Word { field: "mode", bytes: 0 });
    assert_eq!(fault(solo(1, "du\nel", 0)), TicketFault::Control { field: "mode" });
    let mut twice = party(1, 2, "duel", 0);
    twice.party[1].player = PlayerId(1);
    assert_eq!(fault(twice), TicketFault::Twice { field: "party" });
    let mut itself = solo(1, "duel", 0);
    itself.blocked = vec![PlayerId(1)];
    assert_eq!(fault(itself), TicketFault::BlocksItself { player: PlayerId(1) });
    assert_eq!(matcher.submit(0, party(1, 2, "duel", 0)), Err(Refused::PartyTooLarge { size: 2, max: 1 }));
    assert!(matches!(matcher.submit(0, solo(1, "chess", 0)), Err(Refused::UnknownMode { .. })));
    matcher.submit(0, solo(1, "duel", 0)).unwrap();
    assert_eq!(matcher.submit(0, solo(2, "duel", 0)), Err(Refused::QueueFull { limit: 1 }));
}

#[test]
fn queues_say_how_long_others_waited() {
    let mut matcher = matcher([duel()]);
    for player in 1..=2 {
        matcher.submit(0, solo(player, "duel", 1_000)).unwrap();
    }
    matcher.round(4_000);
    let of = formed(&mut matcher)[0].id;
    assert!(matcher.note_started(of) && !matcher.note_started(of), "once");
    let queue = matcher.queues().next().unwrap();
    assert_eq!((queue.formed, queue.matched, queue.tickets, queue.wait_ms_p50), (1, 2, 0, Some(4_000)));
    matcher.submit(5_000, solo(3, "duel", 1_000)).unwrap();
    matcher.round(5_000);
    let why = matcher.why(6_000, id(3)).unwrap();
    assert_eq!((why.hindrance, why.estimate_ms), (Hindrance::TooFew { there: 1, needed: 2 }, Some(3_000)));
    // Who has waited for as long as others is not told that it takes no time at all.
    assert_eq!(matcher.why(9_000, id(3)).unwrap().estimate_ms, None);
}

#[test]
fn a_match_that_is_given_back_counts_as_none() {
    let mut matcher = matcher([duel()]);
    for player in 1..=2 {
        matcher.submit(0, solo(player, "duel", 1_000)).unwrap();
    }
    for now_ms in [1_000, 2_000] {
        matcher.round(now_ms);
        let of = formed(&mut matcher)[0].id;
        matcher.give_back(now_ms, of).unwrap();
        assert!(!matcher.note_started(of), "it is played no more");
    }
    let queue = matcher.queues().next().unwrap();
    assert_eq!((queue.formed, queue.matched, queue.tickets, queue.wait_ms_p50), (0, 0, 2, None));
    matcher.round(3_000);
    let of = formed(&mut matcher)[0].id;
    assert!(matcher.note_started(of));
    let queue = matcher.queues().next().unwrap();
    assert_eq!((queue.formed, queue.matched, queue.wait_ms_p50), (1, 2, Some(3_000)));
}

#[test]
fn what_has_not_been_looked_at_is_not_explained() {
    let mut matcher = matcher([duel()]);
    let why = |matcher: &crate::Matcher, number| matcher.why(0, id(number)).unwrap().hindrance;
    let blocks = |number: u64, other: u64| crate::Ticket {
        blocked: vec![PlayerId(other)],
        ..solo(number, "duel", 1_000)
    };
    matcher.submit(0, blocks(1, 2)).unwrap();
    assert_eq!(why(&matcher, 1), Hindrance::NotYet);
    matcher.round(0);
    assert_eq!(why(&matcher, 1), Hindrance::TooFew { there: 1, needed: 2 });
    matcher.submit(0, blocks(2, 1)).unwrap();
    assert_eq!(why(&matcher, 2), Hindrance::NotYet);
    matcher.round(0);
    assert_eq!(why(&matcher, 2), Hindrance::DoNotFit { there: 2, needed: 2 });
}

#[test]
fn lanes_say_who_waits_for_the_same() {
    let mode = Mode {
        tick_rates_hz: vec![30, 60],
        contents: vec!["pit".to_owned(), "yard".to_owned()],
        latency_ms: Widening { start: 50, per_s: 10, max: 100 },
        ..Mode::new("arena", "duel", 2, 1)
    };
    let mut matcher = matcher([mode]);
    let near = |number, contents: &[&str], tick_rate_hz| crate::Ticket {
        contents: contents.iter().map(|one| (*one).to_owned()).collect(),
        tick_rate_hz,
        regions: vec![
            RegionLatency { region: "eu".to_owned(), latency_ms: 20 },
            RegionLatency { region: "us".to_owned(), latency_ms: 60 },
        ],
        ..solo(number, "duel", 1_000)
    };
    matcher.submit(0, near(1, &["pit"], 60)).unwrap();
    matcher.submit(0, near(2, &[], 30)).unwrap();
    let seen = |matcher: &crate::Matcher| {
        let lane = |lane: crate::LaneView| {
            format!("{} {} {} {}", lane.tick_rate_hz, lane.region, lane.content, lane.players)
        };
        let mut lanes: Vec<_> = matcher.lanes().map(lane).collect();
        lanes.sort_unstable();
        lanes
    };
    assert_eq!(seen(&matcher), ["30 eu pit 1", "30 eu yard 1", "60 eu pit 1"]);
    matcher.cancel(0, id(2)).unwrap();
    matcher.round(1_000);
    assert_eq!(seen(&matcher), ["60 eu pit 1", "60 us pit 1"]);
    let why = matcher.why(1_000, id(1)).unwrap();
    assert_eq!((why.rating_allowed, why.latency_allowed_ms), (None, Some(60)), "ratings have no limit here");
}

#[test]
fn places_are_of_the_match() {
    let mut matcher = matcher([Mode::new("arena", "fours", 1, 4)]);
    matcher.submit(0, party(1, 3, "fours", 1_000)).unwrap();
    matcher.submit(0, solo(4, "fours", 1_000)).unwrap();
    matcher.round(0);
    let of: &Match = &formed(&mut matcher)[0];
    assert_eq!(of.tickets().collect::<Vec<_>>(), [id(1), id(4)]);
    assert_eq!(matcher.matched(of.id).map(|of| of.places.len()), Some(4));
}

#[test]
fn guests_invent_a_few_regions_and_leave_the_others_to_those_who_are_known() {
    let mut matcher = matcher([Mode::new("arena", "duel", 2, 1)]);
    matcher.name_region(0, "r900").unwrap();
    for nth in 0..15_u32 {
        matcher.restore_guest(0, of_regions(nth.into(), nth..nth + 1), 0).unwrap();
    }
    let view = matcher.regions();
    assert_eq!((view.used.len(), view.free, view.free_for_guests), (16, 47, 0));
    let refused = matcher.restore_guest(0, of_regions(15, 15..16), 0);
    assert_eq!(refused, Err(Refused::GuestRegions { region: "r15".to_owned() }));
    // A guest may name what others have named.
    matcher.restore_guest(0, of_regions(16, 900..901), 0).unwrap();
    matcher.restore_guest(0, of_regions(17, 3..4), 0).unwrap();
    // Back ends have all other places, and what they name as well is the guests' no more.
    for nth in 0..5 {
        matcher.submit(0, of_regions(100 + nth, nth as u32 * 8 + 100..nth as u32 * 8 + 108)).unwrap();
    }
    matcher.submit(0, of_regions(105, 0..1)).unwrap();
    matcher.restore_guest(0, of_regions(18, 15..16), 0).unwrap();
    assert_eq!(matcher.regions().free_for_guests, 0);
    // A ticket that is over, and one that was refused for something else, gives back what it named.
    matcher.cancel(0, id(5)).unwrap();
    let refused = matcher.restore_guest(0, crate::Ticket { tick_rate_hz: 7, ..of_regions(19, 16..17) }, 0);
    assert_eq!(refused, Err(Refused::UnknownTickRate { hz: 7 }));
    matcher.restore_guest(0, of_regions(20, 17..18), 0).unwrap();
    let refused = matcher.restore_guest(0, of_regions(21, 18..19), 0);
    assert!(matches!(refused, Err(Refused::GuestRegions { .. })), "{refused:?}");
}

fn of_regions(number: u64, regions: std::ops::Range<u32>) -> crate::Ticket {
    let region = |nth| RegionLatency { region: format!("r{nth}"), latency_ms: 20 };
    crate::Ticket { regions: regions.map(region).collect(), ..solo(number, "duel", 1_500) }
}

#[test]
fn regions_that_tickets_invent_lock_nobody_out() {
    let mut matcher = matcher([Mode::new("arena", "duel", 2, 1)]);
    matcher.name_region(0, "r900").unwrap();
    // 63 names besides the one without are known: one that is named, and 62 that tickets use.
    for nth in 0..8 {
        let regions = nth * 8..(nth * 8 + 8).min(62);
        matcher.submit(0, of_regions(nth.into(), regions)).unwrap();
    }
    let refused = matcher.submit(0, of_regions(100, 500..501));
    assert!(matches!(refused, Err(Refused::TooManyRegions { .. })), "{refused:?}");
    // What operators name is there all the same.
    matcher.submit(0, of_regions(101, 900..901)).unwrap();
    // Nothing is used by who was refused, and a ticket that is over gives back what it used.
    let refused = matcher.submit(0, of_regions(102, 56..64));
    assert!(matches!(refused, Err(Refused::TooManyRegions { .. })), "{refused:?}");
    matcher.cancel(0, id(0)).unwrap();
    matcher.submit(0, of_regions(103, 500..508)).unwrap();
    matcher.submit(0, of_regions(104, 500..501)).unwrap();
    matcher.round(100);
    let formed = formed(&mut matcher);
    assert_eq!((formed.len(), players(&formed[0]), &*formed[0].region), (1, vec![103, 104], "r500"));
    // Those of a match keep theirs for as long as it may be given back.
    let refused = matcher.submit(200, of_regions(105, 600..601));
    assert!(matches!(refused, Err(Refused::TooManyRegions { .. })), "{refused:?}");
    matcher.submit(70_000, of_regions(106, 600..608)).unwrap();
    for nth in 1..8 {
        matcher.cancel(70_000, id(nth)).unwrap();
    }
    matcher.submit(70_000, of_regions(107, 700..708)).unwrap();
}

#[test]
fn while_no_new_room_can_be_had_nobody_is_asked_and_running_rooms_are_filled() {
    let mode = Mode { ready_check_ms: 20_000, ..duel() };
    let mut matcher = matcher([mode]);
    for player in 1..=2 {
        matcher.submit(0, solo(player, "duel", 1_000)).unwrap();
    }
    for now_ms in (0..60_000).step_by(100) {
        matcher.fill(now_ms);
        assert_eq!(matcher.poll(), None, "{now_ms}");
    }
    matcher.round(60_000);
    assert!(matches!(matcher.poll(), Some(crate::Event::Asked { .. })));
}

#[test]
fn who_waited_while_no_new_room_could_be_had_is_tried_at_once_when_one_can() {
    let mut matcher = matcher([duel()]);
    let room = |room: &str| crate::Backfill {
        room: room.to_owned(),
        game: "arena".to_owned(),
        mode: "duel".to_owned(),
        content: String::new(),
        region: String::new(),
        tick_rate_hz: 0,
        rating: 1_000,
        teams: vec![
            crate::FreeSeats { seats: 0, by_role: Vec::new() },
            crate::FreeSeats { seats: 1, by_role: Vec::new() },
        ],
        players: vec![PlayerId(99)],
        blocked: Vec::new(),
    };
    for player in 1..=3 {
        matcher.submit(0, solo(player, "duel", 1_000)).unwrap();
    }
    matcher.open_backfill(0, room("den")).unwrap();
    matcher.fill(0);
    let of = formed(&mut matcher);
    assert!(of.len() == 1 && of[0].room.as_deref() == Some("den"), "{of:?}");
    matcher.fill(100);
    assert!(formed(&mut matcher).is_empty());
    matcher.round(200);
    assert!(formed(&mut matcher).len() == 1 && matcher.is_caught_up());
}

#[test]
fn whose_ratings_are_too_far_apart_do_not_fit_and_wait_no_more_once_it_is_over() {
    let mut matcher = matcher([Mode { rating: Widening { start: 50, per_s: 0, max: 50 }, ..duel() }]);
    matcher.submit(0, solo(1, "duel", 1_000)).unwrap();
    matcher.submit(0, solo(2, "duel", 2_000)).unwrap();
    matcher.round(500);
    for number in 1..=2 {
        let why = matcher.why(500, id(number)).unwrap();
        assert_eq!(why.hindrance, Hindrance::DoNotFit { there: 2, needed: 2 });
    }
    matcher.cancel(700, id(1)).unwrap();
    assert_eq!(matcher.why(9_000, id(1)).unwrap().waited_ms, 700);
}
