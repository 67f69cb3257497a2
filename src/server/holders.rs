//! `Holders`, who has had which seat in a match: what its result names.

use bevy_ecs::prelude::{Component, Entity, World};
use framekeep_journal::{MatchHeader, Turn};
use framekeep_protocol::{PlayerId, SPECTATOR_SEAT};
use framekeep_sim::Tick;

use crate::{Room, Stage};

/// Most turns of players in seats that a match remembers; who comes and goes more often is not named.
const HOLDERS_MAX: usize = 256;

/// A player's time in a seat.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Holder {
    pub(crate) seat: u8,
    pub(crate) player: PlayerId,
    pub(crate) name: String,
    /// From this frame on.
    pub(crate) from: Tick,
    /// Before this frame; `None` for who has it still.
    pub(crate) until: Option<Tick>,
}

/// Who has had which seat in the running match of a room, in the order in which they took them.
#[derive(Component, Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Holders(Vec<Holder>);

impl Holders {
    /// Those with whom a match begins.
    pub(crate) fn of(header: &MatchHeader) -> Self {
        let holder = |seated: &framekeep_journal::Seated| Holder {
            seat: seated.seat,
            player: PlayerId(seated.player),
            name: seated.name.clone(),
            from: Tick(0),
            until: None,
        };
        Self(header.players.iter().map(holder).collect())
    }

    /// Those of a match whose records end before the frame of tick `end`; `is_decided` if it has an outcome.
    pub(crate) fn told(turns: &[Turn], end: Tick, is_decided: bool) -> Self {
        let holder = |turn: &Turn| Holder {
            seat: turn.seat,
            player: turn.player,
            name: turn.name.clone(),
            from: turn.from,
            // Who left a match that was decided had played it to its end.
            until: turn.until.filter(|until| !is_decided || *until < end),
        };
        Self(turns.iter().filter(|turn| turn.from == Tick(0) || turn.from < end).map(holder).collect())
    }

    /// Those that another node has told.
    pub(crate) fn exactly(mut holders: Vec<Holder>) -> Self {
        holders.truncate(HOLDERS_MAX);
        Self(holders)
    }

    /// All of them.
    pub(crate) fn all(&self) -> &[Holder] {
        &self.0
    }

    /// Whether somebody has a seat still.
    pub(crate) fn is_held(&self, seat: u8) -> bool {
        self.0.iter().any(|holder| holder.seat == seat && holder.until.is_none())
    }

    fn took(&mut self, seat: u8, player: PlayerId, name: &str, from: Tick) {
        if self.0.len() < HOLDERS_MAX {
            self.0.push(Holder { seat, player, name: name.to_owned(), from, until: None });
        }
    }

    fn left(&mut self, player: PlayerId, until: Tick) {
        let mut held = self.0.iter_mut().filter(|holder| holder.player == player && holder.until.is_none());
        if let Some(holder) = held.next() {
            holder.until = Some(until);
        }
    }

    /// Brings what an earlier run has recorded up to who sits there at `now`.
    pub(crate) fn catch_up(&mut self, room: &Room, now: Tick) {
        let seats = room.lobby.roster().seats();
        let sits = |holder: &Holder| {
            let occupant = seats.get(usize::from(holder.seat)).and_then(Option::as_ref);
            occupant.is_some_and(|occupant| occupant.player == holder.player && !occupant.out)
        };
        for holder in self.0.iter_mut().filter(|holder| holder.until.is_none() && !sits(holder)) {
            holder.until = Some(now);
        }
        for (occupant, seat) in seats.iter().zip(0_u8..) {
            if let Some(occupant) = occupant.as_ref().filter(|occupant| !occupant.out)
                && !self.is_held(seat)
            {
                self.took(seat, occupant.player, occupant.name.as_str(), now);
            }
        }
    }
}

/// A player has taken a seat of a room.
pub(crate) fn note_taken(world: &mut World, room: Entity, player: PlayerId, seat: u8) {
    let Some(tick) = running(world, room).filter(|_| seat != SPECTATOR_SEAT) else { return };
    let occupant =
        world.get::<Room>(room).and_then(|room| room.lobby.roster().seats().get(usize::from(seat))?.clone());
    if let (Some(occupant), Some(mut holders)) = (occupant, world.get_mut::<Holders>(room)) {
        holders.took(seat, player, occupant.name.as_str(), tick);
    }
}

/// A player has left a seat of a room, or given the match up.
pub(crate) fn note_left(world: &mut World, room: Entity, player: PlayerId) {
    let Some(tick) = running(world, room) else { return };
    if let Some(mut holders) = world.get_mut::<Holders>(room) {
        holders.left(player, tick);
    }
}

/// The next frame of the match that runs in a room.
fn running(world: &World, room: Entity) -> Option<Tick> {
    world.get::<Stage>(room).filter(|stage| !stage.is_over()).map(Stage::tick)
}

#[cfg(test)]
mod tests {
    use framekeep_journal::Seated;

    use super::*;

    #[test]
    fn a_seat_is_held_by_one_after_the_other() {
        let seated = |seat, player| Seated { seat, player, name: format!("p{player}") };
        let header = MatchHeader { players: vec![seated(0, 7), seated(1, 8)], ..MatchHeader::default() };
        let mut holders = Holders::of(&header);
        holders.left(PlayerId(8), Tick(50));
        assert!(holders.is_held(0) && !holders.is_held(1));
        holders.took(1, PlayerId(9), "p9", Tick(60));
        holders.left(PlayerId(8), Tick(70));
        let times: Vec<_> =
            holders.all().iter().map(|holder| (holder.seat, holder.from, holder.until)).collect();
        assert_eq!(times, [(0, Tick(0), None), (1, Tick(0), Some(Tick(50))), (1, Tick(60), None)]);
        for _ in 0..1_000 {
            holders.took(1, PlayerId(10), "p10", Tick(80));
        }
        assert_eq!(holders.all().len(), HOLDERS_MAX);
    }
}
