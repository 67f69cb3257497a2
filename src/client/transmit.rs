//! `PlayPlugin`: inputs are made, ticks predicted, datagrams sent.

use std::marker::PhantomData;

use bevy_app::{App, Plugin, PreUpdate};
use bevy_ecs::prelude::{IntoScheduleConfigs, Local, MessageWriter, Res, ResMut, Resource};
use framekeep_protocol::ToServer;
use framekeep_rollback::{EventStage, GameEvent, RollbackEvent};
use framekeep_sim::Game;

use crate::connection::Connection;
use crate::play::{ActiveMatch, Source};
use crate::{
    Cancelled, ClientClock, ClientConfig, ClientSystems, Confirmed, NetDiagnostics, Predicted,
    RollbackHappened,
};

/// What the own seat does; written by the game in [`ClientSystems::Input`], used for every tick until it is changed.
#[derive(Resource, Clone, Copy, Debug)]
pub struct LocalInput<G: Game>(pub G::Input);

impl<G: Game> Default for LocalInput<G> {
    fn default() -> Self {
        Self(G::Input::default())
    }
}

/// The match: inputs, prediction, events.
pub struct PlayPlugin<G: Game> {
    game: PhantomData<fn() -> G>,
}

impl<G: Game> Default for PlayPlugin<G> {
    fn default() -> Self {
        Self { game: PhantomData }
    }
}

impl<G: Game> Plugin for PlayPlugin<G> {
    fn build(&self, app: &mut App) {
        app.init_resource::<Connection>()
            .init_resource::<ActiveMatch<G>>()
            .init_resource::<LocalInput<G>>()
            .init_resource::<NetDiagnostics>()
            .add_message::<Predicted<G::Event>>()
            .add_message::<Confirmed<G::Event>>()
            .add_message::<Cancelled<G::Event>>()
            .add_message::<RollbackHappened>()
            .add_systems(
                PreUpdate,
                (advance::<G>, tell_corrections::<G>).chain().in_set(ClientSystems::Advance),
            )
            .add_systems(PreUpdate, transmit::<G>.in_set(ClientSystems::Send));
    }
}

/// Makes what is due, and tells what the game told.
fn advance<G: Game>(
    clock: Res<ClientClock>,
    config: Res<ClientConfig>,
    input: Res<LocalInput<G>>,
    mut active: ResMut<ActiveMatch<G>>,
    mut events: Local<Vec<GameEvent<G::Event>>>,
    mut predicted: MessageWriter<Predicted<G::Event>>,
    mut confirmed: MessageWriter<Confirmed<G::Event>>,
    mut cancelled: MessageWriter<Cancelled<G::Event>>,
) {
    active.take_back(&mut events);
    active.advance(clock.now(), input.0, &config, &mut events);
    for GameEvent { id, tick, stage, event } in events.drain(..) {
        match stage {
            EventStage::Predicted => {
                predicted.write(Predicted { id, tick, event });
            }
            EventStage::Confirmed { predicted } => {
                confirmed.write(Confirmed { id, tick, predicted, event });
            }
            EventStage::Cancelled => {
                cancelled.write(Cancelled { id, tick, event });
            }
        }
    }
}

/// Tells what was played again, and asks for what is missing.
fn tell_corrections<G: Game>(
    mut active: ResMut<ActiveMatch<G>>,
    mut connection: ResMut<Connection>,
    mut diagnostics: ResMut<NetDiagnostics>,
    mut rollbacks: MessageWriter<RollbackHappened>,
) {
    let mut was_rolled_back = false;
    let Some(play) = active.rollback_mut() else { return };
    while let Some(event) = play.poll_event() {
        match event {
            RollbackEvent::RolledBack { from, depth, cause } => {
                was_rolled_back = true;
                diagnostics.note_rollback(depth);
                rollbacks.write(RollbackHappened { from, depth, cause });
            }
            RollbackEvent::NeedSnapshot { .. } => {
                connection.say(&ToServer::NeedSnapshot { epoch: play.epoch() });
            }
            _ => {}
        }
    }
    if let Source::Online(online) = &mut active.source {
        online.was_rolled_back |= was_rolled_back;
    }
}

/// Sends what is due.
fn transmit<G: Game>(
    clock: Res<ClientClock>,
    mut active: ResMut<ActiveMatch<G>>,
    mut connection: ResMut<Connection>,
    mut packet: Local<Vec<u8>>,
) {
    let now = clock.now();
    if let Some(play) = active.rollback_mut() {
        packet.clear();
        if play.poll_transmit(now, &mut packet) {
            connection.send_hot(now, &packet);
        }
    }
    connection.transmit(now);
}
