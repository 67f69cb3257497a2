//! Who of a match sits where: teams of alike strength, and a role for everybody.

use crate::group::Group;
use crate::limits::TEAMS_MAX;
use crate::queue::Queue;
use crate::rules::Rules;
use crate::{FreeSeats, Match, MatchId, Place};

/// Passes over all pairs of tickets.
const PASSES: usize = 2;

/// Evens out the teams' strength: tickets of equally many players change teams as long as the two teams come nearer to
/// each other by it.
pub(crate) fn even_out(group: &mut Group, queue: &Queue) {
    if group.teams.len() < 2 {
        return;
    }
    let mut strength = [0_i64; TEAMS_MAX];
    for pick in &group.picks {
        strength[pick.team] += i64::from(pick.rating) * i64::from(pick.size);
    }
    for _ in 0..PASSES {
        let mut changed = false;
        for one in 0..group.picks.len() {
            for other in one + 1..group.picks.len() {
                let (a, b) = (group.picks[one], group.picks[other]);
                if a.team == b.team || a.size != b.size {
                    continue;
                }
                let moved = (i64::from(b.rating) - i64::from(a.rating)) * i64::from(a.size);
                let (of_a, of_b) = (strength[a.team], strength[b.team]);
                if (of_a + moved - (of_b - moved)).abs() < (of_a - of_b).abs()
                    && group.swap(queue, one, other)
                {
                    strength[a.team] += moved;
                    strength[b.team] -= moved;
                    changed = true;
                }
            }
        }
        if !changed {
            return;
        }
    }
}

/// The places of a group, by team, with a role for everybody: of the free ones where not all of a team are.
pub(crate) fn places(
    group: &mut Group,
    queue: &Queue,
    rules: &Rules,
    free: Option<&[FreeSeats]>,
) -> Vec<Place> {
    group.picks.sort_by_key(|pick| pick.team);
    let mut places = Vec::with_capacity(group.players);
    let by_role = !rules.mode.roles.is_empty();
    let mut wants = Vec::new();
    for pick in &group.picks {
        let roles = queue.hot[pick.slot as usize].roles();
        let (card, team) = (queue.card(pick.slot), pick.team as u8);
        let place = |player| Place { player, ticket: card.id, team, role: None };
        places.extend(queue.players(pick.slot).map(place));
        if by_role {
            wants.extend_from_slice(roles);
        }
    }
    if !by_role {
        return places;
    }
    let all: Vec<u8> = rules.mode.roles.iter().map(|role| role.seats).collect();
    for team in 0..group.teams.len() {
        let of_team: Vec<usize> =
            (0..places.len()).filter(|nth| usize::from(places[*nth].team) == team).collect();
        let seats = free.and_then(|free| free.get(team)).map_or(&all, |free| &free.by_role);
        let wanted: Vec<u8> = of_team.iter().map(|nth| wants[*nth]).collect();
        for (nth, role) in of_team.into_iter().zip(give_roles(&wanted, seats)) {
            places[nth].role = role;
        }
    }
    places
}

/// A role for every player, by augmenting paths (Kuhn): whoever has a role makes room if another one will do.
fn give_roles(wants: &[u8], seats: &[u8]) -> Vec<Option<u8>> {
    let mut given: Vec<Option<u8>> = vec![None; wants.len()];
    for player in 0..wants.len() {
        let mut seen = 0;
        seat(player, wants, seats, &mut given, &mut seen);
    }
    given
}

fn seat(player: usize, wants: &[u8], seats: &[u8], given: &mut [Option<u8>], seen: &mut u8) -> bool {
    for (role, free) in seats.iter().enumerate() {
        if wants[player] & (1 << role) == 0 || *seen & (1 << role) != 0 {
            continue;
        }
        *seen |= 1 << role;
        let role = role as u8;
        let holders: Vec<usize> =
            (0..given.len()).filter(|other| *other != player && given[*other] == Some(role)).collect();
        let makes_room = holders.len() < usize::from(*free)
            || holders.into_iter().any(|holder| seat(holder, wants, seats, given, seen));
        if makes_room {
            given[player] = Some(role);
            return true;
        }
    }
    false
}

/// A match of these places.
pub(crate) fn compose(
    id: MatchId,
    rules: &Rules,
    lane: (u8, &std::sync::Arc<str>),
    places: Vec<Place>,
) -> Match {
    let (content, region) = lane;
    Match {
        id,
        game: rules.game.clone(),
        mode: rules.name.clone(),
        content: rules.contents[usize::from(content)].clone(),
        region: region.clone(),
        tick_rate_hz: 0,
        room: None,
        places,
    }
}

#[cfg(test)]
mod tests {
    use super::give_roles;

    #[test]
    fn whoever_takes_several_roles_makes_room() {
        assert_eq!(give_roles(&[0b11, 0b01], &[1, 1]), [Some(1), Some(0)]);
        assert_eq!(give_roles(&[0b111, 0b011, 0b001], &[1, 1, 1]), [Some(2), Some(1), Some(0)]);
        assert_eq!(give_roles(&[0b01, 0b01], &[1, 1]), [Some(0), None]);
    }
}
