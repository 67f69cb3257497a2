//! `ClientConfig`, how a client behaves.

use std::time::Duration;

use bevy_ecs::prelude::Resource;
use framekeep_conditioner::LinkConditions;
use framekeep_protocol::{JoinRoom, PlayerName, RoomName, RoomOptions};
use framekeep_rollback::{RollbackConfig, Smoothing};
use framekeep_sim::Game;

/// How a client behaves. Every field has a default that plays. Of changes while the client runs, `reconnect` and
/// `spectator_delay` count at once, `player`, `conditions` and `seed` for the next link, `rollback` for the next match,
/// `smoothing` after a time without one, and `room` when
/// [`ClientCommand::Connect`](crate::ClientCommand::Connect) finds no room wanted; `connect_at_start` is read once.
#[derive(Clone, Debug, Resource)]
pub struct ClientConfig {
    /// What to call the player. Default: what the ticket says; the server shows the ticket's name in any case.
    pub player: Option<PlayerName>,
    /// The room to join, or to create, as soon as the server has admitted the client. Default none: join later with
    /// [`ClientCommand::Join`](crate::ClientCommand::Join).
    pub room: Option<JoinRoom>,
    /// Connect as soon as the app runs, if there are [`Tickets`](crate::Tickets). Default true.
    pub connect_at_start: bool,
    /// Prediction: how far, with which input delay, with which lead. Default [`RollbackConfig::default`].
    pub rollback: RollbackConfig,
    /// How corrections are hidden from the eye. Default [`Smoothing::default`].
    pub smoothing: Smoothing,
    /// How a lost link is replaced.
    pub reconnect: ReconnectConfig,
    /// How far behind the newest frame a spectator watches. Default 200 ms; under the jitter of the path the picture
    /// stops now and then. At most ten minutes.
    pub spectator_delay: Duration,
    /// A bad network put between this client and the server, each way, for development. Default perfect: none.
    pub conditions: LinkConditions,
    /// Where the chance of `conditions` and of the reconnection's jitter comes from. Default 0.
    pub seed: u64,
}

/// How a lost link is replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReconnectConfig {
    /// Whether a lost link is replaced at all. Default true.
    pub enabled: bool,
    /// How long the server may be silent while a match is played before a second link is opened beside the first.
    /// Default 400 ms. Much less opens links for every burst of losses; much more leaves a player standing. It is
    /// shorter by the round trip, down to half: a second link needs two round trips until it replaces the first, and
    /// is given up if the first is heard of before.
    pub silence: Duration,
    /// The pause after the first attempt that failed; it doubles with each. Default 250 ms.
    pub first: Duration,
    /// The longest pause. Default 10 s.
    pub longest: Duration,
    /// How much shorter a pause may be by chance, in percent, so that the clients of a server that was away do not all
    /// come at once. Default 50.
    pub jitter_percent: u32,
    /// Attempts in a row that may fail before the client gives up. Default 20.
    pub attempts_max: u32,
}

impl ReconnectConfig {
    /// How long the server may be silent on a way with this round trip.
    pub(crate) fn patience(&self, rtt: Option<Duration>) -> Duration {
        self.silence.saturating_sub(rtt.unwrap_or_default()).max(self.silence / 2)
    }
}

impl Default for ReconnectConfig {
    fn default() -> Self {
        Self {
            enabled: true,
            silence: Duration::from_millis(400),
            first: Duration::from_millis(250),
            longest: Duration::from_secs(10),
            jitter_percent: 50,
            attempts_max: 20,
        }
    }
}

impl Default for ClientConfig {
    fn default() -> Self {
        Self {
            player: None,
            room: None,
            connect_at_start: true,
            rollback: RollbackConfig::default(),
            smoothing: Smoothing::default(),
            reconnect: ReconnectConfig::default(),
            spectator_delay: Duration::from_millis(200),
            conditions: LinkConditions::PERFECT,
            seed: 0,
        }
    }
}

impl ClientConfig {
    /// The defaults, for a client that takes a seat in a room of `seats` seats of a game, and creates it if need be.
    ///
    /// A name that is no room name (empty, too long, unprintable) joins nothing.
    #[must_use]
    pub fn seat<G: Game>(room: &str, seats: u8) -> Self {
        let room = RoomName::try_from(room).ok();
        Self {
            room: room.map(|room| JoinRoom::seat(room, Some(RoomOptions::new(G::NAME, seats)))),
            ..Self::default()
        }
    }

    /// The defaults, for a client that watches a room that is there.
    #[must_use]
    pub fn watch(room: &str) -> Self {
        let room = RoomName::try_from(room).ok();
        let join = |room| JoinRoom { spectate: true, ..JoinRoom::seat(room, None) };
        Self { room: room.map(join), ..Self::default() }
    }
}
