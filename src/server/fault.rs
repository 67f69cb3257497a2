//! `Fault`, what goes wrong with a link, a room or the node, by kind; and the budgets of it that each of them has.

use std::time::Duration;

use bevy_ecs::prelude::Component;
use framekeep_protocol::{CloseReason, ClosedReason, HotError, PayloadFault};
use framekeep_sim::Tick;

use crate::{CleanupError, Failure};

/// What kind of thing goes wrong. Each kind has a budget of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FaultKind {
    /// What comes over a link breaks the transport's rules, or the socket fails.
    Network,
    /// What a client sends is sealed and whole, and cannot be meant.
    Input,
    /// A client's state differs from ours.
    Desync,
    /// A game panics, takes too long or grows too large.
    Game,
    /// A cleanup fails.
    Cleanup,
    /// Journal or replays cannot be written.
    Record,
}

impl FaultKind {
    /// All kinds, in the order in which [`Counters::faults`](crate::Counters::faults) counts them.
    pub const ALL: [Self; 6] =
        [Self::Network, Self::Input, Self::Desync, Self::Game, Self::Cleanup, Self::Record];

    /// The kind's name in configuration, status and logs.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Network => "network",
            Self::Input => "input",
            Self::Desync => "desync",
            Self::Game => "game",
            Self::Cleanup => "cleanup",
            Self::Record => "record",
        }
    }
}

/// What a fault is of, which has the budget for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultOwner {
    /// One connection.
    Link,
    /// One room.
    Room,
    /// The server.
    Node,
}

/// What follows from one fault more than the budget.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Escalation {
    /// The link is told why and closed; its seat is held as for any lost link.
    CloseLink(CloseReason),
    /// The match is ended and the room closed; its name is not free for a while.
    CloseRoom(ClosedReason),
    /// Operators are told in the log; what is tried again is tried again as before.
    Log,
}

impl FaultKind {
    /// What follows when an owner has too many faults of this kind; `None` where there are none of the kind.
    #[must_use]
    pub const fn escalation(self, owner: FaultOwner) -> Option<Escalation> {
        match (self, owner) {
            (Self::Network | Self::Input, FaultOwner::Link) => {
                Some(Escalation::CloseLink(CloseReason::Faulty))
            }
            (Self::Desync, FaultOwner::Link) => Some(Escalation::CloseLink(CloseReason::Desynced)),
            (Self::Game, FaultOwner::Room) => Some(Escalation::CloseRoom(ClosedReason::Failing)),
            (Self::Cleanup, FaultOwner::Room) | (Self::Network | Self::Record, FaultOwner::Node) => {
                Some(Escalation::Log)
            }
            _ => None,
        }
    }
}

