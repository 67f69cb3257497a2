//! `SharedQueue`, the tickets of a whole cluster, as the front door of one node sees them.

use core::future::Future;
use core::net::SocketAddr;
use core::pin::Pin;
use core::time::Duration;

use framekeep_matchmaking::{Backfill, Ended, Match, QueueView, Refused, Ticket, TicketId, Why};
use framekeep_protocol::{PlayerId, PlayerName, RoomName};

/// Something that is awaited.
pub type Later<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A ticket and what the matcher does not need of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SharedTicket {
    /// The ticket.
    pub ticket: Ticket,
    /// What others call its players, by the order of the party.
    pub names: Vec<PlayerName>,
    /// Whether anybody who knows its number may ask for it.
    pub is_guest: bool,
}

/// Where a ticket is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SharedState {
    /// It waits for others.
    Waiting,
    /// Its players are asked whether they are there.
    Asked {
        /// For how much longer they may answer.
        for_ms: u64,
        /// How many of all players of the match have said that they are there.
        there: u32,
        /// How many are asked.
        of: u32,
    },
    /// It has its match; some node opens a room for it.
    Opening,
    /// Its match has its room.
    Matched,
    /// Its match had its room, and the node of it is gone with it.
    Lost,
    /// It has none and gets none.
    Ended(Ended),
}

/// A room of the cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SharedRoom {
    /// Its name.
    pub room: RoomName,
    /// Where players reach its node over UDP.
    pub udp: SocketAddr,
    /// Where they reach its node over HTTP and WebSocket; empty if they cannot.
    pub http: String,
}

/// A ticket as it is now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SharedStatus {
    /// The ticket.
    pub ticket: SharedTicket,
    /// Where it is in its life.
    pub state: SharedState,
    /// Another one whenever the state is another.
    pub revision: u32,
    /// How long it has been waiting.
    pub waited_ms: u64,
    /// Why it has no match yet. Of others only what their queues say is known.
    pub why: Option<Why>,
    /// Its players who were asked and have not answered.
    pub unanswered: Vec<PlayerId>,
    /// Its match.
    pub of: Option<Match>,
    /// Its room.
    pub room: Option<SharedRoom>,
}

/// A match that this node is to open a room for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SharedMatch {
    /// Its number in the cluster, never used again.
    pub key: String,
    /// Who plays with whom.
    pub of: Match,
    /// With whom somebody of them does not play.
    pub blocked: Vec<PlayerId>,
    /// Their mean rating.
    pub rating: i32,
}

/// A match that a node has formed alone while the store was away, and that has its room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AloneMatch {
    /// Its number in the cluster, never used again.
    pub key: String,
    /// Who plays with whom.
    pub of: Match,
    /// Its tickets, and how long they waited.
    pub tickets: Vec<(SharedTicket, Duration)>,
    /// Its room, at this node.
    pub room: RoomName,
}

/// A running room of a match, and which of its seats are free.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SharedOffer {
    /// The room with its free seats, none if nobody is looked for.
    pub backfill: Backfill,
    /// The team of each seat.
    pub seat_teams: Vec<u8>,
}

/// Whose the name of a room is that was claimed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Claim {
    /// This node's.
    Ours,
    /// Another node's, of that number.
    Theirs(String),
    /// Nobody's yet: the store does not answer in time, or does not give names away now.
    Unknown,
}

/// Why something is not done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SharedRefused {
    /// It is refused.
    Refused(Refused),
    /// The store does not answer: whether it was done is not known.
    Away,
}

/// The tickets of a whole cluster. What is awaited can be awaited on any runtime.
pub trait SharedQueue: Send + Sync {
    /// Which node this is, 16 hexadecimal digits.
    fn node(&self) -> String;

    /// For how long the store has not answered; nothing while it does.
    fn away_for(&self) -> Duration;

    /// Whether the store has a ticket that was submitted here, or may have it: it must not be matched by this node
    /// alone.
    fn may_have(&self, id: TicketId) -> bool;

    /// Lets a ticket wait, that has been waiting for so long.
    fn submit(
        &self,
        ticket: SharedTicket,
        waited: Duration,
    ) -> Later<'_, Result<SharedStatus, SharedRefused>>;

    /// How a ticket is.
    fn show(&self, id: TicketId) -> Later<'_, Result<SharedStatus, SharedRefused>>;

