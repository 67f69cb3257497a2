//! What a match has to be, said again without any of the matcher's code, and whether one is possible at all.

use std::collections::BTreeSet;

use crate::{Backfill, Match, Mode, Ticket, Widening};

/// A ticket and since when it waits.
#[derive(Clone, Debug)]
pub(super) struct Waiting {
    pub(super) ticket: Ticket,
    pub(super) since_ms: u64,
}

fn allowed(limit: Widening, age_ms: u64) -> i64 {
    let value = i64::from(limit.start) + i64::from(limit.per_s) * (age_ms / 1_000) as i64;
    value.min(i64::from(limit.max))
}

impl Waiting {
    fn mean(&self) -> i64 {
        let sum: i64 = self.ticket.party.iter().map(|member| i64::from(member.rating)).sum();
        sum / self.ticket.party.len() as i64
    }

    fn age(&self, now_ms: u64) -> u64 {
        now_ms - self.since_ms
    }

    fn takes_region(&self, mode: &Mode, region: &str, now_ms: u64) -> bool {
        let limit = allowed(mode.latency_ms, self.age(now_ms));
        let listed = &self.ticket.regions;
        (listed.is_empty() && region.is_empty())
            || listed.iter().any(|one| one.region == region && i64::from(one.latency_ms) <= limit)
    }

    fn takes_content(&self, content: &str) -> bool {
        self.ticket.contents.is_empty() || self.ticket.contents.iter().any(|one| one == content)
    }

    fn tick_rate(&self, mode: &Mode) -> u16 {
        match self.ticket.tick_rate_hz {
            0 => mode.tick_rates_hz.first().copied().unwrap_or(0),
            hz => hz,
        }
    }

    fn blocks(&self, other: &Self) -> bool {
        other.ticket.party.iter().any(|member| self.ticket.blocked.contains(&member.player))
    }
}

/// Whether two tickets may be in one match.
fn go_together(mode: &Mode, one: &Waiting, other: &Waiting, now_ms: u64) -> bool {
    let apart = (one.mean() - other.mean()).abs();
    let near = [one, other].iter().all(|it| apart <= allowed(mode.rating, it.age(now_ms)));
    near && !one.blocks(other) && !other.blocks(one) && one.tick_rate(mode) == other.tick_rate(mode)
}

/// Whether these players can each have a role of theirs, by trying all.
fn roles_work(mode: &Mode, wants: &[&[String]], left: &mut [u8]) -> bool {
    let Some((first, rest)) = wants.split_first() else { return true };
    if mode.roles.is_empty() {
        return true;
    }
    for nth in 0..left.len() {
        let takes = first.is_empty() || first.contains(&mode.roles[nth].role);
        if takes && left[nth] > 0 {
            left[nth] -= 1;
            let works = roles_work(mode, rest, left);
            left[nth] += 1;
            if works {
                return true;
            }
        }
    }
    false
}

fn seats_by_role(mode: &Mode) -> Vec<u8> {
    mode.roles.iter().map(|role| role.seats).collect()
}

/// Checks everything that must hold for a match among `tickets` at that time.
pub(super) fn check(mode: &Mode, of: &Match, tickets: &[Waiting], now_ms: u64) {
    let said = |what: &str| format!("{what}\n{of:?}\n{tickets:?} at {now_ms}");
    for (nth, one) in tickets.iter().enumerate() {
        assert!(one.takes_content(&of.content), "{}", said("content"));
        assert!(one.takes_region(mode, &of.region, now_ms), "{}", said("region"));
        assert_eq!(one.tick_rate(mode), of.tick_rate_hz, "{}", said("tick rate"));
        assert!(one.ticket.party.len() <= usize::from(mode.party_max));
        let places: Vec<_> = of.places.iter().filter(|place| place.ticket == one.ticket.id).collect();
        let party: Vec<_> = one.ticket.party.iter().map(|member| member.player).collect();
        let placed: Vec<_> = places.iter().map(|place| place.player).collect();
        assert_eq!(placed, party, "{}", said("the party is whole"));
        let teams: BTreeSet<_> = places.iter().map(|place| place.team).collect();
        assert_eq!(teams.len(), 1, "{}", said("the party is together"));
        for other in &tickets[nth + 1..] {
            assert!(go_together(mode, one, other, now_ms), "{}", said("they do not go together"));
        }
        for (place, member) in places.iter().zip(&one.ticket.party) {
            let role = place.role.map(|role| &mode.roles[usize::from(role)].role);
            assert_eq!(role.is_some(), !mode.roles.is_empty(), "{}", said("a role"));
            let takes = role.is_none_or(|role| member.roles.is_empty() || member.roles.contains(role));
            assert!(takes, "{}", said("a role that is taken"));
        }
    }
    let distinct: BTreeSet<_> = of.places.iter().map(|place| place.player).collect();
    assert_eq!(distinct.len(), of.places.len(), "{}", said("nobody is in it twice"));
}

