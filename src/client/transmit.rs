//! `PlayPlugin`: inputs are made, ticks predicted. And what sends the datagrams.

use std::marker::PhantomData;

use bevy_app::{App, Plugin, PreUpdate};
use bevy_ecs::prelude::{DetectChangesMut, IntoScheduleConfigs, Local, MessageWriter, Res, ResMut, Resource};
use framekeep_protocol::ToServer;
use framekeep_rollback::{EventStage, GameEvent, RollbackEvent};
use framekeep_sim::Game;

use crate::connection::Connection;
use crate::notice::add_notice;
use crate::play::{ActiveMatch, Source};
use crate::{
    Cancelled, ClientClock, ClientConfig, ClientSystems, Confirmed, MatchEnded, NetDiagnostics, Predicted,
    RollbackHappened, TicksSkipped,
};

/// What the own seat does; written by the game in [`ClientSystems::Input`], used for every tick until it is changed.
///
/// What is held while no tick is made is not seen: [`LocalInput::latch`] is for what must not be missed.
#[derive(Resource, Clone, Copy, Debug)]
pub struct LocalInput<G: Game>(pub G::Input, Option<G::Input>);

impl<G: Game> Default for LocalInput<G> {
    fn default() -> Self {
        Self(G::Input::default(), None)
    }
}

impl<G: Game> LocalInput<G> {
    /// Keeps what is held now, changed by `press`, until a tick has seen it: `input.latch(|it| it.jump = true)`. What
    /// is latched before that tick comes on top.
    pub fn latch(&mut self, press: impl FnOnce(&mut G::Input)) {
        press(self.1.get_or_insert(self.0));
    }

    /// What the next tick sees.
    #[must_use]
    pub fn next(&self) -> G::Input {
        self.1.unwrap_or(self.0)
    }

    /// As [`Self::next`], for a tick that is made.
    fn take(&mut self) -> G::Input {
        self.1.take().unwrap_or(self.0)
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
            .add_systems(
                PreUpdate,
                (advance::<G>, tell_corrections::<G>).chain().in_set(ClientSystems::Advance),
            );
        add_notice::<Predicted<G::Event>>(app);
        add_notice::<Confirmed<G::Event>>(app);
        add_notice::<Cancelled<G::Event>>(app);
        add_notice::<RollbackHappened>(app);
        add_notice::<TicksSkipped>(app);
        add_notice::<MatchEnded>(app);
    }
}

/// Makes what is due, and tells what the game told.
fn advance<G: Game>(
    clock: Res<ClientClock>,
    config: Res<ClientConfig>,
    mut input: ResMut<LocalInput<G>>,
    mut active: ResMut<ActiveMatch<G>>,
    mut events: Local<Vec<GameEvent<G::Event>>>,
    mut predicted: MessageWriter<Predicted<G::Event>>,
    mut confirmed: MessageWriter<Confirmed<G::Event>>,
    mut cancelled: MessageWriter<Cancelled<G::Event>>,
    mut ended: MessageWriter<MatchEnded>,
) {
    active.take_back(&mut events);
    // A change is what the game writes.
    let input = input.bypass_change_detection();
    active.advance(clock.now(), &mut || input.take(), &config, &mut events);
    if active.seat().is_none() {
        let _nobody = input.take();
    }
    if let Some(end) = active.notice_end() {
        ended.write(MatchEnded(end));
    }
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
    mut skipped: MessageWriter<TicksSkipped>,
) {
    let mut was_rolled_back = false;
    let reached = active.reached;
    let Some(play) = active.rollback_mut() else { return };
    while let Some(event) = play.poll_event() {
        match event {
            RollbackEvent::RolledBack { from, depth, cause } => {
                was_rolled_back = true;
                diagnostics.note_rollback(depth);
                rollbacks.write(RollbackHappened { from, depth, cause });
            }
            RollbackEvent::Skipped { from, to } if from.max(reached) < to => {
                skipped.write(TicksSkipped { from: from.max(reached), to });
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
pub(crate) fn transmit<G: Game>(
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
