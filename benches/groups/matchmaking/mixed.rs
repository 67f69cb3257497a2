//! A queue as games have it: modes with and without roles, parties, blocked players, regions, contents, ratings and
//! priorities. There are more guards and healers than teams for them.

use std::collections::BTreeMap;

use framekeep_matchmaking::{
    Event, Fewer, Match, Matcher, Mode, PartyMember, RegionLatency, RoleSeats, Ticket, TicketId, Widening,
};
use framekeep_protocol::PlayerId;
use framekeep_sim::Pcg32;

/// Players of other tickets whom one that blocks somebody blocks at most.
const BLOCKED_MAX: u32 = 8;

/// Numbers of players of a ticket: the next has others.
const PLAYERS: u64 = 8;

/// The modes, and how many of a hundred tickets are for each.
const SHARES: [u32; 5] = [20, 15, 40, 15, 10];

fn roles(of: [(&str, u8); 3]) -> Vec<RoleSeats> {
    of.map(|(role, seats)| RoleSeats { role: role.to_owned(), seats }).to_vec()
}

fn modes() -> [Mode; 5] {
    let mode = |name: &str, teams: u8, seats: u8| Mode {
        rating: Widening { start: 50, per_s: 25, max: 400 },
        latency_ms: Widening { start: 80, per_s: 10, max: 200 },
        contents: vec!["pit".to_owned(), "ring".to_owned()],
        ..Mode::new("arena", name, teams, seats)
    };
    let battle = roles([("guard", 1), ("healer", 1), ("striker", 3)]);
    let raid = roles([("guard", 2), ("healer", 2), ("striker", 4)]);
    let fewer = Some(Fewer { after_ms: 20_000, team_seats_min: 4, difference_max: 0 });
    [
        mode("duel", 2, 1),
        Mode { ready_check_ms: 15_000, ..mode("pairs", 2, 2) },
        Mode { roles: battle, ..mode("battle", 2, 5) },
        Mode { roles: raid, ..mode("raid", 1, 8) },
        Mode { fewer, ..mode("brawl", 1, 16) },
    ]
}

/// A matcher, and tickets for it.
#[derive(Clone)]
pub(crate) struct Mixed {
    pub(crate) matcher: Matcher,
    modes: [Mode; 5],
    rng: Pcg32,
    number: u64,
}

impl Mixed {
    pub(crate) fn new() -> Self {
        let matcher = Matcher::new(modes().to_vec()).expect("the modes can be played");
        Self { matcher, modes: modes(), rng: Pcg32::new(7, 11), number: 0 }
    }

    /// So many tickets more.
    pub(crate) fn submit(&mut self, now_ms: u64, tickets: u64) {
        for _ in 0..tickets {
            self.number += 1;
            let ticket = self.ticket();
            self.matcher.submit(now_ms, ticket).expect("the ticket is good");
        }
    }

    /// One in five is of a party, one in four blocks players who may be about.
    fn ticket(&mut self) -> Ticket {
        let (rng, number) = (&mut self.rng, self.number);
        let mut of = rng.below(100);
        let is_it = |share: &u32| {
            let is_it = of < *share;
            of = of.saturating_sub(*share);
            is_it
        };
        let mode = &self.modes[SHARES.iter().position(is_it).expect("of a hundred")];
        let rating = 1_000 + (0..4).map(|_| rng.below(500)).sum::<u32>().cast_signed();
        let first = PlayerId(number * PLAYERS);
        let mut ticket = Ticket::solo(TicketId(number.into()), "arena", &mode.name, first, rating);
        ticket.party = party(mode, first, rating, rng);
        if rng.below(4) == 0 {
            let from = number.saturating_sub(2_000);
            let mut near = || PlayerId((from + u64::from(rng.below(4_000))) * PLAYERS);
            let many = 1 + (number % u64::from(BLOCKED_MAX)) as u32;
            ticket.blocked = (0..many).map(|_| near()).filter(|player| *player != first).collect();
        }
        let home = rng.below(3) as usize;
        let region = |nth: usize, latency_ms| RegionLatency {
            region: ["eu", "us", "asia"][nth % 3].to_owned(),
            latency_ms,
        };
        ticket.regions = vec![region(home, 20 + rng.below(40)), region(home + 1, 60 + rng.below(120))];
        if rng.below(2) == 0 {
            ticket.contents = vec!["pit".to_owned()];
        }
        ticket.priority = u8::from(rng.below(20) == 0);
        ticket
    }

