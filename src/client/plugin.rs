//! `FramekeepClientPlugins`: what a client is made of, and the order in which it works.

use std::marker::PhantomData;

use bevy_app::{App, Plugin, PluginGroup, PluginGroupBuilder, PreUpdate};
use bevy_ecs::prelude::{IntoScheduleConfigs, SystemSet};
use bevy_state::app::{AppExtStates, StatesPlugin};
use bevy_time::TimePlugin;
use framekeep_sim::Game;

use crate::clock::follow_time;
use crate::diagnostics::DiagnosticsPlugin;
use crate::mirror::MirrorPlugin;
use crate::receive::LinkPlugin;
use crate::transmit::PlayPlugin;
use crate::{ClientClock, ClientConfig, ConnectionState, RoomState};

/// The steps of a frame, in order, all of them in `PreUpdate`; what a game draws in `Update` is up to date.
#[derive(SystemSet, Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ClientSystems {
    /// The time of this frame is read.
    Clock,
    /// Commands are obeyed; what the server said is taken in.
    Receive,
    /// The game writes [`LocalInput`](crate::LocalInput): put your systems here.
    Input,
    /// Inputs are made, ticks predicted, mistakes corrected; what happened is told.
    Advance,
    /// Datagrams leave.
    Send,
    /// Entities are spawned, moved and despawned.
    Mirror,
    /// Figures are taken.
    Report,
}

/// Everything a client of the game `G` does. Leave parts out with `.disable::<..>()` and add your own instead;
/// `.set(..)` is for the settings of [`FramePlugin`], the only part that has any.
///
/// Adds Bevy's `TimePlugin` and `StatesPlugin` unless they are there: add `DefaultPlugins` first.
pub struct FramekeepClientPlugins<G: Game> {
    config: ClientConfig,
    game: PhantomData<fn() -> G>,
}

impl<G: Game> FramekeepClientPlugins<G> {
    /// A client that behaves as `config` says.
    #[must_use]
    pub fn new(config: ClientConfig) -> Self {
        Self { config, game: PhantomData }
    }
}

impl<G: Game> Default for FramekeepClientPlugins<G> {
    fn default() -> Self {
        Self::new(ClientConfig::default())
    }
}

impl<G: Game> PluginGroup for FramekeepClientPlugins<G> {
    fn build(self) -> PluginGroupBuilder {
        PluginGroupBuilder::start::<Self>()
            .add(FramePlugin { config: self.config })
            .add(LinkPlugin::<G>::default())
            .add(PlayPlugin::<G>::default())
            .add(MirrorPlugin::<G>::default())
            .add(DiagnosticsPlugin::<G>::default())
    }
}

/// Time, settings, states and the order of a frame.
#[derive(Clone, Debug, Default)]
pub struct FramePlugin {
    /// How the client behaves.
    pub config: ClientConfig,
}

impl Plugin for FramePlugin {
    fn build(&self, app: &mut App) {
        use ClientSystems::{Advance, Clock, Input, Mirror, Receive, Report, Send};
        if !app.is_plugin_added::<TimePlugin>() {
            app.add_plugins(TimePlugin);
        }
        if !app.is_plugin_added::<StatesPlugin>() {
            app.add_plugins(StatesPlugin);
        }
        app.insert_resource(self.config.clone())
            .init_resource::<ClientClock>()
            .init_state::<ConnectionState>()
            .init_state::<RoomState>()
            .configure_sets(PreUpdate, (Clock, Receive, Input, Advance, Send, Mirror, Report).chain())
            .add_systems(PreUpdate, follow_time.in_set(Clock));
    }
}