/// One thing that went wrong. The family joins the errors of the places where they happen.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// A payload that the guard before renet refused.
    #[error(transparent)]
    Payload(#[from] PayloadFault),
    /// The socket could not be read or written.
    #[error("the UDP socket failed: {0}")]
    Socket(String),
    /// A packet of inputs that cannot be read.
    #[error("a packet of inputs cannot be read: {0}")]
    Inputs(#[from] HotError),
    /// An acknowledgement of frames that do not exist.
    #[error("frames before tick {} are acknowledged, the next one is {}", .ack.0, .next.0)]
    AckAhead {
        /// What was acknowledged.
        ack: Tick,
        /// The next frame.
        next: Tick,
    },
    /// More control messages in a second than are answered.
    #[error("more than {limit} control messages in a second")]
    TooFast {
        /// The limit.
        limit: u32,
    },
    /// A client's state differs from ours.
    #[error("a client's state differs from ours at tick {}", .tick.0)]
    Desync {
        /// The first tick at which it was seen.
        tick: Tick,
    },
    /// A game's own fault.
    #[error(transparent)]
    Game(#[from] Failure),
    /// A cleanup's.
    #[error(transparent)]
    Cleanup(#[from] CleanupError),
    /// Batches or files that were not written.
    #[error("{failures} batches or files were not written")]
    Record {
        /// How many since the last look.
        failures: u64,
    },
}

impl Fault {
    /// What kind of thing it is, which says whose budget it is charged to.
    #[must_use]
    pub const fn kind(&self) -> FaultKind {
        match self {
            Self::Payload(_) | Self::Socket(_) => FaultKind::Network,
            Self::Inputs(_) | Self::AckAhead { .. } | Self::TooFast { .. } => FaultKind::Input,
            Self::Desync { .. } => FaultKind::Desync,
            Self::Game(_) => FaultKind::Game,
            Self::Cleanup(_) => FaultKind::Cleanup,
            Self::Record { .. } => FaultKind::Record,
        }
    }
}

/// How many faults of each kind a link, a room or the node may have within a window of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FaultBudgets {
    /// The window's length; it begins with the first fault in it. Default 1 min.
    pub window: Duration,
    /// The most within it, by kind ([`FaultKind::ALL`]); the next one escalates. 0 never does. Default 10 each.
    pub max: [u32; FaultKind::ALL.len()],
}

impl Default for FaultBudgets {
    fn default() -> Self {
        Self { window: Duration::from_secs(60), max: [10; FaultKind::ALL.len()] }
    }
}

/// The faults of one link, room or node within the windows that run.
#[derive(Component, Clone, Debug, Default)]
pub struct FaultLog([Window; FaultKind::ALL.len()]);

#[derive(Clone, Copy, Debug, Default)]
struct Window {
    began: Duration,
    count: u32,
}

impl FaultLog {
    /// Charges a fault; gives whether it is the one that goes over the budget, of which there is one a window.
    pub fn charge(&mut self, kind: FaultKind, now: Duration, budgets: &FaultBudgets) -> bool {
        let spent = self.spent(kind, now, budgets);
        let window = &mut self.0[kind as usize];
        if spent == 0 {
            *window = Window { began: now, count: 0 };
        }
        window.count = window.count.saturating_add(1);
        let max = budgets.max[kind as usize];
        max > 0 && window.count == max.saturating_add(1)
    }

    /// How many faults of a kind the running window has.
    #[must_use]
    pub fn spent(&self, kind: FaultKind, now: Duration, budgets: &FaultBudgets) -> u32 {
        let window = self.0[kind as usize];
        if now < window.began + budgets.window { window.count } else { 0 }
    }

    /// When the running window of a kind ends.
    #[must_use]
    pub fn forgotten_at(&self, kind: FaultKind, budgets: &FaultBudgets) -> Duration {
        self.0[kind as usize].began + budgets.window
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn s(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn the_document_has_the_escalations_of_the_code() {
        let mut table = String::from("| faults | of a link | of a room | of the node |\n|---|---|---|---|\n");
        for kind in FaultKind::ALL {
            let cell = |owner| match kind.escalation(owner) {
                Some(Escalation::CloseLink(reason)) => format!("link closed: `{reason:?}`"),
                Some(Escalation::CloseRoom(reason)) => format!("room closed: `{reason:?}`"),
                Some(Escalation::Log) => "logged".to_owned(),
                None => "–".to_owned(),
            };
            let cells = [FaultOwner::Link, FaultOwner::Room, FaultOwner::Node].map(cell);
            table += &format!("| {} | {} |\n", kind.name(), cells.join(" | "));
        }
        let document = include_str!("../../docs/ROOMS.md");
        assert!(document.contains(&table), "docs/ROOMS.md must have this table:\n{table}");
    }

    #[test]
    fn a_budget_is_gone_over_once_a_window() {
        let budgets = FaultBudgets { max: [3; 6], ..FaultBudgets::default() };
        let mut log = FaultLog::default();
        let mut over = Vec::new();
        for at in 100..190 {
            if log.charge(FaultKind::Input, s(at), &budgets) {
                over.push(at);
            }
        }
        assert_eq!(over, [103, 163], "the second window begins at 160");
        assert_eq!(log.spent(FaultKind::Input, s(189), &budgets), 30);
        assert_eq!(log.spent(FaultKind::Input, s(220), &budgets), 0);
        assert_eq!(log.spent(FaultKind::Network, s(189), &budgets), 0, "kinds do not mix");
    }

    #[test]
    fn faults_that_are_rare_are_forgiven_and_a_budget_of_zero_is_none() {
        let budgets = FaultBudgets { max: [2; 6], window: s(10) };
        let mut log = FaultLog::default();
        assert!((0..100).all(|number| !log.charge(FaultKind::Game, s(100 + number * 5), &budgets)));
        let none = FaultBudgets { max: [0; 6], ..budgets };
        assert!((0..100).all(|_| !log.charge(FaultKind::Desync, s(100), &none)));
    }
}