    /// A round; gives how many tickets have a match by it, each of which keeps the rules.
    pub(crate) fn round(&mut self, now_ms: u64) -> usize {
        self.matcher.round(now_ms);
        self.found()
    }

    /// How many tickets have a match by the last round, each of which keeps the rules.
    pub(crate) fn found(&mut self) -> usize {
        let events: Vec<Event> = std::iter::from_fn(|| self.matcher.poll()).collect();
        let mut tickets = 0;
        for event in events {
            if let Event::Formed(of) | Event::Asked { of, .. } = event {
                tickets += of.tickets().count();
                let mode = self.modes.iter().find(|mode| *mode.name == *of.mode).expect("a mode");
                check(&self.matcher, &of, mode);
            }
        }
        tickets
    }
}

/// One player or a party, which brings a guard and a healer before it brings two of them.
fn party(mode: &Mode, first: PlayerId, rating: i32, rng: &mut Pcg32) -> Vec<PartyMember> {
    let seats = u32::from(mode.team_seats.min(4));
    let size = if seats > 1 && rng.below(5) == 0 { 2 + rng.below(seats - 1) } else { 1 };
    let member = |nth: u32| {
        let taken: &[&str] = match (mode.roles.is_empty(), size, nth) {
            (true, ..) => &[],
            (false, 1, _) => role(rng),
            (false, _, 0) => &["guard"],
            (false, _, 1) => &["healer"],
            _ => &["striker"],
        };
        PartyMember {
            player: PlayerId(first.0 + u64::from(nth)),
            rating: rating + rng.below(100).cast_signed() - 50,
            roles: taken.iter().map(|role| (*role).to_owned()).collect(),
        }
    };
    (0..size).map(member).collect()
}

/// Who takes two roles may be either.
fn role(rng: &mut Pcg32) -> &'static [&'static str] {
    match rng.below(100) {
        0..12 => &["guard"],
        12..24 => &["healer"],
        24..30 => &["guard", "healer"],
        30..38 => &["healer", "striker"],
        38..42 => &[],
        _ => &["striker"],
    }
}

/// A match is full, or as full as it has to be, has its roles, no party is torn and nobody meets whom they block.
fn check(matcher: &Matcher, of: &Match, mode: &Mode) {
    let least = mode.fewer.map_or(mode.team_seats, |fewer| fewer.team_seats_min);
    for team in 0..mode.teams {
        let of_team = || of.places.iter().filter(|place| place.team == team);
        assert!((usize::from(least)..=mode.team_seats.into()).contains(&of_team().count()), "{of:?}");
        for (nth, role) in mode.roles.iter().enumerate() {
            let with = of_team().filter(|place| place.role.map(usize::from) == Some(nth));
            assert_eq!(with.count(), usize::from(role.seats), "{of:?}");
        }
    }
    let tickets: Vec<&Ticket> = of.tickets().map(|id| matcher.ticket(id).expect("it is known")).collect();
    let mut teams: BTreeMap<TicketId, u8> = BTreeMap::new();
    for place in &of.places {
        assert_eq!(*teams.entry(place.ticket).or_insert(place.team), place.team, "a party is in one team");
        let ticket = tickets.iter().find(|ticket| ticket.id == place.ticket).expect("one of them");
        let member = ticket.party.iter().find(|member| member.player == place.player).expect("of the party");
        let takes =
            |role: u8| member.roles.is_empty() || member.roles.contains(&mode.roles[usize::from(role)].role);
        assert!(place.role.is_none_or(takes), "{member:?} is {place:?}");
        assert!(tickets.iter().all(|other| !other.blocked.contains(&place.player)), "{place:?} is blocked");
        assert!(ticket.regions.iter().any(|region| *region.region == *of.region), "{place:?} is elsewhere");
    }
    let ratings = tickets.iter().map(|ticket| ticket.rating());
    let apart = ratings.clone().max().unwrap_or(0).abs_diff(ratings.min().unwrap_or(0));
    assert!(apart <= mode.rating.max, "{apart}");
}
