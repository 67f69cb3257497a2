//! `Order`, what the front door asks of the server.

use std::fmt;
use std::sync::Arc;

use core::net::SocketAddr;
use core::time::Duration;

use framekeep_protocol::{JoinRoom, PlayerId, Refusal, RoomEventKind, RoomName, RoomOptions, ToServer};
use framekeep_sim::Tick;

use crate::{LinkSink, RoomRow};

/// A link that came through the front door. Numbers are never used again while the server runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WebLinkId(pub u64);

/// A link to be opened.
pub struct NewLink {
    /// Its number.
    pub link: WebLinkId,
    /// The signed ticket: its signature, time and single use are checked by the server.
    pub ticket: Box<[u8; 256]>,
    /// Where the player comes from.
    pub from: SocketAddr,
    /// State views a second, 0 for none.
    pub views_hz: u8,
    /// Where everything goes that the link is told.
    pub sink: Arc<dyn LinkSink>,
}

/// What a player does, by a client that need not simulate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WebInput {
    /// For which tick; `None` for the next one, and from then on until the next input.
    pub tick: Option<Tick>,
    /// The packed input, as the game's documentation says.
    pub bits: u64,
}

/// What is done with an answer. It is called within a turn of the server and must not wait.
pub type Reply = Box<dyn FnOnce(Answer) + Send>;

/// What becomes of a room that is to go on at another node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MoveState {
    /// It is on its way.
    Going {
        /// The other node.
        node: String,
    },
    /// It goes on there.
    Moved {
        /// The other node.
        node: String,
    },
    /// It goes on here.
    Stayed {
        /// Why.
        why: String,
    },
    /// There is no such room, and none of that name was moved.
    Missing,
}

/// What is done with the answer to [`Order::Move`].
pub type MoveReply = Box<dyn FnOnce(MoveState) + Send>;

/// What the front door asks of the server.
pub enum Order {
    /// Opens a link.
    Open(NewLink),
    /// What a link says, and the number of it, which its answer names.
    Say(WebLinkId, u64, ToServer),
    /// A letter for whoever has a room comes back: nobody has it, or a node that is gone.
    Sought {
        /// The letter.
        body: Vec<u8>,
        /// Whether it was a node's that is gone.
        is_lost: bool,
    },
    /// What the player of a link does.
    Input(WebLinkId, WebInput),
    /// A link wants to be shown its room and its match again, whole.
    Sync(WebLinkId),
    /// The connection of a link is lost, or there again: meanwhile its seat is held like that of any lost link.
    Away(WebLinkId, bool),
    /// A link is gone; its seat is held.
    Close(WebLinkId),
    /// Whether a link may open the room that it wants to join, as far as its server knows. What that costs is paid
    /// then: its name is to be claimed at once.
    MayOpen(WebLinkId, JoinRoom, Box<dyn FnOnce(bool) + Send>),
    /// Something that is answered.
    Ask(Question, Reply),
    /// Lets nobody open rooms any more, and stops once no match is running, or after `grace`.
    Drain {
        /// How long running matches may go on.
        grace: Duration,
    },
    /// Lets nobody open rooms any more, and goes on with those that there are.
    Rest,
    /// Lets a room go on at another node, or only asks what became of that.
    Move(RoomName, Option<String>, MoveReply),
    /// Lets all rooms go on at these nodes, in turn.
    MoveAll(Vec<String>),
    /// Something that another node says, by its name.
    Peer(String, Vec<u8>),
}

/// Who looks at the past of a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Viewer {
    /// Whoever may come and watch it now: of rooms that admit spectators, have no code and are not locked.
    Anybody,
    /// A player: of a room that lets everybody watch, or has let that one in.
    Player(PlayerId),
    /// Whoever operates the server: of any room.
    Operator,
}

