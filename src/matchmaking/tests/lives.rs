//! Random lives of a matcher: after every operation everything that must hold is checked against the model.

use std::collections::BTreeMap;

use framekeep_protocol::PlayerId;
use proptest::prelude::*;

use super::model::{self, Waiting};
use super::{events, matcher};
use crate::{
    Backfill, Event, Fewer, FreeSeats, LogReader, Match, MatchId, Matcher, Mode, Operation, PartyMember,
    Refused, RegionLatency, RoleSeats, Ticket, TicketId, TicketState, Widening, replay,
};

/// Tickets of a mode that are few enough to try every match.
const TRIED_MAX: usize = 9;

/// Few enough that some are refused for there being too many.
const TICKETS_MAX: usize = 40;

const ROLES: [&str; 3] = ["guard", "medic", "scout"];
const PLACES: [&str; 2] = ["pit", "ring"];

pub(super) fn modes() -> Vec<Mode> {
    let rating = Widening { start: 50, per_s: 50, max: 300 };
    let seats = [1, 1, 2].into_iter();
    let roles = ROLES.iter().zip(seats).map(|(role, seats)| RoleSeats { role: (*role).to_owned(), seats });
    let fewer =
        |after_ms, team_seats_min, difference_max| Some(Fewer { after_ms, team_seats_min, difference_max });
    vec![
        Mode { rating, ..Mode::new("arena", "duel", 2, 1) },
        Mode {
            contents: PLACES.map(str::to_owned).to_vec(),
            latency_ms: Widening { start: 50, per_s: 25, max: 200 },
            ready_check_ms: 20_000,
            rating,
            ..Mode::new("arena", "trios", 2, 3)
        },
        Mode { roles: roles.collect(), ready_check_ms: 8_000, ..Mode::new("arena", "raid", 1, 4) },
        Mode { tick_rates_hz: vec![30, 60], fewer: fewer(12_000, 2, 0), ..Mode::new("arena", "brawl", 1, 6) },
        Mode { fewer: fewer(3_000, 1, 1), rating, wait_ms_max: 20_000, ..Mode::new("arena", "pairs", 2, 2) },
        Mode {
            roles: ROLES[..2].iter().map(|role| RoleSeats { role: (*role).to_owned(), seats: 1 }).collect(),
            contents: PLACES.map(str::to_owned).to_vec(),
            latency_ms: Widening { start: 100, per_s: 25, max: 200 },
            tick_rates_hz: vec![30, 60],
            fewer: fewer(9_000, 1, 1),
            ready_check_ms: 20_000,
            rating: Widening { start: 200, per_s: 50, max: 400 },
            ..Mode::new("arena", "siege", 2, 2)
        },
    ]
}

fn ticket() -> impl Strategy<Value = Ticket> {
    let member = (0..60_u64, 1_000..1_400_i32, proptest::sample::subsequence(ROLES.to_vec(), 0..=3));
    let region = (0..2_usize, 20..260_u32);
    let of = (0..90_u128, 0..6_usize, proptest::collection::vec(member, 1..=3));
    let wants = (
        proptest::sample::subsequence(PLACES.to_vec(), 0..=2),
        proptest::collection::vec(region, 0..=2),
        prop_oneof![Just(0_u16), Just(30), Just(60)],
    );
    let rest = (0..3_u8, proptest::collection::vec(0..60_u64, 0..=2), any::<bool>());
    (of, wants, rest).prop_map(|((id, mode, party), (contents, regions, tick_rate_hz), rest)| {
        let (priority, blocked, backfill) = rest;
        let mode = &modes()[mode];
        let roles = |roles: Vec<&str>| roles.into_iter().map(str::to_owned).collect::<Vec<_>>();
        let of_mode = |mut takes: Vec<String>| {
            takes.retain(|role| mode.roles.iter().any(|seats| seats.role == *role));
            takes
        };
        Ticket {
            id: TicketId(id),
            game: mode.game.clone(),
            mode: mode.name.clone(),
            contents: if mode.contents.is_empty() { Vec::new() } else { roles(contents) },
            party: party
                .into_iter()
                .map(|(player, rating, takes)| PartyMember {
                    player: PlayerId(player),
                    rating,
                    roles: of_mode(roles(takes)),
                })
                .collect(),
            regions: regions
                .into_iter()
                .map(|(nth, latency_ms)| RegionLatency { region: ["eu", "us"][nth].to_owned(), latency_ms })
                .collect(),
            tick_rate_hz: if mode.tick_rates_hz.is_empty() { 0 } else { tick_rate_hz },
            priority,
            blocked: blocked.into_iter().map(PlayerId).collect(),
            backfill,
            wait_ms_max: 0,
        }
    })
}

