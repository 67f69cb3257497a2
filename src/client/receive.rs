//! `LinkPlugin`: commands are obeyed, and what the server said reaches room and match.

use std::marker::PhantomData;
use std::time::Duration;

use bevy_app::{App, AppExit, Last, Plugin, PreUpdate, Startup};
use bevy_ecs::prelude::{IntoScheduleConfigs, MessageReader, MessageWriter, Messages, Res, ResMut, Resource};
use bevy_state::state::{NextState, State};
use framekeep_protocol::{
    CloseReason, DesyncAsk, Epoch, GameRules, JoinRoom, LeftReason, Refusal, RoomEventKind, RoomPhase,
    RoomView, Snapshot, ToClient, ToServer, peek_epoch,
};
use framekeep_rollback::RollbackMatch;
use framekeep_sim::{Game, Match, diff_values, fingerprint};

use crate::connection::{Connection, Heard, Surroundings};
use crate::notice::add_notice;
use crate::play::{ActiveMatch, Source};
use crate::room::apply;
use crate::transmit::transmit;
use crate::wire::Wires;
use crate::{
    ClientClock, ClientCommand, ClientConfig, ClientSystems, ConnectionState, DesyncDetected, Failed,
    MatchEnded, MatchStarted, Reason, RoomHappened, RoomState, Tickets,
};

/// What is taken for the round trip while none is measured.
const RTT_UNKNOWN: Duration = Duration::from_millis(100);
/// How long the server may take to give a seat back after a reconnection in a room that nothing is to ask for.
const SEAT_BACK_WAIT: Duration = Duration::from_secs(1);
/// Fields named in a desync at most.
const FIELDS_MAX: usize = 16;
/// How long a desync waits to be told for the server to find the first tick.
const EXPLAINED_WITHIN: Duration = Duration::from_secs(2);

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
            .add_systems(Startup, connect_at_start)
            .add_systems(Last, say_goodbye)
            .add_systems(PreUpdate, transmit::<G>.in_set(ClientSystems::Send))
            .add_systems(
                PreUpdate,
                (obey_commands::<G>, receive::<G>, show_states).chain().in_set(ClientSystems::Receive),
            );
        add_notice::<Failed>(app);
        add_notice::<RoomHappened>(app);
        add_notice::<MatchStarted>(app);
        add_notice::<MatchEnded>(app);
        add_notice::<DesyncDetected>(app);
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
    /// Whether the client has asked for the room by itself, and not heard a refusal since.
    has_asked: bool,
    /// Whether the room there is, or was before the link was lost, is to be left: until the server says that it is.
    leaves: bool,
    /// A desync that the server told of, until it is healed and explained.
    desync: Option<Suspicion>,
    /// A match that was over when the client came back to its room, until the server says how it ended.
    unfinished: Option<Epoch>,
    /// A snapshot that came before the match it is of was announced.
    early: Option<Snapshot>,
    heard: Vec<Heard>,
}

/// A desync that the server told of.
struct Suspicion {
    told: DesyncDetected,
    /// Whether the server's state has come.
    is_healed: bool,
    /// When it is told although the first tick is not known.
    until: Duration,
}

impl Membership {
    fn of<G: Game>() -> Self {
        Self {
            rules: GameRules { name: G::NAME.to_owned(), fingerprint: fingerprint::<G>() },
            wanted: None,
            ask_at: None,
            was_admitted: false,
            has_asked: false,
            leaves: false,
            desync: None,
            unfinished: None,
            early: None,
            heard: Vec::new(),
        }
    }

    /// The game asks for a room. On a link that stands the server refuses it to whoever is in another; without one the
    /// room of before is left for it. Tells whether it is asked for again after a reconnection.
    fn want(&mut self, join: &JoinRoom, connection: &Connection) -> bool {
        let is_online = connection.state() == ConnectionState::Online;
        let is_elsewhere = connection.room().is_some_and(|room| room.name != join.room) && !self.leaves;
        let is_possible = !is_online || !is_elsewhere;
        if is_possible {
            self.leaves |= is_elsewhere;
            (self.wanted, self.has_asked, self.ask_at) = (Some(join.clone()), false, None);
        }
        is_possible
    }

