//! `LinkPlugin`: commands are obeyed, and what the server said reaches room and match.

use std::marker::PhantomData;
use std::time::Duration;

use bevy_app::{App, AppExit, Last, Plugin, PreUpdate, Startup};
use bevy_ecs::prelude::{IntoScheduleConfigs, MessageReader, MessageWriter, Messages, Res, ResMut, Resource};
use bevy_state::state::{NextState, State};
use framekeep_protocol::{
    GameRules, JoinRoom, LeftReason, RoomEventKind, RoomPhase, Snapshot, ToClient, ToServer, peek_epoch,
};
use framekeep_sim::{Game, Match, diff_values, fingerprint};

use crate::connection::{Connection, Heard, Surroundings};
use crate::play::{ActiveMatch, Source};
use crate::room::apply;
use crate::wire::Wires;
use crate::{
    ClientClock, ClientCommand, ClientConfig, ClientSystems, ConnectionState, DesyncDetected, Failed,
    MatchEnded, MatchStarted, Reason, RoomHappened, RoomState, Tickets,
};

/// What is taken for the round trip while none is measured.
const RTT_UNKNOWN: Duration = Duration::from_millis(100);
/// How long the server may take to give a seat back after a reconnection before the room is joined anew.
const SEAT_BACK_WAIT: Duration = Duration::from_secs(1);
/// Fields named in a desync at most.
const FIELDS_MAX: usize = 16;

/// The link to a server: commands, rooms, reconnection.
pub struct LinkPlugin<G: Game> {
    game: PhantomData<fn() -> G>,
}

impl<G: Game> Default for LinkPlugin<G> {
    fn default() -> Self {
        Self { game: PhantomData }
    }
}

impl<G: Game> Plugin for LinkPlugin<G> {
    fn build(&self, app: &mut App) {
        let seed = app.world().get_resource::<ClientConfig>().map_or(0, |config| config.seed);
        app.insert_resource(Connection::new(seed))
            .insert_resource(Membership::of::<G>())
            .init_resource::<Tickets>()
            .init_resource::<Wires>()
            .init_resource::<ActiveMatch<G>>()
            .add_message::<ClientCommand>()
            .add_message::<Failed>()
            .add_message::<RoomHappened>()
            .add_message::<MatchStarted>()
            .add_message::<MatchEnded>()
            .add_message::<DesyncDetected>()
            .add_systems(Startup, connect_at_start)
            .add_systems(Last, say_goodbye)
            .add_systems(
                PreUpdate,
                (obey_commands::<G>, receive::<G>, show_states).chain().in_set(ClientSystems::Receive),
            );
    }
}

/// What the client wants of the server beyond the link.
#[derive(Resource)]
pub(crate) struct Membership {
    rules: GameRules,
    /// The room to be in.
    wanted: Option<JoinRoom>,
    /// When to ask for it, if the server has not given it by itself.
    ask_at: Option<Duration>,
    was_admitted: bool,
    /// A desync that the server told of, until its snapshot comes.
    desync: Option<DesyncDetected>,
    /// A snapshot that came before the match it is of was announced.
    early: Option<Snapshot>,
    heard: Vec<Heard>,
}

impl Membership {
    fn of<G: Game>() -> Self {
        Self {
            rules: GameRules { name: G::NAME.to_owned(), fingerprint: fingerprint::<G>() },
            wanted: None,
            ask_at: None,
            was_admitted: false,
            desync: None,
            early: None,
            heard: Vec::new(),
        }
    }
}

fn connect_at_start(
    config: Res<ClientConfig>,
    tickets: Res<Tickets>,
    mut connection: ResMut<Connection>,
    mut membership: ResMut<Membership>,
) {
    membership.wanted.clone_from(&config.room);
    if config.connect_at_start && !tickets.is_none() {
        connection.connect();
    }
}

/// An app that ends says so, and need not be waited for; its seat is held in case it comes back.
fn say_goodbye(mut exits: MessageReader<AppExit>, mut connection: ResMut<Connection>) {
    if exits.read().next().is_some() {
        connection.hang_up();
    }
}