fn room() -> impl Strategy<Value = Backfill> {
    (0..3_u8, 0..2_u8, 1_000..1_400_i32, proptest::collection::vec(0..60_u64, 0..=1)).prop_map(
        |(name, free, rating, blocked)| Backfill {
            room: format!("room-{name}"),
            game: "arena".to_owned(),
            mode: "pairs".to_owned(),
            content: String::new(),
            region: String::new(),
            tick_rate_hz: 0,
            teams: vec![
                FreeSeats { seats: free, by_role: Vec::new() },
                FreeSeats { seats: 1, by_role: Vec::new() },
            ],
            rating,
            players: vec![PlayerId(1_000 + u64::from(name))],
            blocked: blocked.into_iter().map(PlayerId).collect(),
        },
    )
}

pub(super) fn operation() -> impl Strategy<Value = Operation> {
    let id = || (0..90_u128).prop_map(TicketId);
    let player = || (0..60_u64).prop_map(PlayerId);
    prop_oneof![
        8 => ticket().prop_map(Operation::Submit),
        1 => (ticket(), 0..20_000_u64).prop_map(|(ticket, since)| Operation::Restore(ticket, since)),
        1 => (ticket(), 0..20_000_u64).prop_map(|(ticket, since)| Operation::RestoreGuest(ticket, since)),
        1 => id().prop_map(Operation::Cancel),
        14 => (id(), player()).prop_map(|(id, player)| Operation::Accept(id, player)),
        1 => (id(), player()).prop_map(|(id, player)| Operation::Decline(id, player)),
        1 => (1..12_u64).prop_map(|of| Operation::GiveBack(MatchId(of))),
        1 => room().prop_map(Operation::OpenBackfill),
        1 => (0..3_u8).prop_map(|name| Operation::CloseBackfill(format!("room-{name}"))),
        1 => Just(Operation::NameRegion("eu".to_owned())),
        6 => Just(Operation::Round),
        1 => Just(Operation::Wait),
        1 => Just(Operation::Fill),
    ]
}

/// What was done and what came of it.
#[derive(Debug, PartialEq)]
struct Happened {
    operation: Operation,
    done: Result<(), Refused>,
    events: Vec<Event>,
}

/// What must be true of a matcher's tickets, kept by its events alone.
struct Life {
    matcher: Matcher,
    modes: Vec<Mode>,
    now_ms: u64,
    tickets: BTreeMap<TicketId, Waiting>,
    states: BTreeMap<TicketId, TicketState>,
    /// Matches whose players are asked or that were formed.
    matches: BTreeMap<MatchId, std::sync::Arc<Match>>,
    rooms: BTreeMap<String, (Backfill, Vec<i64>)>,
}

impl Life {
    fn new(matcher: Matcher) -> Self {
        Self {
            matcher: matcher.with_tickets_max(TICKETS_MAX).with_log(),
            modes: modes(),
            now_ms: 0,
            tickets: BTreeMap::new(),
            states: BTreeMap::new(),
            matches: BTreeMap::new(),
            rooms: BTreeMap::new(),
        }
    }

