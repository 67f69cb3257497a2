//! `Allowances`, what players may do so often: remembered for a while by who they are, not by the link they come with.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

use bevy_ecs::prelude::Resource;
use framekeep_protocol::{PlayerId, Refusal, RoomName};

use crate::limits::{
    ALLOWANCES_MAX, CODES_WRONG, CODES_WRONG_ADDRESS, PAID_FOR, ROOMS_OPENED, SNAPSHOTS_SENT,
};

/// So often in so much time, which begins with the first.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limit {
    pub(crate) times: u32,
    pub(crate) within: Duration,
}

impl Limit {
    /// What asking more often is answered with.
    pub(crate) const fn refusal(self) -> Refusal {
        Refusal::TooFast { limit: self.times, within_s: self.within.as_secs() as u32 }
    }
}

/// What is counted.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Spent {
    /// A room was opened.
    Room,
    /// A code was wrong.
    Code,
    /// A code was wrong that came from an address: a guest may be a new player with each ticket.
    CodeFrom,
    /// A snapshot was sent.
    Snapshot,
}

impl Spent {
    const ALL: [Self; 4] = [Self::Room, Self::Code, Self::CodeFrom, Self::Snapshot];

    const fn limit(self) -> Limit {
        match self {
            Self::Room => ROOMS_OPENED,
            Self::Code => CODES_WRONG,
            Self::CodeFrom => CODES_WRONG_ADDRESS,
            Self::Snapshot => SNAPSHOTS_SENT,
        }
    }
}

/// Since when, and how often.
#[derive(Clone, Copy, Debug, Default)]
struct Tally {
    since: Duration,
    times: u32,
}

impl Tally {
    fn is_over(&self, limit: Limit, now: Duration) -> bool {
        self.times == 0 || now >= self.since + limit.within
    }
}

/// Who is counted: a player, or everybody at an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Who {
    Player(PlayerId),
    Address(IpAddr),
}

impl From<PlayerId> for Who {
    fn from(player: PlayerId) -> Self {
        Self::Player(player)
    }
}

impl From<IpAddr> for Who {
    /// Of IPv6 the network counts: a household has one.
    fn from(address: IpAddr) -> Self {
        Self::Address(match address {
            IpAddr::V4(_) => address,
            IpAddr::V6(whole) => Ipv6Addr::from_bits(whole.to_bits() >> 64 << 64).into(),
        })
    }
}

/// What players have done of which they may do only so much. A player who comes back finds it as it was.
#[derive(Resource, Default)]
pub(crate) struct Allowances {
    by_whom: HashMap<Who, [Tally; Spent::ALL.len()], foldhash::fast::RandomState>,
    /// Rooms that were paid for and are not open yet: their names are asked for where names are shared.
    paid: HashMap<PlayerId, (RoomName, Duration), foldhash::fast::RandomState>,
}

impl Allowances {
    /// Whether a player may do it once more.
    pub(crate) fn allows(&self, who: impl Into<Who>, what: Spent, now: Duration) -> bool {
        let Some(tallies) = self.by_whom.get(&who.into()) else { return true };
        let (tally, limit) = (tallies[what as usize], what.limit());
        tally.is_over(limit, now) || tally.times < limit.times
    }

    /// The same, as an answer to the player.
    ///
    /// # Errors
    /// [`Refusal::TooFast`] if not.
    pub(crate) fn check(&self, who: impl Into<Who>, what: Spent, now: Duration) -> Result<(), Refusal> {
        if self.allows(who, what, now) { Ok(()) } else { Err(what.limit().refusal()) }
    }

    /// Pays for a room that is about to be opened, once; `false` if the player may open none now.
    pub(crate) fn pay(&mut self, player: PlayerId, room: &RoomName, now: Duration) -> bool {
        self.paid.retain(|_, (_, until)| *until > now);
        if self.paid.get(&player).is_some_and(|(paid, _)| paid == room) {
            return true;
        }
        if self.paid.len() >= ALLOWANCES_MAX || !self.allows(player, Spent::Room, now) {
            return false;
        }
        self.spend(player, Spent::Room, now);
        self.paid.insert(player, (room.clone(), now + PAID_FOR));
        true
    }