    /// The game leaves its room; tells whether there is one, as far as this client knows.
    fn leave_room(&mut self, connection: &Connection) -> bool {
        self.wanted = None;
        self.leaves = connection.room().is_some();
        self.leaves
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
    config: Res<ClientConfig>,
    mut commands: MessageReader<ClientCommand>,
    mut connection: ResMut<Connection>,
    mut membership: ResMut<Membership>,
    mut active: ResMut<ActiveMatch<G>>,
    mut failed: MessageWriter<Failed>,
) {
    for command in commands.read() {
        let message = match command.clone() {
            ClientCommand::Connect => {
                if matches!(connection.state(), ConnectionState::Offline | ConnectionState::Closed) {
                    membership.was_admitted = false;
                    membership.wanted = membership.wanted.take().or_else(|| config.room.clone());
                    connection.connect();
                }
                continue;
            }
            ClientCommand::Disconnect => {
                connection.disconnect(clock.now());
                leave(&mut membership, &mut active);
                active.stop_watching();
                continue;
            }
            ClientCommand::Join(join) => {
                // Without a link it is asked for as soon as there is one.
                if membership.want(&join, &connection) {
                    connection.say(&ToServer::Join(join));
                } else {
                    connection.command(ToServer::Join(join));
                }
                continue;
            }
            ClientCommand::Leave => {
                if membership.leave_room(&connection) {
                    // Said again after a reconnection, until the server answers.
                    connection.say(&ToServer::Leave);
                    continue;
                }
                ToServer::Leave
            }
            ClientCommand::Ready(ready) => ToServer::Ready { ready },
            ClientCommand::Start => ToServer::Start,
            ClientCommand::PlayAgain => ToServer::PlayAgain,
            ClientCommand::Chat(text) => ToServer::Chat { text },
            ClientCommand::Ask(message) => message,
        };
        if connection.is_linked() {
            connection.command(message);
        } else {
            failed.write(Failed(Reason::NotConnected));
        }
    }
}

/// The room is left: its match goes, unless it is played here.
fn leave<G: Game>(membership: &mut Membership, active: &mut ActiveMatch<G>) {
    membership.wanted = None;
    lose_room(membership, active);
}

/// As [`leave`], of a room that is still wanted.
fn lose_room<G: Game>(membership: &mut Membership, active: &mut ActiveMatch<G>) {
    (membership.ask_at, membership.has_asked, membership.leaves) = (None, false, false);
    (membership.early, membership.desync, membership.unfinished) = (None, None, None);
    // What is over is shown to a spectator to its end.
    if active.rollback().is_some() && !active.is_seen_later() {
        active.stop();
    }
}

/// Whether a refusal may be the answer to somebody who asks for a room.
fn is_about_joining(refusal: &Refusal) -> bool {
    !matches!(
        refusal,
        Refusal::AlreadyInRoom { .. }
            | Refusal::NotInRoom
            | Refusal::NotHost
            | Refusal::NotForSpectators
            | Refusal::NotForPlayers
            | Refusal::NotReady { .. }
            | Refusal::TooFewPlayers { .. }
            | Refusal::NoSuchMember { .. }
            | Refusal::NotToOneself
            | Refusal::TooManyBans { .. }
            | Refusal::WrongPhase { .. }
            | Refusal::TooFast { .. }
            | Refusal::TooManyMatches { .. }
    )
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
    for _ in 0..ears.connection.repeat_commands() {
        ears.told.failed.write(Failed(Reason::NotConnected));
    }
    ears.tell_desync();
    if ears.connection.state() == ConnectionState::Closed {
        // Nobody will say how its match goes on.
        lose_room(ears.membership, ears.active);
    }
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
            ToClient::Refused(refusal) => self.be_refused(refusal),
            // It was told before the server heard that the room is left.
            ToClient::Joined(_) | ToClient::Room(_) | ToClient::Started(_) if self.membership.leaves => {}
            ToClient::Joined(view) => self.be_in_room(view),
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
                if self.membership.leaves {
                    // Another room may be wanted by now.
                    lose_room(self.membership, self.active);
                } else {
                    leave(self.membership, self.active);
                }
                if reason == LeftReason::Asked {
                    self.active.stop_watching();
                } else {
                    self.told.failed.write(Failed(Reason::Left(reason)));
                }
            }
            ToClient::Started(start) => self.start(start),
            ToClient::Ended(end) => self.end(end),
            ToClient::Desynced { tick, expected, got, .. } => {
                let (seat, fields) = (self.active.seat(), Vec::new());
                let told = DesyncDetected { tick, seat, first: None, expected, got, fields };
                let until = self.now + EXPLAINED_WITHIN;
                self.membership.desync = Some(Suspicion { told, is_healed: false, until });
            }
            ToClient::DesyncAsk(ask) => {
                // The server asks for the state at the first tick that it found to differ.
                if let (DesyncAsk::State { tick, .. }, Some(desync)) = (&ask, &mut self.membership.desync) {
                    desync.told.first = Some(*tick);
                }
                let answers = self.active.rollback().map_or_else(Vec::new, |play| play.explain(ask));
                for answer in answers {
                    self.connection.say(&ToServer::DesyncAnswer(answer));
                }
            }
            ToClient::Redirect(redirect) => self.connection.follow(redirect),
            // The link to where the room goes is on its way, or another will be.
            ToClient::Closing { reason: CloseReason::Moved } => {}
            ToClient::Closing { reason } => {
                self.told.failed.write(Failed(Reason::Closing(reason)));
                self.connection.note_closing(Reason::Closing(reason));
            }
            ToClient::Welcome { .. } => {}
        }
    }

    fn be_admitted(&mut self) {
        let membership = &mut *self.membership;
        // Who comes back to a room that is wanted asks for it at once: the seat may be free by now.
        let waits = membership.was_admitted && membership.wanted.is_none() && !membership.leaves;
        membership.was_admitted = true;
        membership.ask_at = Some(self.now + if waits { SEAT_BACK_WAIT } else { Duration::ZERO });
        (membership.early, membership.has_asked) = (None, false);
        if membership.leaves {
            self.connection.say(&ToServer::Leave);
        }
        // The server tells everything anew; until it has, the room is as it was.
    }

    fn be_refused(&mut self, refusal: Refusal) {
        if self.membership.leaves && refusal == Refusal::NotInRoom {
            // The link of before has brought it to the server, or the place was not held.
            self.connection.room = None;
            return lose_room(self.membership, self.active);
        }
        if matches!(refusal, Refusal::TooFast { .. }) {
            self.membership.leaves = false;
        }
        if matches!(refusal, Refusal::RoomMoved { .. }) {
            // A redirect follows.
            self.membership.has_asked = false;
            return;
        }
        let wanted = self.membership.wanted.as_ref().map(|join| &join.room);
        // Who comes back to a seat that was held need not ask for it, and may have.
        let is_back = matches!(&refusal, Refusal::AlreadyInRoom { room } if Some(room) == wanted);
        let has_asked = self.membership.has_asked && (is_back || is_about_joining(&refusal));
        if has_asked {
            self.membership.has_asked = false;
        }
        if has_asked && is_back {
            return;
        }
        if has_asked && self.connection.room.is_some() {
            self.be_lost();
        }
        self.told.failed.write(Failed(Reason::Refused(refusal)));
    }

    /// The place in the room was not held long enough.
    fn be_lost(&mut self) {
        self.connection.room = None;
        lose_room(self.membership, self.active);
        self.told.failed.write(Failed(Reason::Left(LeftReason::Lost)));
    }

    fn be_in_room(&mut self, view: RoomView) {
        self.membership.ask_at = None;
        // A match that goes on is announced again after this; one that ended while the link was away is not.
        if view.phase != RoomPhase::Playing && self.active.rollback().is_some() && self.active.ended.is_none()
        {
            self.membership.unfinished = self.active.rollback().map(RollbackMatch::epoch);
            self.active.stop();
        }
        if view.phase != RoomPhase::Playing
            && let Source::Watching(watched) = &mut self.active.source
        {
            // What did not come of it before the link was lost will not come any more.
            watched.cut();
        }
        self.connection.room = Some(view);
    }

    fn ask_for_room(&mut self) {
        if self.membership.ask_at.is_some_and(|at| self.now >= at) {
            self.membership.ask_at = None;
            if let Some(join) = &self.membership.wanted {
                self.connection.say(&ToServer::Join(join.clone()));
                self.membership.has_asked = true;
            } else if self.connection.room.is_some() && !self.membership.leaves {
                self.be_lost();
            }
        }
    }

    fn start(&mut self, start: framekeep_protocol::MatchStart) {
        let rtt = self.connection.rtt().unwrap_or(RTT_UNKNOWN);
        let unseen = self.active.ended.clone().filter(|_| self.active.is_seen_later());
        match self.active.begin(&start, self.config, self.now, rtt) {
            Ok(()) => {
                if let Some(room) = &mut self.connection.room {
                    room.phase = RoomPhase::Playing;
                }
                // The match before is not seen to its end.
                self.told.ended.write_batch(unseen.map(MatchEnded));
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
        if self.active.ended.as_ref().is_some_and(|ended| ended.epoch == end.epoch) {
            return;
        }
        if let Some(play) = self.active.rollback_mut().filter(|play| play.epoch() == end.epoch) {
            play.finish(&end);
        } else if self.membership.unfinished.take() != Some(end.epoch) {
            return;
        }
        self.active.ended = Some(end.clone());
        // A spectator is told when it is seen.
        if !matches!(self.active.source, Source::Watching(_)) {
            self.told.ended.write(MatchEnded(end));
        }
    }

    fn hear_snapshot(&mut self, snapshot: Snapshot) {
        let is_of = |play: &&mut RollbackMatch<G>| play.epoch() == snapshot.epoch;
        let Some(play) = self.active.rollback_mut().filter(is_of) else {
            // Another lane: it may overtake the announcement of its match.
            self.membership.early = Some(snapshot);
            return;
        };
        let is_suspect = self.membership.desync.as_ref().is_some_and(|desync| !desync.is_healed);
        let suspect: Option<Match<G>> = play.at(snapshot.tick).filter(|_| is_suspect).cloned();
        if let Err(error) = play.handle_snapshot(self.now, &snapshot) {
            tracing::debug!(%error, "a snapshot was of no use");
        }
        if let Some(desync) = &mut self.membership.desync {
            if let Some((suspect, healed)) = suspect.as_ref().zip(play.at(snapshot.tick)) {
                desync.told.fields = diff_values(suspect.state(), healed.state(), FIELDS_MAX);
            }
            desync.is_healed = true;
        }
    }

    /// Tells of a desync that is healed, once its first tick is known or is not going to be.
    fn tell_desync(&mut self) {
        let now = self.now;
        let is_due =
            |desync: &mut Suspicion| now >= desync.until || (desync.is_healed && desync.told.first.is_some());
        if let Some(desync) = self.membership.desync.take_if(is_due) {
            self.told.desyncs.write(desync.told);
        }
    }

    fn hear_frames(&mut self, payload: &[u8]) {
        let Some(play) = self.active.rollback_mut() else { return };
        let frames = play.stats().frames;
        // Packets of the match before are refused by their epoch, in which no gap is to be noticed.
        if peek_epoch(payload) == Some(play.epoch())
            && let Err(error) = play.handle_frames(self.now, payload)
        {
            tracing::trace!(%error, "a packet of frames was of no use");
        }
        // Copies, and what others have told already, bring none.
        self.active.packets += u64::from(play.stats().frames > frames);
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