    fn mode(&self, name: &str) -> Mode {
        self.modes.iter().find(|mode| mode.name == name).unwrap().clone()
    }

    fn act(&mut self, after_ms: u64, operation: &Operation) -> Happened {
        self.now_ms += after_ms;
        let operation = self.meant(operation.clone());
        let done = self.matcher.apply(self.now_ms, operation.clone());
        let events = events(&mut self.matcher);
        events.iter().for_each(|event| self.hear(event));
        if done.is_ok() {
            self.note(&operation);
        }
        self.compare();
        if operation == Operation::Round && self.matcher.is_caught_up() {
            self.nobody_waits_in_vain();
        }
        Happened { operation, done, events }
    }

    /// Most answers are of players who are asked.
    fn meant(&self, operation: Operation) -> Operation {
        let asked = |id: TicketId, player: PlayerId| {
            let is_asked = |of: &&std::sync::Arc<Match>| {
                matches!(self.states[&of.places[0].ticket], TicketState::Asked { .. })
            };
            let asked: Vec<_> = self.matches.values().filter(is_asked).collect();
            let of = asked.get(id.0 as usize % asked.len().max(1)).filter(|_| !id.0.is_multiple_of(5));
            let place = of.map(|of| of.places[player.0 as usize % of.places.len()]);
            place.map_or((id, player), |place| (place.ticket, place.player))
        };
        match operation {
            Operation::Restore(ticket, since_ms) => Operation::Restore(ticket, since_ms.min(self.now_ms)),
            Operation::RestoreGuest(ticket, since_ms) => {
                Operation::RestoreGuest(ticket, since_ms.min(self.now_ms))
            }
            Operation::Accept(id, player) => {
                let (id, player) = asked(id, player);
                Operation::Accept(id, player)
            }
            Operation::Decline(id, player) => {
                let (id, player) = asked(id, player);
                Operation::Decline(id, player)
            }
            other => other,
        }
    }

    fn note(&mut self, operation: &Operation) {
        let since = match operation {
            Operation::Restore(_, since_ms) | Operation::RestoreGuest(_, since_ms) => *since_ms,
            _ => self.now_ms,
        };
        match operation {
            Operation::Submit(ticket)
            | Operation::Restore(ticket, _)
            | Operation::RestoreGuest(ticket, _)
                if self.is_new(ticket.id) =>
            {
                self.tickets.insert(ticket.id, Waiting { ticket: ticket.clone(), since_ms: since });
                self.states.insert(ticket.id, TicketState::Waiting);
            }
            Operation::OpenBackfill(room) => {
                let mut free: Vec<i64> = room.teams.iter().map(|team| team.seats.into()).collect();
                for of in self.asked_for(&room.room) {
                    for place in &of.places {
                        free[usize::from(place.team)] -= 1;
                    }
                }
                self.rooms.insert(room.room.clone(), (room.clone(), free));
            }
            Operation::CloseBackfill(room) => {
                self.rooms.remove(room);
            }
            _ => {}
        }
    }

    /// Whether a ticket waits that did not before.
    fn is_new(&self, id: TicketId) -> bool {
        let was_live = matches!(self.states.get(&id), Some(TicketState::Waiting | TicketState::Asked { .. }));
        !was_live && self.matcher.view(id).is_some_and(|view| view.state == TicketState::Waiting)
    }

    /// Matches that would come into a room and whose players are being asked.
    fn asked_for(&self, room: &str) -> Vec<std::sync::Arc<Match>> {
        let asked = self.matches.values().filter(|of| {
            let id = of.places[0].ticket;
            of.room.as_deref() == Some(room)
                && matches!(self.states[&id], TicketState::Asked { of: other, .. } if other == of.id)
        });
        asked.cloned().collect()
    }