/// Checks the teams of a new match: full, or as few as the mode allows by then.
pub(super) fn check_teams(mode: &Mode, of: &Match, oldest_ms: u64) {
    let sizes: Vec<usize> =
        (0..mode.teams).map(|team| of.places.iter().filter(|place| place.team == team).count()).collect();
    assert_eq!(sizes.iter().sum::<usize>(), of.places.len());
    for (nth, role) in mode.roles.iter().enumerate() {
        for team in 0..mode.teams {
            let has = |place: &&crate::Place| place.team == team && place.role == Some(nth as u8);
            assert!(of.places.iter().filter(has).count() <= usize::from(role.seats), "{of:?}");
        }
    }
    let (least, most) = (*sizes.iter().min().unwrap(), *sizes.iter().max().unwrap());
    assert!(most <= usize::from(mode.team_seats), "{of:?}");
    if least < usize::from(mode.team_seats) {
        let fewer = mode.fewer.expect("only full matches where fewer are not allowed");
        assert!(oldest_ms >= fewer.after_ms, "{of:?} after {oldest_ms}");
        assert!(
            least >= usize::from(fewer.team_seats_min) && most - least <= usize::from(fewer.difference_max),
            "{of:?}"
        );
    }
}

/// Checks that those who come into a running room are welcome there.
pub(super) fn check_guest(mode: &Mode, room: &Backfill, guest: &Waiting, now_ms: u64) {
    assert!(guest.ticket.backfill);
    assert!((guest.mean() - i64::from(room.rating)).abs() <= allowed(mode.rating, guest.age(now_ms)));
    for member in &guest.ticket.party {
        assert!(!room.blocked.contains(&member.player) && !room.players.contains(&member.player));
    }
    assert!(room.players.iter().all(|player| !guest.ticket.blocked.contains(player)));
}

/// Whether a full match is possible among some of those who wait, by trying all.
pub(super) fn is_possible(mode: &Mode, waiting: &[Waiting], now_ms: u64) -> bool {
    let mut contents = mode.contents.clone();
    if contents.is_empty() {
        contents.push(String::new());
    }
    let mut regions: BTreeSet<String> =
        waiting.iter().flat_map(|one| &one.ticket.regions).map(|region| region.region.clone()).collect();
    regions.insert(String::new());
    contents.iter().any(|content| {
        regions.iter().any(|region| {
            let there: Vec<_> = waiting
                .iter()
                .filter(|one| one.takes_content(content) && one.takes_region(mode, region, now_ms))
                .collect();
            let mut teams = vec![Vec::new(); mode.teams.into()];
            some_choice_fits(mode, &there, &mut teams, now_ms)
        })
    })
}

fn some_choice_fits<'a>(
    mode: &Mode,
    left: &[&'a Waiting],
    teams: &mut Vec<Vec<&'a Waiting>>,
    now_ms: u64,
) -> bool {
    let size = |team: &[&Waiting]| -> usize { team.iter().map(|one| one.ticket.party.len()).sum() };
    if teams.iter().all(|team| size(team) == usize::from(mode.team_seats)) {
        return teams.iter().all(|team| {
            let members = team.iter().flat_map(|one| &one.ticket.party);
            let wants: Vec<&[String]> = members.map(|member| member.roles.as_slice()).collect();
            roles_work(mode, &wants, &mut seats_by_role(mode))
        });
    }
    let Some((first, rest)) = left.split_first() else { return false };
    if teams.iter().flatten().all(|other| go_together(mode, first, other, now_ms)) {
        for nth in 0..teams.len() {
            if size(&teams[nth]) + first.ticket.party.len() <= usize::from(mode.team_seats) {
                teams[nth].push(first);
                let fits = some_choice_fits(mode, rest, teams, now_ms);
                teams[nth].pop();
                if fits {
                    return true;
                }
            }
        }
    }
    some_choice_fits(mode, rest, teams, now_ms)
}