/// A question of an operator or of a game's back end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Question {
    /// How is this room?
    Room(RoomName),
    /// Open a room that waits for its players.
    OpenRoom(RoomName, RoomOptions),
    /// Close a room.
    CloseRoom(RoomName),
    /// Close a room whose name is another node's, of that name if it is known: its players are told.
    GiveWay(RoomName, String),
    /// May this one look at the past of this room?
    MayLook(RoomName, Viewer),
    /// What was played so far in this room?
    Past(RoomName, Viewer),
    /// What has happened in this room?
    Happenings {
        /// The room.
        room: RoomName,
        /// Who wants to know.
        viewer: Viewer,
        /// Only what has a number above this one.
        after: u64,
        /// How much of it at most.
        limit: usize,
    },
    /// Send a player away from the node.
    Kick(PlayerId),
    /// Keep a seat in a room for each of these players, in their order; all of them or none.
    Reserve(RoomName, Vec<PlayerId>),
}

/// Something that has happened in a room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoomHappening {
    /// The number of the event in its room; those of one room rise.
    pub number: u64,
    /// When, in milliseconds since 1970; `None` if that is not known any more.
    pub unix_ms: Option<u64>,
    /// In which match of the room, modulo 16; 0 for between matches.
    pub epoch: u8,
    /// When that match started, in seconds since 1970: what tells it from those whose epoch is the same.
    pub started_unix_s: Option<u64>,
    /// Before which frame of that match.
    pub tick: Option<Tick>,
    /// What the player was called of whom it tells; empty if of nobody.
    pub name: String,
    /// What happened.
    pub kind: RoomEventKind,
}

/// A replay that is put together when it is wanted, by whoever wants it and not within a turn of the server.
#[derive(Clone)]
pub struct LaterReplay(Arc<dyn Fn() -> Vec<u8> + Send + Sync>);

impl LaterReplay {
    /// The replay that `make` gives.
    #[must_use]
    pub fn new(make: impl Fn() -> Vec<u8> + Send + Sync + 'static) -> Self {
        Self(Arc::new(make))
    }

    /// Puts the file together, which takes its time.
    #[must_use]
    pub fn make(&self) -> Vec<u8> {
        (self.0)()
    }
}

impl fmt::Debug for LaterReplay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LaterReplay")
    }
}

impl PartialEq for LaterReplay {
    /// Whether it is the very same one.
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for LaterReplay {}

/// What the server says to a [`Question`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It is done.
    Done,
    /// The room as it is now.
    Room(Box<RoomRow>),
    /// What was played so far in the running match.
    Past {
        /// A replay of it; `None` if no match runs, or it is too long to be shown.
        replay: Option<LaterReplay>,
        /// Frames before this tick may be shown.
        until: Tick,
    },
    /// What has happened in the room, in its order.
    Happenings {
        /// As much as was asked for.
        found: Vec<RoomHappening>,
        /// Whether there is more after it.
        more: bool,
    },
    /// There is no such room or player.
    Missing,
    /// It is not done.
    Refused(Refusal),
}

impl Order {
    /// Whether the server is woken for it. Inputs wait for their tick anyhow.
    #[must_use]
    pub const fn is_urgent(&self) -> bool {
        !matches!(self, Self::Input(..))
    }
}

impl fmt::Debug for Order {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Open(new) => write!(f, "Open({:?})", new.link),
            Self::Say(link, number, message) => {
                f.debug_tuple("Say").field(link).field(number).field(message).finish()
            }
            Self::Input(link, input) => f.debug_tuple("Input").field(link).field(input).finish(),
            Self::Sync(link) => f.debug_tuple("Sync").field(link).finish(),
            Self::Away(link, is_away) => f.debug_tuple("Away").field(link).field(is_away).finish(),
            Self::Close(link) => f.debug_tuple("Close").field(link).finish(),
            Self::MayOpen(link, join, _) => f.debug_tuple("MayOpen").field(link).field(&join.room).finish(),
            Self::Ask(question, _) => f.debug_tuple("Ask").field(question).finish(),
            Self::Move(room, node, _) => f.debug_tuple("Move").field(room).field(node).finish(),
            Self::MoveAll(nodes) => f.debug_tuple("MoveAll").field(nodes).finish(),
            Self::Peer(node, body) => f.debug_tuple("Peer").field(node).field(&body.len()).finish(),
            Self::Sought { body, is_lost } => {
                f.debug_tuple("Sought").field(&body.len()).field(is_lost).finish()
            }
            Self::Rest => f.write_str("Rest"),
            Self::Drain { grace } => f.debug_struct("Drain").field("grace", grace).finish(),
        }
    }
}