    /// Whether a room was paid for that is opened now.
    pub(crate) fn take_paid(&mut self, player: PlayerId, room: &RoomName, now: Duration) -> bool {
        let is_it = self.paid.get(&player).is_some_and(|(paid, until)| paid == room && *until > now);
        is_it && self.paid.remove(&player).is_some()
    }

    /// Notes that a player has done it.
    pub(crate) fn spend(&mut self, who: impl Into<Who>, what: Spent, now: Duration) {
        let who = who.into();
        if self.by_whom.len() >= ALLOWANCES_MAX && !self.by_whom.contains_key(&who) {
            self.forget_old(now);
            if self.by_whom.len() >= ALLOWANCES_MAX {
                return;
            }
        }
        let tally = &mut self.by_whom.entry(who).or_default()[what as usize];
        if tally.is_over(what.limit(), now) {
            *tally = Tally { since: now, times: 0 };
        }
        tally.times += 1;
    }

    /// Of how many it is remembered.
    pub(crate) fn len(&self) -> usize {
        self.by_whom.len()
    }

    /// Forgets what a player has done.
    pub(crate) fn forget(&mut self, player: PlayerId) {
        self.by_whom.remove(&player.into());
    }

    /// Forgets what hinders nobody any more.
    pub(crate) fn forget_old(&mut self, now: Duration) {
        let is_old = |tallies: &[Tally; Spent::ALL.len()]| {
            Spent::ALL.iter().all(|what| tallies[*what as usize].is_over(what.limit(), now))
        };
        self.by_whom.retain(|_, tallies| !is_old(tallies));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Duration = Duration::from_secs(1_000);
    const ADA: PlayerId = PlayerId(1);

    #[test]
    fn so_much_is_allowed_and_again_when_the_time_is_over() {
        let mut allowances = Allowances::default();
        for _ in 0..CODES_WRONG.times {
            assert!(allowances.check(ADA, Spent::Code, NOW).is_ok());
            allowances.spend(ADA, Spent::Code, NOW);
        }
        assert_eq!(allowances.check(ADA, Spent::Code, NOW), Err(CODES_WRONG.refusal()));
        assert!(allowances.allows(ADA, Spent::Room, NOW), "each is counted for itself");
        assert!(allowances.allows(PlayerId(2), Spent::Code, NOW), "and each player");
        assert!(allowances.allows(ADA, Spent::Code, NOW + CODES_WRONG.within));
    }

    #[test]
    fn an_address_is_counted_whoever_comes_from_it() {
        let mut allowances = Allowances::default();
        let from = |text: &str| text.parse::<IpAddr>().unwrap();
        for last in 0..CODES_WRONG_ADDRESS.times {
            allowances.spend(from(&format!("2001:db8::{last:x}")), Spent::CodeFrom, NOW);
        }
        assert!(!allowances.allows(from("2001:db8::ffff"), Spent::CodeFrom, NOW));
        assert!(allowances.allows(from("2001:db8:0:1::1"), Spent::CodeFrom, NOW));
        assert!(allowances.allows(from("10.0.0.1"), Spent::CodeFrom, NOW));
    }

    #[test]
    fn many_players_take_bounded_memory_and_old_ones_make_room() {
        let mut allowances = Allowances::default();
        for player in 0..2 * ALLOWANCES_MAX as u64 {
            allowances.spend(PlayerId(player), Spent::Room, NOW);
        }
        assert_eq!(allowances.by_whom.len(), ALLOWANCES_MAX);
        allowances.spend(PlayerId(u64::MAX), Spent::Room, NOW + ROOMS_OPENED.within);
        assert_eq!(allowances.by_whom.len(), 1);
    }
}
