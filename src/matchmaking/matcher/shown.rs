//! How the queues are, for whoever does not have the matcher itself.

use super::Matcher;
use crate::{LaneView, MatchId, QueueView, RegionsView};

impl Matcher {
    /// How the queues are, by mode and tick rate.
    pub fn queues(&self) -> impl Iterator<Item = QueueView> + '_ {
        self.pools.iter().map(|pool| pool.view(&self.rules[pool.rules]))
    }

    /// Who waits for the same, by mode, tick rate, region and content; nothing of those for which nobody waits.
    pub fn lanes(&self) -> impl Iterator<Item = LaneView> + '_ {
        self.lanes.iter().filter(|lane| lane.players > 0).map(|lane| {
            let pool = &self.pools[lane.pool];
            let rules = &self.rules[pool.rules];
            LaneView {
                game: rules.mode.game.clone(),
                mode: rules.mode.name.clone(),
                tick_rate_hz: pool.tick_rate_hz,
                region: (**self.regions.name(lane.region)).to_owned(),
                content: (*rules.contents[usize::from(lane.content)]).to_owned(),
                players: lane.players,
            }
        })
    }

    /// The names of regions.
    #[must_use]
    pub fn regions(&self) -> RegionsView {
        let (free, free_for_guests) = self.regions.free();
        let used = self.regions.used().filter(|name| !name.is_empty()).map(str::to_owned).collect();
        RegionsView { used, free, free_for_guests }
    }

    /// The room of a match is there: it counts from now on, and so does what its tickets waited. What is given back
    /// before does not. `false` if it counts already, or there is no such match.
    ///
    /// No match depends on it, so it is not in the log.
    pub fn note_started(&mut self, id: MatchId) -> bool {
        let Some(formed) = self.matches.get_mut(&id) else { return false };
        let Some(formed_at_ms) = formed.uncounted_since_ms.take() else { return false };
        let pool = &mut self.pools[formed.pool];
        pool.formed += 1;
        for (slot, seq) in &formed.tickets {
            if self.queue.holds(*slot, *seq) {
                pool.note_wait(formed_at_ms.saturating_sub(self.queue.hot[*slot as usize].queued_at_ms));
            }
        }
        true
    }
}