    fn hear(&mut self, event: &Event) {
        match event {
            Event::Asked { of, until_ms } => {
                self.found(of, TicketState::Asked { of: of.id, until_ms: *until_ms })
            }
            Event::Formed(of) => {
                let state = TicketState::Matched { of: of.id };
                if self.matches.contains_key(&of.id) {
                    self.states.extend(of.tickets().map(|id| (id, state)));
                } else {
                    self.found(of, state);
                }
            }
            Event::FellThrough(id) => {
                let of = self.matches.remove(id).expect("what falls through was found");
                if let Some((_, free)) = of.room.as_deref().and_then(|room| self.rooms.get_mut(room)) {
                    of.places.iter().for_each(|place| free[usize::from(place.team)] += 1);
                }
            }
            Event::Returned(id) => {
                assert_eq!(self.matcher.view(*id).unwrap().queued_at_ms, self.tickets[id].since_ms);
                self.states.insert(*id, TicketState::Waiting);
            }
            Event::Ended(id, ended) => {
                self.states.insert(*id, TicketState::Ended(*ended));
            }
        }
    }

    fn found(&mut self, of: &std::sync::Arc<Match>, state: TicketState) {
        let mode = self.mode(&of.mode);
        let tickets: Vec<_> = of.tickets().map(|id| self.tickets[&id].clone()).collect();
        model::check(&mode, of, &tickets, self.now_ms);
        for id in of.tickets() {
            assert_eq!(self.states.insert(id, state), Some(TicketState::Waiting), "{id} is in one match");
        }
        match &of.room {
            None => {
                let oldest = tickets.iter().map(|one| self.now_ms - one.since_ms).max().unwrap();
                model::check_teams(&mode, of, oldest);
            }
            Some(name) => {
                let (room, free) = self.rooms.get_mut(&**name).expect("the room looks for players");
                tickets.iter().for_each(|guest| model::check_guest(&mode, room, guest, self.now_ms));
                of.places.iter().for_each(|place| free[usize::from(place.team)] -= 1);
                assert!(free.iter().all(|seats| *seats >= 0), "{of:?} has more players than free seats");
            }
        }
        self.matches.insert(of.id, of.clone());
    }

    fn compare(&self) {
        for (id, state) in &self.states {
            let seen = self.matcher.view(*id).map(|view| view.state);
            let is_over = matches!(state, TicketState::Ended(_) | TicketState::Matched { .. });
            assert!(seen == Some(*state) || seen.is_none() && is_over, "{id}: {seen:?}, {state:?} expected");
        }
        let live = self.states.values();
        let live =
            live.filter(|state| matches!(state, TicketState::Waiting | TicketState::Asked { .. })).count();
        assert_eq!(self.matcher.len(), live);
        let waiting = self.matcher.queues().map(|queue| queue.players).sum::<u64>();
        let counted = self.matcher.lanes().map(|lane| lane.players).max().unwrap_or(0);
        assert!(counted <= waiting, "{counted} players in a lane, {waiting} wait");
    }

