//! Tickets that the coordinator's matcher does not take: the node that took them in has other modes, or there is no
//! room for them now. They wait no longer than others, and of a mode that is not known only for a moment.

use std::collections::{BTreeMap, BTreeSet};

use framekeep_matchmaking::{Hindrance, Refused, Ticket, TicketId};
use tracing::warn;

use crate::board::Change;

/// How long a ticket waits that cannot be read.
pub(super) const WAIT_MS: u64 = 600_000;

/// How long one waits whose mode is not known here: long enough for another node to coordinate that knows it.
pub(crate) const UNKNOWN_MODE_MS: u64 = 10_000;

/// How often those that may fit later are tried again, and how many at once.
const AGAIN_MS: u64 = 1_000;
const AGAIN_MAX: usize = 256;

/// Most modes of which it is said that they are not known.
const TOLD_MAX: usize = 64;

struct Stray {
    /// What is tried again; nothing of a ticket that never fits.
    again: Option<Change>,
    since_ms: u64,
    ends_at_ms: u64,
    /// Why it waits until then.
    hindrance: Hindrance,
    /// Why it ends then.
    why: &'static str,
}

/// Tickets that the matcher does not take.
#[derive(Default)]
pub(super) struct Strays {
    known: BTreeMap<TicketId, Stray>,
    again_at_ms: u64,
    /// The last that was tried again.
    tried: Option<TicketId>,
    told: BTreeSet<(String, String)>,
}

impl Strays {
    /// The matcher does not take a ticket; `wait_ms` is how long it waits at most.
    pub(super) fn refuse(
        &mut self,
        now_ms: u64,
        (id, change): (TicketId, &Change),
        wait_ms: u64,
        why: Option<&Refused>,
    ) {
        if let Some(Refused::UnknownMode { game, mode }) = why
            && self.told.len() < TOLD_MAX
            && self.told.insert((game.clone(), mode.clone()))
        {
            warn!(
                game,
                mode, "another node takes tickets of a mode that is not known here: they get no match"
            );
        }
        let may_fit = matches!(
            why,
            Some(
                Refused::TooManyRegions { .. }
                    | Refused::GuestRegions { .. }
                    | Refused::QueueFull { .. }
                    | Refused::PlayerWaits { .. }
            )
        );
        let mut stray = Stray {
            again: may_fit.then(|| change.clone()),
            since_ms: change.record.since_ms,
            ends_at_ms: change.record.since_ms.saturating_add(wait_ms),
            hindrance: hindrance(why),
            why: "expired",
        };
        // Counted from now on: another one may have known it until a moment ago.
        let until_ms = now_ms.saturating_add(UNKNOWN_MODE_MS);
        if matches!(why, Some(Refused::UnknownMode { .. })) && until_ms < stray.ends_at_ms {
            (stray.ends_at_ms, stray.why) = (until_ms, "unknown_mode");
        }
        self.known.insert(id, stray);
    }

    /// Since when a ticket waits, when it ends, and why it waits.
    pub(super) fn why(&self, id: TicketId) -> Option<(u64, u64, Hindrance)> {
        self.known.get(&id).map(|stray| (stray.since_ms, stray.ends_at_ms, stray.hindrance))
    }

    /// A ticket does not wait any more.
    pub(super) fn forget(&mut self, id: TicketId) {
        self.known.remove(&id);
    }

    /// Those that have waited for as long as they may, and why they end; they are forgotten.
    pub(super) fn take_ended(&mut self, now_ms: u64) -> Vec<(TicketId, &'static str)> {
        let ended = self.known.extract_if(.., |_, stray| stray.ends_at_ms <= now_ms);
        ended.map(|(id, stray)| (id, stray.why)).collect()
    }

    /// Those that are to be tried again now; they are forgotten.
    pub(super) fn take_due(&mut self, now_ms: u64) -> Vec<Change> {
        if now_ms < self.again_at_ms || self.known.is_empty() {
            return Vec::new();
        }
        self.again_at_ms = now_ms + AGAIN_MS;
        let after = self.tried.map_or(TicketId(0), |id| TicketId(id.0.saturating_add(1)));
        let rest = self.known.range(after..).filter(|(_, stray)| stray.again.is_some());
        let due: Vec<TicketId> = rest.map(|(id, _)| *id).take(AGAIN_MAX).collect();
        self.tried = due.last().copied().filter(|_| due.len() == AGAIN_MAX);
        due.iter().filter_map(|id| self.known.remove(id)?.again).collect()
    }
}

fn hindrance(why: Option<&Refused>) -> Hindrance {
    match why {
        Some(Refused::TooManyRegions { .. }) => Hindrance::Regions { of_guests: false },
        Some(Refused::GuestRegions { .. }) => Hindrance::Regions { of_guests: true },
        Some(Refused::QueueFull { .. } | Refused::PlayerWaits { .. }) => Hindrance::Crowd,
        // Its mode is not known, or is another one here.
        _ => Hindrance::UnknownMode,
    }
}

/// How long a ticket waits at most, if its mode says so much or nothing is known of its mode.
pub(super) fn wait_ms(ticket: &Ticket, of_mode_ms: Option<u64>) -> u64 {
    let most = of_mode_ms.unwrap_or(WAIT_MS);
    if ticket.wait_ms_max > 0 { most.min(ticket.wait_ms_max) } else { most }
}
