//! How a bot loses its link and comes back.

use std::time::Duration;

use framekeep_client::{ClientLink, LinkState, TokenError};

use super::Bot;
use crate::loss::{Return, Returned};
use crate::play::Play;

/// In a match something is heard with every tick.
const ABANDONED: Duration = Duration::from_secs(1);

impl Bot {
    /// Whether it is in a running match, with a link to lose.
    pub(crate) fn can_lose_link(&self) -> bool {
        let is_over = self.play.as_ref().is_none_or(Play::is_over);
        self.coming_back.is_none() && !is_over && self.is_playing()
    }

    /// Whether nothing was heard of the server for so long in a match that it is gone, and perhaps started again.
    pub(crate) fn is_abandoned(&self, now: Duration) -> bool {
        !self.is_leaving && self.can_lose_link() && now.saturating_sub(self.heard_at) > ABANDONED
    }

    /// Whether it has lost its link on purpose and is not yet playing again.
    pub(crate) fn is_coming_back(&self) -> bool {
        self.coming_back.is_some()
    }

    /// Whether its way back has ended before it was seated: it needs another link.
    pub(crate) fn wants_link(&self) -> bool {
        self.coming_back.is_some() && matches!(self.link.state(), LinkState::Closed { .. })
    }

    /// Forgets its match and says nothing to anybody; it is not to be turned before it comes back.
    pub(crate) fn lose_link(&mut self, now: Duration) {
        self.findings.refused += self.link.counters().refused();
        self.losses.note_loss();
        self.coming_back = Some(Return::new(self.seat, now));
        self.put_away();
        (self.crossing, self.redirect) = (None, None);
        self.resting_since.get_or_insert(now);
    }

    /// Connects anew; its seat is given back by itself.
    pub(crate) fn come_back(&mut self, ticket: &[u8], now: Duration) -> Result<(), TokenError> {
        self.link = ClientLink::new(ticket, self.orders.hello.clone(), now)?;
        self.heard_at = now;
        Ok(())
    }

    /// Looks whether it is back.
    pub(super) fn settle_return(&mut self, now: Duration) {
        let is_playing = self.play.as_ref().is_some_and(|play| play.is_running() || play.is_over());
        let Some(returned) = self.coming_back.and_then(|back| back.settle(now, is_playing)) else { return };
        self.coming_back = None;
        self.losses.note_return(returned);
        if returned == Returned::Failed {
            self.give_up("did not get its seat back".to_owned());
        }
    }
}