fn obey_commands<G: Game>(
    clock: Res<ClientClock>,
    mut commands: MessageReader<ClientCommand>,
    mut connection: ResMut<Connection>,
    mut membership: ResMut<Membership>,
    mut active: ResMut<ActiveMatch<G>>,
) {
    for command in commands.read() {
        match command.clone() {
            ClientCommand::Connect => {
                membership.was_admitted = false;
                connection.connect();
            }
            ClientCommand::Disconnect => {
                connection.disconnect(clock.now());
                leave(&mut membership, &mut active);
            }
            ClientCommand::Join(join) => {
                connection.say(&ToServer::Join(join.clone()));
                membership.wanted = Some(join);
            }
            ClientCommand::Leave => {
                membership.wanted = None;
                connection.say(&ToServer::Leave);
            }
            ClientCommand::Ready(ready) => connection.say(&ToServer::Ready { ready }),
            ClientCommand::Start => connection.say(&ToServer::Start),
            ClientCommand::PlayAgain => connection.say(&ToServer::PlayAgain),
            ClientCommand::Chat(text) => connection.say(&ToServer::Chat { text }),
            ClientCommand::Ask(message) => connection.say(&message),
        }
    }
}

/// The room is left: its match goes, unless it is played here.
fn leave<G: Game>(membership: &mut Membership, active: &mut ActiveMatch<G>) {
    (membership.wanted, membership.ask_at) = (None, None);
    if active.rollback().is_some() {
        active.stop();
    }
}

/// Everything a message of the server may change.
struct Ears<'a, 'w, G: Game> {
    now: Duration,
    config: &'a ClientConfig,
    connection: &'a mut Connection,
    membership: &'a mut Membership,
    active: &'a mut ActiveMatch<G>,
    told: &'a mut Told<'w>,
}

/// Where the game hears of it.
#[derive(bevy_ecs::system::SystemParam)]
struct Told<'w> {
    failed: MessageWriter<'w, Failed>,
    happened: MessageWriter<'w, RoomHappened>,
    started: MessageWriter<'w, MatchStarted>,
    ended: MessageWriter<'w, MatchEnded>,
    desyncs: ResMut<'w, Messages<DesyncDetected>>,
}

fn receive<G: Game>(
    clock: Res<ClientClock>,
    config: Res<ClientConfig>,
    mut connection: ResMut<Connection>,
    mut membership: ResMut<Membership>,
    mut active: ResMut<ActiveMatch<G>>,
    mut tickets: ResMut<Tickets>,
    mut wires: ResMut<Wires>,
    mut told: Told,
) {
    let now = clock.now();
    let membership = &mut *membership;
    let mut heard = std::mem::take(&mut membership.heard);
    let mut with = Surroundings {
        config: &config,
        tickets: &mut tickets,
        wires: &mut wires,
        rules: &membership.rules,
        is_playing: active.rollback().is_some() && active.ended.is_none(),
    };
    connection.work(now, &mut with, &mut heard);
    let mut ears = Ears {
        now,
        config: &config,
        connection: &mut connection,
        membership,
        active: &mut active,
        told: &mut told,
    };
    for heard in heard.drain(..) {
        ears.hear(heard);
    }
    ears.ask_for_room();
    membership.heard = heard;
}

impl<G: Game> Ears<'_, '_, G> {
    fn hear(&mut self, heard: Heard) {
        match heard {
            Heard::Control(message) => self.hear_control(message),
            Heard::Snapshot(snapshot) => self.hear_snapshot(snapshot),
            Heard::Hot(payload) => self.hear_frames(&payload),
            Heard::Failed(reason) => {
                self.told.failed.write(Failed(reason));
            }
        }
    }

    fn hear_control(&mut self, message: ToClient) {
        match message {
            ToClient::Admitted { .. } => self.be_admitted(),
            ToClient::Refused(refusal) => {
                // Who comes back to a seat that was held need not ask for it, and may have.
                let is_back = matches!(refusal, framekeep_protocol::Refusal::AlreadyInRoom { .. });
                if !(is_back && self.membership.was_admitted) {
                    self.told.failed.write(Failed(Reason::Refused(refusal)));
                }
            }
            ToClient::Joined(view) => {
                self.membership.ask_at = None;
                self.connection.room = Some(view);
            }
            ToClient::Room(view) => self.connection.room = Some(view),
            ToClient::Event(event) => {
                if let Some(room) = &mut self.connection.room {
                    apply(room, &event);
                }
                if matches!(event.kind, RoomEventKind::Closed(_)) {
                    leave(self.membership, self.active);
                    self.connection.room = None;
                }
                self.told.happened.write(RoomHappened(event));
            }
            ToClient::Left { reason } => {
                self.connection.room = None;
                leave(self.membership, self.active);
                if reason != LeftReason::Asked {
                    self.told.failed.write(Failed(Reason::Left(reason)));
                }
            }
            ToClient::Started(start) => self.start(start),
            ToClient::Ended(end) => self.end(end),
            ToClient::Desynced { tick, expected, got, .. } => {
                self.membership.desync = Some(DesyncDetected { tick, expected, got, fields: Vec::new() });
            }
            ToClient::DesyncAsk(ask) => {
                let answers = self.active.rollback().map_or_else(Vec::new, |play| play.explain(ask));
                for answer in answers {
                    self.connection.say(&ToServer::DesyncAnswer(answer));
                }
            }
            ToClient::Closing { reason } => {
                self.told.failed.write(Failed(Reason::Closing(reason)));
                self.connection.note_closing(Reason::Closing(reason));
            }
            ToClient::Welcome { .. } => {}
        }
    }

