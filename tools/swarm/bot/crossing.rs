//! How a bot follows its room to another node.

use std::net::SocketAddr;
use std::time::Duration;

use framekeep_client::{ClientLink, LinkState};
use framekeep_protocol::{ToClient, peek_epoch};

use super::Bot;

impl Bot {
    /// Begins to follow its room, if it was told to: where the second link leads.
    pub(crate) fn set_out(&mut self, now: Duration) -> Option<SocketAddr> {
        let redirect = self.redirect.take()?;
        let crossing = ClientLink::new(&redirect.token, self.orders.hello.clone(), now).ok()?;
        let server = crossing.server_addr();
        self.crossing = Some(crossing);
        Some(server)
    }

    /// Whether it has a second link.
    pub(crate) fn is_crossing(&self) -> bool {
        self.crossing.is_some()
    }

    /// Takes a datagram from where its room goes.
    pub(crate) fn handle_across(&mut self, now: Duration, datagram: &mut [u8]) {
        let Some(crossing) = &mut self.crossing else { return };
        crossing.handle_datagram(now, datagram);
        while let Some(payload) = crossing.poll_hot() {
            self.heard_at = now;
            if let Some(play) = self.play.as_mut().filter(|play| peek_epoch(payload) == Some(play.epoch())) {
                play.handle_frames(now, payload);
            }
        }
    }

    /// Looks whether its room is there: then the second link is the first from now on, and the first is closed.
    pub(crate) fn arrive(&mut self, now: Duration, send: impl FnMut(&[u8])) -> bool {
        let Some(crossing) = &mut self.crossing else { return false };
        while let Some(message) = crossing.poll_control() {
            if !matches!(message, ToClient::Joined(_)) {
                continue;
            }
            self.link.close(send);
            self.findings.refused += self.link.counters().refused();
            if let Some(crossing) = self.crossing.take() {
                self.link = crossing;
            }
            (self.heard_at, self.findings.moves) = (now, self.findings.moves + 1);
            self.hear(now, message);
            return true;
        }
        if matches!(crossing.state(), LinkState::Closed { .. }) {
            self.crossing = None;
        }
        false
    }
}
