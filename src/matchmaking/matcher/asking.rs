//! Matches from the moment they are found: players are asked, answer or do not, and it is played or falls through.

use std::sync::Arc;

use framekeep_protocol::PlayerId;

use super::Matcher;
use crate::group::Pick;
use crate::limits::REMEMBERED_MS;
use crate::queue::Slot;
use crate::{Ended, Event, Match, MatchId, Operation, Refused, TicketState};

/// A match that was found.
#[derive(Clone, Debug)]
pub(super) struct Formed {
    pub(super) of: Arc<Match>,
    pub(super) pool: usize,
    /// Its tickets and their numbers of arrival.
    pub(super) tickets: Vec<(Slot, u64)>,
    /// Who has said that they are there, as bits by place.
    there: u64,
    /// Until when its players may answer, while they are asked.
    until_ms: Option<u64>,
    /// When it was to be played, until it counts.
    pub(super) uncounted_since_ms: Option<u64>,
}

impl Formed {
    fn missing(&self) -> impl Iterator<Item = PlayerId> + '_ {
        let places = self.of.places.iter().enumerate();
        places.filter(|(nth, _)| self.there & (1 << nth) == 0).map(|(_, place)| place.player)
    }
}

impl Matcher {
    /// The tickets of a group do not wait any more; their players are asked, or play.
    pub(super) fn found(&mut self, of: Match, picks: &[Pick], pool: usize) {
        let id = of.id;
        let tickets = picks.iter().map(|pick| (pick.slot, self.queue.card(pick.slot).seq)).collect();
        let ready_check_ms = self.rules[self.pools[pool].rules].mode.ready_check_ms;
        let of = Arc::new(of);
        for pick in picks {
            self.stop_waiting(pick.slot);
        }
        let until_ms = self.now_ms + ready_check_ms;
        let asked = (ready_check_ms > 0).then_some(until_ms);
        let uncounted_since_ms = None;
        let formed = Formed { of: of.clone(), pool, tickets, there: 0, until_ms: asked, uncounted_since_ms };
        self.matches.insert(id, formed);
        if asked.is_none() {
            self.play(id);
            return;
        }
        self.asked.insert((until_ms, id));
        for pick in picks {
            self.set_state(pick.slot, TicketState::Asked { of: id, until_ms });
        }
        self.events.push_back(Event::Asked { of, until_ms });
    }

    /// Everybody is there.
    fn play(&mut self, id: MatchId) {
        let Some(formed) = self.matches.get_mut(&id) else { return };
        if let Some(until_ms) = formed.until_ms.take() {
            self.asked.remove(&(until_ms, id));
        }
        formed.uncounted_since_ms = Some(self.now_ms);
        let tickets = std::mem::take(&mut formed.tickets);
        self.events.push_back(Event::Formed(formed.of.clone()));
        let forget_at_ms = self.now_ms + REMEMBERED_MS;
        self.settled.push_back((forget_at_ms, id));
        for (slot, _) in &tickets {
            self.set_state(*slot, TicketState::Matched { of: id });
            self.queue.end(*slot, forget_at_ms);
        }
        if let Some(formed) = self.matches.get_mut(&id) {
            formed.tickets = tickets;
        }
    }

    /// A player is there.
    pub(super) fn accept(&mut self, id: MatchId, player: PlayerId) {
        let Some(formed) = self.matches.get_mut(&id) else { return };
        if let Some(nth) = formed.of.places.iter().position(|place| place.player == player) {
            formed.there |= 1 << nth;
        }
        if formed.missing().next().is_none() {
            self.play(id);
        }
    }

    /// Matches whose players are being asked to come into a running room.
    pub(super) fn asked_into(&self, room: &str) -> impl Iterator<Item = &Arc<Match>> {
        let asked = self.asked.iter().filter_map(|(_, id)| self.matches.get(id));
        asked.map(|formed| &formed.of).filter(move |of| of.room.as_deref() == Some(room))
    }

    /// How many players of a match have said that they are there, and how many it has.
    pub(super) fn answers(&self, id: MatchId) -> (u32, u32) {
        let Some(formed) = self.matches.get(&id) else { return (0, 0) };
        (formed.there.count_ones(), formed.of.places.len() as u32)
    }

    /// Those of a match who have not answered.
    pub(super) fn missing(&self, id: MatchId) -> Vec<PlayerId> {
        self.matches.get(&id).map(|formed| formed.missing().collect()).unwrap_or_default()
    }

    /// The tickets of which somebody has not answered.
    pub(super) fn silent(&self, id: MatchId) -> Vec<Slot> {
        let players = self.missing(id);
        players.into_iter().filter_map(|player| self.queue.of_player(player)).collect()
    }

    /// A match is not played: tickets end as `ends` says, the others wait again, as long as they have.
    pub(super) fn fall_through(&mut self, id: MatchId, ends: impl Fn(Slot) -> Option<Ended>) {
        let Some(formed) = self.matches.remove(&id) else { return };
        if let Some(until_ms) = formed.until_ms {
            self.asked.remove(&(until_ms, id));
        }
        self.events.push_back(Event::FellThrough(id));
        if let Some(room) = &formed.of.room {
            self.leave_room(room, id);
        }
        for (slot, _) in formed.tickets {
            match ends(slot) {
                Some(ended) => self.end(slot, ended),
                None => {
                    self.begin_waiting(slot);
                    self.events.push_back(Event::Returned(self.queue.record(slot).ticket.id));
                }
            }
        }
    }

    /// A match cannot be played, through no fault of its players: they wait again, as long as they have.
    ///
    /// # Errors
    /// [`Refused::UnknownMatch`] if there is none, or it was formed long ago.
    pub fn give_back(&mut self, now_ms: u64, id: MatchId) -> Result<(), Refused> {
        let operation = self.to_log(|| Operation::GiveBack(id));
        self.logged(now_ms, operation, |it| it.undo(now_ms, id))
    }

    fn undo(&mut self, now_ms: u64, id: MatchId) -> Result<(), Refused> {
        self.elapse(now_ms);
        let formed = self.matches.get(&id).ok_or(Refused::UnknownMatch(id))?;
        let mut busy = Vec::new();
        if formed.until_ms.is_none() {
            let tickets: Vec<_> =
                formed.tickets.iter().filter(|(slot, seq)| self.queue.holds(*slot, *seq)).copied().collect();
            for (slot, _) in &tickets {
                let party = &self.queue.record(*slot).ticket.party;
                if party.iter().any(|member| self.queue.of_player(member.player).is_some()) {
                    busy.push(*slot);
                }
            }
            for (slot, _) in &tickets {
                self.queue.revive(*slot, !busy.contains(slot));
            }
            if let Some(formed) = self.matches.get_mut(&id) {
                formed.tickets = tickets;
            }
        }
        self.fall_through(id, |slot| busy.contains(&slot).then_some(Ended::Superseded));
        Ok(())
    }
}
