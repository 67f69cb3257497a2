//! `Mode`, what a match of some kind has to look like.

use serde::{Deserialize, Serialize};

use crate::TicketFault;
use crate::limits::{
    CONTENTS_MAX, LATENCY_MS_MAX, MODES_MAX, PARTY_MAX, RATING_MAX, ROLES_MAX, SEATS_MAX, TEAMS_MAX,
    TICK_RATES_MAX, TIME_MS_MAX, WIDEN_EVERY_MS,
};
use crate::ticket::{distinct, within, word};

/// A limit that grows with the age of a ticket, once a second.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Widening {
    /// What it is at first.
    pub start: u32,
    /// By how much it grows in a second.
    pub per_s: u32,
    /// What it grows to.
    pub max: u32,
}

impl Widening {
    /// No limit at all.
    pub const NONE: Self = Self { start: i32::MAX as u32, per_s: 0, max: i32::MAX as u32 };

    /// What it is at an age.
    #[must_use]
    pub fn at(self, age_ms: u64) -> u32 {
        let grown = u64::from(self.per_s).saturating_mul(age_ms / WIDEN_EVERY_MS);
        let value = u64::from(self.start).saturating_add(grown).min(u64::from(self.max.max(self.start)));
        u32::try_from(value).unwrap_or(u32::MAX)
    }

    /// The same; `None` where there is no limit.
    #[must_use]
    pub fn limit_at(self, age_ms: u64) -> Option<u32> {
        Some(self.at(age_ms)).filter(|limit| *limit < Self::NONE.max)
    }
}

/// How many of a team have a role.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoleSeats {
    /// The role.
    pub role: String,
    /// Seats of each team that are for it.
    pub seats: u8,
}

/// When a match may start with free seats.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fewer {
    /// How long the oldest ticket must have waited, in milliseconds.
    pub after_ms: u64,
    /// Players that each team has at least.
    pub team_seats_min: u8,
    /// How many players more one team may have than another.
    pub difference_max: u8,
}

/// What a match of some kind has to look like.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mode {
    /// Its name, the only one of its game.
    pub name: String,
    /// The game.
    pub game: String,
    /// The contents it is played on; the game's default if there are none.
    pub contents: Vec<String>,
    /// Ticks a second that one may ask for, the default first; the server's default if there are none.
    pub tick_rates_hz: Vec<u16>,
    /// Teams; 1 where everybody plays for themselves.
    pub teams: u8,
    /// Seats of each team.
    pub team_seats: u8,
    /// Seats of each team by role, as many as the team has; none if roles do not matter.
    pub roles: Vec<RoleSeats>,
    /// Most players of a party.
    pub party_max: u8,
    /// When a match may start with free seats; never if it is not said.
    pub fewer: Option<Fewer>,
    /// How far apart ratings may be: of every two tickets of a match, within the limits of both.
    pub rating: Widening,
    /// How far away a region may be, in milliseconds.
    pub latency_ms: Widening,
    /// How long players have to say that they are there; 0 if they are not asked.
    pub ready_check_ms: u64,
    /// How long a ticket waits at most, in milliseconds.
    pub wait_ms_max: u64,
}

/// A mode that cannot be played.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ModeFault {
    /// A field of it.
    #[error("mode {mode:?}: {fault}")]
    Field {
        /// The mode.
        mode: String,
        /// What is wrong.
        fault: TicketFault,
    },
    /// The roles are not as many as the seats.
    #[error("mode {mode:?}: the roles have {roles} seats, a team has {team_seats}: they must be as many")]
    Roles {
        /// The mode.
        mode: String,
        /// Seats of all roles.
        roles: usize,
        /// Seats of a team.
        team_seats: usize,
    },
    /// There are too many.
    #[error("{0} modes, at most {MODES_MAX} are allowed")]
    TooMany(usize),
    /// Two of a game have one name.
    #[error("there are two modes {mode:?} of the game {game:?}")]
    Twice {
        /// The game.
        game: String,
        /// The name.
        mode: String,
    },
}