    /// Takes a ticket back.
    fn cancel(&self, id: TicketId) -> Later<'_, Result<SharedStatus, SharedRefused>>;

    /// Answers for a player who was asked.
    fn answer(
        &self,
        id: TicketId,
        player: PlayerId,
        accepts: bool,
    ) -> Later<'_, Result<SharedStatus, SharedRefused>>;

    /// Waits until a ticket may have changed since this was asked.
    fn news(&self, id: TicketId) -> Later<'_, ()>;

    /// How the queues are, as the coordinator said last.
    fn queues(&self) -> Vec<QueueView>;

    /// Matches that this node is to open rooms for, each once; waits until there are any.
    fn placed(&self) -> Later<'_, Vec<SharedMatch>>;

    /// Claims the name of a room that is about to be opened.
    fn claim(&self, room: RoomName) -> Later<'_, Claim>;

    /// The room of a match is open. `false` if the match is not this node's any more: the room is to be closed.
    fn opened(&self, key: String, room: RoomName) -> Later<'_, bool>;

    /// No room can be opened for a match: its tickets wait again.
    fn failed(&self, key: String) -> Later<'_, ()>;

    /// A match that this node has formed alone has its room. The store is told of it as soon as it is there, before it
    /// gives a ticket of it to anybody else.
    fn formed_alone(&self, alone: AloneMatch);

    /// A ticket that waited for so long at this node alone is over. The store is told of it as soon as it is there.
    fn over_alone(&self, ticket: &SharedTicket, waited: Duration, ended: Ended);

    /// Tickets that this node had alone and that are the store's: those that are over, and those of matches that gave
    /// way, as a ticket of each plays elsewhere. From now on the store is asked about them. Waits until there are any.
    fn given_up(&self) -> Later<'_, Vec<TicketId>>;

    /// A running room of this node has these free seats now. It is said to the store until that has heard it, and again
    /// and again: a node that the room goes to knows from it who is in it.
    fn offer(&self, offer: SharedOffer);

    /// A room of this node is gone, or another's.
    fn withdraw(&self, room: &RoomName);

    /// What was said of a room by the node that had it.
    fn offered(&self, room: RoomName) -> Later<'_, Option<SharedOffer>>;

    /// Where players reach other nodes over HTTP and WebSocket, a few of them.
    fn others(&self) -> Vec<String>;

    /// Whether rooms of a node that is gone are opened again at others.
    fn reopens(&self) -> bool;

    /// How the cluster is.
    fn status(&self) -> Later<'_, ClusterStatus>;
}

/// A node of a cluster as it is shown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClusterNode {
    /// Its number, 16 hexadecimal digits.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// Where it is; empty where regions do not matter.
    pub region: String,
    /// Where players reach it over UDP.
    pub udp: Option<SocketAddr>,
    /// Where they reach it over HTTP and WebSocket.
    pub http: String,
    /// Its version.
    pub version: String,
    /// Players who are connected.
    pub players: u32,
    /// Rooms it has.
    pub rooms: u32,
    /// Work of a turn that 99 of 100 stay under, in microseconds.
    pub tick_us_p99: u32,
    /// Memory of the process, in MiB.
    pub memory_mib: u32,
    /// Whether it takes no more rooms.
    pub draining: bool,
    /// Rooms that came to it from other nodes since it started.
    pub moved_in: u64,
    /// Rooms that went from it to other nodes.
    pub moved_out: u64,
    /// Whether its key is another one than this node's.
    pub key_differs: bool,
    /// Whether its modes are others than this node's.
    pub modes_differ: bool,
}

/// How a cluster is, as one node sees it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClusterStatus {
    /// Its name.
    pub name: String,
    /// The node that was asked, 16 hexadecimal digits.
    pub node: String,
    /// For how long the store has not answered this node, in milliseconds; 0 while it does.
    pub away_ms: u64,
    /// The nodes, by number.
    pub nodes: Vec<ClusterNode>,
    /// Which of them forms the matches, 16 hexadecimal digits; empty if none does.
    pub coordinator: String,
    /// Under which number.
    pub epoch: u64,
    /// Names in the directory.
    pub directory: u64,
    /// How the queues are.
    pub queues: Vec<QueueView>,
    /// Matches whose rooms were opened within the last minute.
    pub matches_per_min: u64,
    /// Whether no node can have a room for a match: all are gateways, full, draining, or have other modes than the
    /// coordinator.
    pub no_rooms: bool,
}
