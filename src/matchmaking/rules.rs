//! `Rules`, a mode as the matcher uses it: words become numbers.

use std::sync::Arc;

use crate::group::{Group, Team};
use crate::limits::{PARTY_MAX, ROLES_MAX};
use crate::queue::Wish;
use crate::roles::{BySet, seats_of_sets};
use crate::{Mode, PartyMember, Refused, Ticket};

/// A mode as the matcher uses it.
#[derive(Clone, Debug)]
pub(crate) struct Rules {
    pub(crate) mode: Mode,
    pub(crate) game: Arc<str>,
    pub(crate) name: Arc<str>,
    /// At least one: an empty one where the mode has none.
    pub(crate) contents: Vec<Arc<str>>,
    /// At least one: 0 where the mode has none.
    pub(crate) tick_rates_hz: Vec<u16>,
    /// The pool of the first tick rate; those of the others follow.
    pub(crate) first_pool: usize,
    pub(crate) by_set: Option<BySet>,
}

impl Rules {
    pub(crate) fn new(mode: Mode, first_pool: usize) -> Self {
        let words = |words: &[String]| -> Vec<Arc<str>> {
            if words.is_empty() {
                vec![Arc::from("")]
            } else {
                words.iter().map(|w| w.as_str().into()).collect()
            }
        };
        let by_set =
            (!mode.roles.is_empty()).then(|| seats_of_sets(mode.roles.iter().map(|role| role.seats)));
        Self {
            game: mode.game.as_str().into(),
            name: mode.name.as_str().into(),
            contents: words(&mode.contents),
            tick_rates_hz: if mode.tick_rates_hz.is_empty() { vec![0] } else { mode.tick_rates_hz.clone() },
            first_pool,
            by_set,
            mode,
        }
    }

    /// Empty teams of so many seats each.
    pub(crate) fn teams(&self, seats: u8) -> impl Iterator<Item = Team> + '_ {
        (0..self.mode.teams).map(move |_| Team::new(seats, self.by_set))
    }

    /// What a ticket wants in numbers; `regions` are those of its regions.
    ///
    /// # Errors
    /// [`Refused`] if the mode has nothing for it.
    pub(crate) fn wish(
        &self,
        rules: usize,
        ticket: &Ticket,
        regions: Vec<(u8, u32)>,
        is_guest: bool,
    ) -> Result<Wish, Refused> {
        let (size, max) = (ticket.party.len(), self.mode.party_max);
        if size > usize::from(max) {
            return Err(Refused::PartyTooLarge { size, max });
        }
        let contents = match ticket.contents.as_slice() {
            [] => (0..self.contents.len() as u8).collect(),
            wanted => wanted.iter().map(|content| self.content(content)).collect::<Result<_, _>>()?,
        };
        let max_ms = self.mode.latency_ms.at(u64::MAX);
        let nearest_ms = regions.iter().map(|(_, latency)| *latency).min().unwrap_or(0);
        if nearest_ms > max_ms {
            return Err(Refused::TooFar { nearest_ms, max_ms });
        }
        let mut roles = [0; PARTY_MAX];
        for (bits, member) in roles.iter_mut().zip(&ticket.party) {
            *bits = self.roles(member)?;
        }
        let mut alone = Group::default();
        alone.reset(self.teams(self.mode.team_seats));
        if !alone.teams[0].fits(&roles[..size]) {
            return Err(Refused::PartyRoles);
        }
        let wait_ms = self.mode.wait_ms_max;
        Ok(Wish {
            rules,
            pool: self.first_pool + self.tick_rate(ticket.tick_rate_hz)?,
            contents,
            regions,
            is_guest,
            roles,
            expires_after_ms: if ticket.wait_ms_max == 0 { wait_ms } else { wait_ms.min(ticket.wait_ms_max) },
        })
    }

    /// The place of a content in the mode's list.
    pub(crate) fn content(&self, wanted: &str) -> Result<u8, Refused> {
        let found = self.contents.iter().position(|content| **content == *wanted);
        found.map(|nth| nth as u8).ok_or_else(|| Refused::UnknownContent { content: wanted.to_owned() })
    }

    /// The place of a tick rate in the mode's list.
    pub(crate) fn tick_rate(&self, hz: u16) -> Result<usize, Refused> {
        if hz == 0 {
            return Ok(0);
        }
        self.tick_rates_hz.iter().position(|one| *one == hz).ok_or(Refused::UnknownTickRate { hz })
    }

    fn roles(&self, member: &PartyMember) -> Result<u8, Refused> {
        let mut bits = 0;
        for role in &member.roles {
            let nth = self.mode.roles.iter().position(|one| one.role == *role);
            bits |= 1 << nth.ok_or_else(|| Refused::UnknownRole { role: role.clone() })?;
        }
        let all = (1 << ROLES_MAX.min(self.mode.roles.len())) - 1;
        Ok(if bits == 0 { all } else { bits })
    }
}