    fn nobody_waits_in_vain(&self) {
        for mode in &self.modes {
            let waits = |(id, one): (&TicketId, &Waiting)| {
                let waits = self.states[id] == TicketState::Waiting && one.ticket.mode == mode.name;
                waits.then(|| one.clone())
            };
            let waiting: Vec<_> = self.tickets.iter().filter_map(waits).collect();
            if waiting.len() <= TRIED_MAX {
                assert!(!model::is_possible(mode, &waiting, self.now_ms), "{}: {waiting:#?}", mode.name);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(if cfg!(debug_assertions) { 200 } else { 5_000 }))]

    #[test]
    fn every_life_obeys_the_rules(
        operations in proptest::collection::vec((0..500_u64, operation()), 1..250),
    ) {
        let mut life = Life::new(matcher(modes()));
        let mut happened = Vec::new();
        for (after_ms, operation) in &operations {
            let one = life.act(*after_ms, operation);
            prop_assert!(*operation != Operation::Round || life.matcher.is_caught_up());
            happened.push(one);
        }
        let log = life.matcher.take_log();
        prop_assert_eq!(replay(&log, |_, _| {}).unwrap().differs, None);
        is_the_same_again(matcher(modes()), &log, &happened);
    }

    #[test]
    fn lives_in_rounds_that_do_little_obey_the_rules_and_nobody_waits_in_vain(
        operations in proptest::collection::vec((0..500_u64, operation()), 1..150),
        looks_max in 1..200_usize,
        steps_max in 1..50_u32,
    ) {
        let little = || matcher(modes()).with_round(looks_max, steps_max);
        let mut life = Life::new(little());
        let mut happened: Vec<_> =
            operations.iter().map(|(after_ms, operation)| life.act(*after_ms, operation)).collect();
        let begun = happened.len();
        // Everybody is tried once, and searched through once, and each round does something.
        while happened.len() == begun || !life.matcher.is_caught_up() {
            happened.push(life.act(0, &Operation::Round));
            prop_assert!(happened.len() <= begun + 4 * operations.len() + 4, "somebody waits for ever");
        }
        let log = life.matcher.take_log();
        is_the_same_again(little(), &log, &happened);
    }
}

/// The operations of a log give the same with another matcher.
fn is_the_same_again(matcher: Matcher, log: &[u8], happened: &[Happened]) {
    let reader = LogReader::new(log).unwrap();
    let mut again = matcher.with_tickets_max(reader.tickets_max());
    let mut count = 0;
    for (entry, expected) in reader.zip(happened) {
        // The matcher logs every ticket as one that waits since then.
        let (entry, operation) = (entry.unwrap(), expected.operation.clone());
        let done = again.apply(entry.at_ms, entry.operation);
        let events = events(&mut again);
        assert_eq!(&Happened { operation, done, events }, expected);
        count += 1;
    }
    assert_eq!(count, happened.len());
}

/// What happened in many lives, so that the rules are not obeyed for want of an occasion.
#[test]
fn lives_see_everything() {
    use proptest::strategy::ValueTree;
    use proptest::test_runner::TestRunner;

    let mut runner = TestRunner::deterministic();
    let lives = proptest::collection::vec((0..500_u64, operation()), 300);
    let mut seen: BTreeMap<String, u32> = BTreeMap::new();
    let mut note = |what: String| *seen.entry(what).or_default() += 1;
    for _ in 0..40 {
        let mut life = Life::new(matcher(modes()));
        for (after_ms, operation) in lives.new_tree(&mut runner).unwrap().current() {
            for event in life.act(after_ms, &operation).events {
                match event {
                    Event::Asked { of, .. } => {
                        let fewer = of.places.len() < life.mode(&of.mode).seats();
                        note(format!("asked {}{}", if fewer { "fewer " } else { "" }, of.mode));
                    }
                    Event::Formed(of) if of.room.is_some() => note("a guest".to_owned()),
                    Event::Formed(of) => {
                        let fewer = of.places.len() < life.mode(&of.mode).seats();
                        note(format!("{} {}", if fewer { "fewer" } else { "full" }, of.mode));
                        if of.tickets().count() < of.places.len() {
                            note("a party".to_owned());
                        }
                    }
                    Event::Ended(_, ended) => note(format!("{ended:?}")),
                    Event::Returned(_) => note("returned".to_owned()),
                    Event::FellThrough(_) => {}
                }
            }
        }
    }
    let expected = "asked trios, asked raid, asked siege, a guest, full duel, full trios, full raid, full brawl, \
                    full pairs, asked fewer siege, fewer brawl, fewer pairs, a party, Cancelled, Expired, Declined, \
                    NoAnswer, Superseded, returned";
    for what in expected.split(", ") {
        assert!(seen.contains_key(what), "no life had {what:?}: {seen:#?}");
    }
}
