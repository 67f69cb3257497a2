//! More than one round can do: what is left over goes on in the next, and nobody is left over for ever.

use framekeep_protocol::PlayerId;

use super::{formed, matcher, players, solo};
use crate::{Hindrance, Matcher, Mode, RoleSeats, Ticket, TicketId, Widening};

fn duel() -> Mode {
    Mode { rating: Widening { start: 10, per_s: 1, max: 100 }, ..Mode::new("arena", "duel", 2, 1) }
}

/// Ten tries a round, or a few more.
const LITTLE: usize = 10 * 2 * crate::limits::LANE_LOOKS;

fn rounds_until_matched(matcher: &mut Matcher, id: u128, from_ms: u64) -> u64 {
    (1..1_000)
        .find(|round| {
            matcher.round(from_ms + round * 100);
            formed(matcher).iter().any(|of| of.tickets().any(|other| other == TicketId(id)))
        })
        .expect("it has its match after a hundred seconds")
}

#[test]
fn who_widens_again_and_again_leaves_a_turn_to_the_others() {
    let mut matcher = matcher([duel()]).with_round(LITTLE, 1_000);
    // Twice as many as can be tried in the second in which they widen, and nobody is near anybody.
    for number in 1..=200 {
        let far = Ticket { priority: 9, ..solo(number, "duel", number as i32 * 1_000) };
        matcher.submit(0, far).unwrap();
    }
    for number in 201..=202 {
        matcher.submit(0, solo(number, "duel", 500_000)).unwrap();
    }
    matcher.round(0);
    assert!(!matcher.is_caught_up(), "one round does not come to all");
    let why = matcher.why(0, TicketId(201)).unwrap();
    assert_eq!(why.hindrance, Hindrance::Turn { there: 202, needed: 2 });
    let rounds = rounds_until_matched(&mut matcher, 201, 0);
    assert!(rounds <= 21, "{rounds}");
}

#[test]
fn a_round_goes_on_where_the_one_before_ended() {
    let crowd = |looks_max| {
        let mut matcher = matcher([duel()]).with_round(looks_max, 1_000);
        for number in 1..=100 {
            matcher.submit(0, solo(number, "duel", number as i32 / 2 * 1_000)).unwrap();
        }
        matcher
    };
    let (mut little, mut much) = (crowd(1), crowd(usize::MAX));
    much.round(0);
    let at_once: Vec<_> = formed(&mut much).iter().map(|of| players(of)).collect();
    let mut one_by_one = Vec::new();
    while !little.is_caught_up() {
        little.round(0);
        let formed = formed(&mut little);
        assert!(formed.len() <= 1);
        one_by_one.extend(formed.iter().map(|of| players(of)));
    }
    assert_eq!((one_by_one.len(), one_by_one), (49, at_once));
}

/// Three who could play, and beside each of them somebody who is nearer and plays with nobody else.
fn spoiled(first: u64) -> (Vec<Ticket>, Vec<Ticket>) {
    let rating = |nth: u64| (first * 100 + nth * 10) as i32;
    let good = (0..3).map(|nth| solo(first + nth, "threes", rating(nth))).collect();
    let spoils = (0..3).map(|nth| {
        let mut ticket = solo(first + 10 + nth, "threes", rating(nth) + 1);
        let others = (first..first + 3).chain(first + 10..first + 13);
        ticket.blocked = others.filter(|other| other % 10 != nth).map(PlayerId).collect();
        ticket
    });
    (good, spoils.collect())
}

#[test]
fn a_search_that_does_not_come_in_one_round_comes_in_the_next() {
    let rating = Widening { start: 30, per_s: 0, max: 30 };
    let mut matcher = matcher([Mode { rating, ..Mode::new("arena", "threes", 1, 3) }]);
    matcher = matcher.with_round(usize::MAX, 1);
    let ((one, spoils_one), (other, spoils_other)) = (spoiled(100), spoiled(200));
    for ticket in [one, other, spoils_one, spoils_other].into_iter().flatten() {
        matcher.submit(0, ticket).unwrap();
    }
    let found = |matcher: &mut Matcher| {
        matcher.round(0);
        formed(matcher).iter().map(|of| players(of)).collect::<Vec<_>>()
    };
    assert_eq!(found(&mut matcher), [[100, 101, 102]]);
    let why = matcher.why(0, TicketId(200)).unwrap();
    assert_eq!(why.hindrance, Hindrance::Turn { there: 9, needed: 3 });
    assert_eq!(found(&mut matcher), [[200, 201, 202]]);
    // Those who are left are searched through one by one, in vain.
    assert!((0..6).all(|_| found(&mut matcher).is_empty()) && matcher.is_caught_up());
    let why = matcher.why(0, TicketId(210)).unwrap();
    assert_eq!(why.hindrance, Hindrance::DoNotFit { there: 6, needed: 3 });
}

#[test]
fn a_role_that_is_rare_is_found_behind_many_others() {
    let roles = ["guard", "medic"].map(|role| RoleSeats { role: role.to_owned(), seats: 1 }).to_vec();
    let mut matcher = matcher([Mode { roles, ..Mode::new("arena", "raid", 1, 2) }]);
    let with = |number: u64, role: &str| {
        let mut ticket = solo(number, "raid", number as i32);
        ticket.party[0].roles = vec![role.to_owned()];
        ticket
    };
    for number in 1..=1_000 {
        matcher.submit(0, with(number, "guard")).unwrap();
    }
    matcher.submit(0, with(5_000, "medic")).unwrap();
    matcher.round(0);
    assert_eq!(players(&formed(&mut matcher)[0]), [1, 5_000], "the oldest is served first");
    assert!(matcher.is_caught_up());
}

#[test]
fn whoever_is_blocked_is_passed_over_and_the_next_is_taken() {
    let mut matcher = matcher([Mode::new("arena", "duel", 2, 1)]);
    let mut first = solo(1, "duel", 1_000);
    first.blocked = (2..=40).map(PlayerId).collect();
    matcher.submit(0, first).unwrap();
    for number in 2..=41 {
        let mut other = solo(number, "duel", 1_000 + number as i32);
        other.blocked = (2..=41).filter(|player| *player != number).map(PlayerId).collect();
        matcher.submit(0, other).unwrap();
    }
    matcher.round(0);
    let formed = formed(&mut matcher);
    assert_eq!(formed.iter().map(|of| players(of)).collect::<Vec<_>>(), [[1, 41]]);
}