impl Mode {
    /// A mode of so many teams and seats, with nothing said of the rest.
    #[must_use]
    pub fn new(game: &str, name: &str, teams: u8, team_seats: u8) -> Self {
        Self {
            name: name.to_owned(),
            game: game.to_owned(),
            contents: Vec::new(),
            tick_rates_hz: Vec::new(),
            teams,
            team_seats,
            roles: Vec::new(),
            party_max: team_seats.min(PARTY_MAX as u8),
            fewer: None,
            rating: Widening::NONE,
            latency_ms: Widening::NONE,
            ready_check_ms: 0,
            wait_ms_max: 10 * 60_000,
        }
    }

    /// Seats of a match.
    #[must_use]
    pub fn seats(&self) -> usize {
        usize::from(self.teams) * usize::from(self.team_seats)
    }

    /// Refuses a mode that cannot be played.
    ///
    /// # Errors
    /// [`ModeFault`] names the mode, the field, the value and the limit.
    pub fn validate(&self) -> Result<(), ModeFault> {
        self.fields().map_err(|fault| ModeFault::Field { mode: self.name.clone(), fault })?;
        let roles: usize = self.roles.iter().map(|role| usize::from(role.seats)).sum();
        let team_seats = usize::from(self.team_seats);
        if !self.roles.is_empty() && roles != team_seats {
            return Err(ModeFault::Roles { mode: self.name.clone(), roles, team_seats });
        }
        Ok(())
    }

    fn fields(&self) -> Result<(), TicketFault> {
        let time =
            |field, ms: u64| within(field, ms.try_into().unwrap_or(usize::MAX), 0, TIME_MS_MAX as usize);
        word("name", &self.name)?;
        word("game", &self.game)?;
        within("teams", self.teams.into(), 1, TEAMS_MAX)?;
        within("team_seats", self.team_seats.into(), 1, SEATS_MAX)?;
        within("seats", self.seats(), 1, SEATS_MAX)?;
        within("party_max", self.party_max.into(), 1, PARTY_MAX.min(self.team_seats.into()))?;
        within("contents", self.contents.len(), 0, CONTENTS_MAX)?;
        self.contents.iter().try_for_each(|content| word("contents", content))?;
        distinct("contents", self.contents.iter())?;
        within("tick_rates_hz", self.tick_rates_hz.len(), 0, TICK_RATES_MAX)?;
        self.tick_rates_hz.iter().try_for_each(|hz| within("tick_rates_hz", (*hz).into(), 1, 1_000))?;
        distinct("tick_rates_hz", self.tick_rates_hz.iter())?;
        within("roles", self.roles.len(), 0, ROLES_MAX)?;
        for role in &self.roles {
            word("roles", &role.role)?;
            within("roles.seats", role.seats.into(), 1, self.team_seats.into())?;
        }
        distinct("roles", self.roles.iter().map(|role| &role.role))?;
        if let Some(fewer) = self.fewer {
            time("fewer.after_ms", fewer.after_ms)?;
            within("fewer.team_seats_min", fewer.team_seats_min.into(), 1, self.team_seats.into())?;
            within("fewer.difference_max", fewer.difference_max.into(), 0, self.team_seats.into())?;
        }
        if self.rating != Widening::NONE {
            within("rating.max", self.rating.max as usize, 0, 2 * RATING_MAX as usize)?;
            within("rating.start", self.rating.start as usize, 0, self.rating.max as usize)?;
        }
        if self.latency_ms != Widening::NONE {
            within("latency_ms.max", self.latency_ms.max as usize, 0, LATENCY_MS_MAX as usize)?;
            within("latency_ms.start", self.latency_ms.start as usize, 0, self.latency_ms.max as usize)?;
        }
        time("ready_check_ms", self.ready_check_ms)?;
        within("wait_ms_max", self.wait_ms_max.try_into().unwrap_or(usize::MAX), 1, TIME_MS_MAX as usize)
    }
}

/// Refuses a list of modes of which one cannot be played or two are the same.
pub(crate) fn validate_all(modes: &[Mode]) -> Result<(), ModeFault> {
    if modes.len() > MODES_MAX {
        return Err(ModeFault::TooMany(modes.len()));
    }
    for (nth, mode) in modes.iter().enumerate() {
        mode.validate()?;
        if modes[..nth].iter().any(|other| other.game == mode.game && other.name == mode.name) {
            return Err(ModeFault::Twice { game: mode.game.clone(), mode: mode.name.clone() });
        }
    }
    Ok(())
}