    fn be_admitted(&mut self) {
        let wait = if self.membership.was_admitted { SEAT_BACK_WAIT } else { Duration::ZERO };
        self.membership.was_admitted = true;
        self.membership.ask_at = Some(self.now + wait);
        // The server tells everything anew; until it has, the room is as it was.
    }

    fn ask_for_room(&mut self) {
        if self.membership.ask_at.is_some_and(|at| self.now >= at) {
            self.membership.ask_at = None;
            if let Some(join) = &self.membership.wanted {
                self.connection.say(&ToServer::Join(join.clone()));
            }
        }
    }

    fn start(&mut self, start: framekeep_protocol::MatchStart) {
        let rtt = self.connection.rtt().unwrap_or(RTT_UNKNOWN);
        match self.active.begin(&start, self.config, self.now, rtt) {
            Ok(()) => {
                if let Some(room) = &mut self.connection.room {
                    room.phase = RoomPhase::Playing;
                }
                self.told.started.write(MatchStarted(start));
                if let Some(early) = self.membership.early.take() {
                    self.hear_snapshot(early);
                }
            }
            Err(error) => {
                self.told.failed.write(Failed(Reason::Unplayable(error)));
            }
        }
    }

    fn end(&mut self, end: framekeep_protocol::MatchEnd) {
        let Some(play) = self.active.rollback_mut().filter(|play| play.epoch() == end.epoch) else { return };
        play.finish(&end);
        self.active.ended = Some(end.clone());
        self.told.ended.write(MatchEnded(end));
    }

    fn hear_snapshot(&mut self, snapshot: Snapshot) {
        let is_of = |play: &&mut framekeep_rollback::RollbackMatch<G>| play.epoch() == snapshot.epoch;
        let Some(play) = self.active.rollback_mut().filter(is_of) else {
            // Another lane: it may overtake the announcement of its match.
            self.membership.early = Some(snapshot);
            return;
        };
        let is_suspect = self.membership.desync.is_some();
        let suspect: Option<Match<G>> = play.at(snapshot.tick).filter(|_| is_suspect).cloned();
        if let Err(error) = play.handle_snapshot(self.now, &snapshot) {
            tracing::debug!(%error, "a snapshot was of no use");
        }
        if let Some(mut desync) = self.membership.desync.take() {
            if let Some((suspect, healed)) = suspect.as_ref().zip(play.at(snapshot.tick)) {
                desync.fields = diff_values(suspect.state(), healed.state(), FIELDS_MAX);
            }
            self.told.desyncs.write(desync);
        }
    }

    fn hear_frames(&mut self, payload: &[u8]) {
        let Some(play) = self.active.rollback_mut() else { return };
        // Packets of the match before are refused by their epoch, in which no gap is to be noticed.
        if peek_epoch(payload) == Some(play.epoch())
            && let Err(error) = play.handle_frames(self.now, payload)
        {
            tracing::trace!(%error, "a packet of frames was of no use");
        }
        if let Source::Watching(watched) = &mut self.active.source {
            watched.take_frames();
        }
    }
}

/// The states follow connection and room.
fn show_states(
    connection: Res<Connection>,
    connection_state: Res<State<ConnectionState>>,
    mut next_connection: ResMut<NextState<ConnectionState>>,
    room_state: Res<State<RoomState>>,
    mut next_room: ResMut<NextState<RoomState>>,
) {
    let state = connection.state();
    if *connection_state.get() != state {
        next_connection.set(state);
    }
    let room = connection.room().map_or(RoomState::Outside, |room| room.phase.into());
    if *room_state.get() != room {
        next_room.set(room);
    }
}
