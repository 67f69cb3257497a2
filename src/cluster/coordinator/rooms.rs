//! Running rooms that look for players, as the coordinator knows them.

use std::collections::{BTreeMap, BTreeSet};

use framekeep_matchmaking::{Backfill, Match, Matcher};

use crate::NodeView;
use crate::board::{Offer, Seats};
use crate::body::OfferBody;

/// A room that looks for players.
struct Known {
    node: String,
    serial: u64,
    backfill: Backfill,
}

/// Running rooms that look for players: those whose node is there are the matcher's.
#[derive(Default)]
pub(super) struct Rooms {
    /// The number of the last change that was read.
    pub(super) cursor: u64,
    known: BTreeMap<String, Known>,
    /// Nodes that may get players.
    nodes: BTreeSet<String>,
}

impl Rooms {
    /// Reads what has changed.
    pub(super) fn take_in(&mut self, now_ms: u64, matcher: &mut Matcher, offers: &[Offer], last: u64) {
        for offer in offers {
            let body = OfferBody::read(&offer.body);
            // Of one with claims it is not known who comes: its node says it anew once they have.
            let is_open = |body: &OfferBody| {
                offer.seats > 0 && offer.pending.is_empty() && body.backfill.room == offer.room
            };
            let Some(body) = body.filter(is_open) else {
                self.close(now_ms, matcher, &offer.room);
                continue;
            };
            let known = Known { node: offer.node.clone(), serial: offer.serial, backfill: body.backfill };
            if self.nodes.contains(&known.node) {
                open(now_ms, matcher, &known);
            } else {
                let _ = matcher.close_backfill(now_ms, &offer.room);
            }
            self.known.insert(offer.room.clone(), known);
        }
        self.cursor = last;
    }

    /// Notes which nodes there are: rooms of others get nobody.
    pub(super) fn look_at(
        &mut self,
        now_ms: u64,
        matcher: &mut Matcher,
        nodes: &[NodeView],
        modes_digest: &str,
    ) {
        let may = |view: &&NodeView| !view.load.draining && view.card.modes_digest == modes_digest;
        let there: BTreeSet<_> = nodes.iter().filter(may).map(|view| view.node.to_string()).collect();
        if there == self.nodes {
            return;
        }
        let before = std::mem::replace(&mut self.nodes, there);
        for known in self.known.values() {
            match (before.contains(&known.node), self.nodes.contains(&known.node)) {
                (false, true) => open(now_ms, matcher, known),
                (true, false) => drop(matcher.close_backfill(now_ms, &known.backfill.room)),
                _ => {}
            }
        }
    }

    /// A room does not look for players any more, or not as it did.
    pub(super) fn close(&mut self, now_ms: u64, matcher: &mut Matcher, room: &str) {
        self.known.remove(room);
        // The matcher need not know it.
        let _ = matcher.close_backfill(now_ms, room);
    }

    /// The node and the seats of the room that a match is for; `None` if they are not offered any more.
    pub(super) fn seats(&self, of: &Match) -> Option<(String, Seats)> {
        let room = of.room.as_deref()?;
        let known = self.known.get(room).filter(|known| self.nodes.contains(&known.node))?;
        let team = usize::from(of.places.first()?.team);
        let is_team = known.backfill.teams.get(team).is_some_and(|team| team.seats > 0);
        let count = u32::try_from(of.places.len()).ok()?;
        let seats = Seats { room: room.to_owned(), serial: known.serial, count };
        is_team.then(|| (known.node.clone(), seats))
    }
}

fn open(now_ms: u64, matcher: &mut Matcher, known: &Known) {
    // What is refused is no room of these modes.
    let _ = matcher.open_backfill(now_ms, known.backfill.clone());
}
