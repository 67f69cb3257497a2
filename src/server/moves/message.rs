//! `PeerMessage`, what two nodes say to each other about a room that moves.

use framekeep_journal::{MoveId, NODE_NAME_BYTES_MAX};
use framekeep_protocol::{MatchEnd, PlayerId, PlayerName, Role, RoomName};
use framekeep_sim::{Tick, decode, encode_into};
use serde::{Deserialize, Serialize};

use crate::limits::MOVE_BYTES_MAX;

/// The first byte of every letter.
const MARK: u8 = 0xf5;

/// How what follows the head is to be read; raised with every change of what is in [`PeerMessage`].
const LETTER_VERSION: u8 = 1;

/// The version of a refusal, which every build can read.
const REFUSAL_VERSION: u8 = 0;

/// Mark, version, and the number of the move.
const HEAD_BYTES: usize = 2 + size_of::<u128>();

/// As much of a refusal's text is read, in bytes.
const REFUSAL_BYTES_MAX: usize = 1_024;

/// What is said at one time to another node.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PeerMail {
    /// The other node: who it is for, or who it is from.
    pub node: String,
    /// What is said; [`Moves`](super::Moves) reads and writes it.
    pub body: Vec<u8>,
    /// The room that is the other node's from now on: where names are shared, its name is handed over before.
    pub hands_over: Option<RoomName>,
    /// The room for whose node it is, where no node is named.
    pub seeks: Option<RoomName>,
    /// Whether that room is opened here if nobody has it.
    pub opens: bool,
}

/// Somebody who is to be let in at the node where the room goes.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Wish {
    pub(crate) player: PlayerId,
    pub(crate) name: PlayerName,
    pub(crate) role: Role,
    /// The only room that the player may join.
    pub(crate) room: Option<RoomName>,
    /// Comes through the front door.
    pub(crate) is_web: bool,
}

/// What opens a link at the node where the room goes.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Pass {
    pub(crate) player: PlayerId,
    pub(crate) address: String,
    pub(crate) token: Vec<u8>,
}

/// What one node says to the other.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum PeerMessage {
    /// Take this room? It is told as a segment of a journal, and goes on here meanwhile.
    Offer { id: MoveId, room: u64, segment: Vec<u8>, wishes: Vec<Wish> },
    /// Yes; its players come with these.
    Willing { id: MoveId, passes: Vec<Pass> },
    /// No, or not any more.
    Unwilling { id: MoveId, why: String },
    /// Frames that were committed meanwhile, as a segment.
    Tail { id: MoveId, segment: Vec<u8> },
    /// The last of it: it stands still here.
    Hand(Box<Handover>),
    /// The room is here, whole and durable, and stands still.
    Taken { id: MoveId },
    /// It is yours: go on.
    Go { id: MoveId, due: Option<Due>, said: Vec<(PlayerId, Vec<u8>)> },
    /// It goes on here.
    Gone { id: MoveId },
    /// It stays where it was: forget it.
    Stay { id: MoveId },
    /// Whose is it?
    Whose { id: MoveId },
    /// Somebody asks for a room that has moved.
    LetIn { room: RoomName, wish: Wish },
    /// What they come with.
    In { room: RoomName, pass: Pass },
    /// The room has gone further.
    Elsewhere { node: String, room: RoomName, wish: Wish },
    /// What players said who had not heard yet that their room had moved.
    Said { said: Vec<(PlayerId, Vec<u8>)> },
}

/// When the next frame is due, from when this is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Due {
    /// In so many microseconds.
    In(u64),
    /// So many microseconds ago.
    Ago(u64),
}

/// What there is of a room beside its records.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Handover {
    pub(crate) id: MoveId,
    pub(crate) owner_epoch: u64,
    /// The room as it is, and the frames since the last tail.
    pub(crate) segment: Vec<u8>,
    /// The next frame's tick, and the hash before it; `None` if no match is played.
    pub(crate) at: Option<(Tick, u64)>,
    /// When the match started, in microseconds since 1970.
    pub(crate) started_us: u64,
    /// The frames that some seat may lack.
    pub(crate) frames: Vec<(Tick, Vec<u8>)>,
    pub(crate) seats: Vec<SeatParcel>,
    pub(crate) holders: Vec<HolderParcel>,
    pub(crate) last_end: Option<MatchEnd>,
    pub(crate) packets: Vec<PacketParcel>,
    /// For whom seats are kept, and for how many more milliseconds.
    pub(crate) reserved: Vec<(PlayerId, u32)>,
    /// Who watches and operates the server, which the room's records do not tell.
    pub(crate) operators: Vec<(PlayerId, PlayerName)>,
    pub(crate) played: bool,
}

/// A player's place.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct SeatParcel {
    pub(crate) player: PlayerId,
    /// Whether a link was there.
    pub(crate) is_linked: bool,
    /// The part in the match.
    pub(crate) play: Option<PlayParcel>,
}

/// A seat's part in the match.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct PlayParcel {
    pub(crate) acked: Tick,
    /// Inputs that wait for their tick.
    pub(crate) inputs: Vec<(Tick, u64)>,
    pub(crate) last: Option<(u64, u8)>,
    pub(crate) newest: Option<Tick>,
    pub(crate) compared: Option<Tick>,
    pub(crate) agreed: Option<Tick>,
    pub(crate) lead: i8,
    pub(crate) copies: u8,
    pub(crate) snapshot_owed: bool,
}

/// A player's time in a seat of the match.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct HolderParcel {
    pub(crate) seat: u8,
    pub(crate) player: PlayerId,
    pub(crate) name: String,
    pub(crate) from: Tick,
    pub(crate) until: Option<Tick>,
}

/// A packet that waits in the room.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct PacketParcel {
    pub(crate) kind: u8,
    pub(crate) seat: Option<u8>,
    pub(crate) tick: Tick,
    pub(crate) made_us: u64,
    pub(crate) bytes: Vec<u8>,
}

impl PeerMessage {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut bytes = head(LETTER_VERSION, self.id());
        encode_into(self, &mut bytes);
        bytes
    }

    /// Reads what a node of the same cluster says. It is believed, and checked where a mistake would do harm.
    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, Unread> {
        let nothing = |why: String| Unread { id: None, why };
        if bytes.len() > MOVE_BYTES_MAX {
            return Err(nothing(format!("{} bytes, over {MOVE_BYTES_MAX}", bytes.len())));
        }
        let Some((&[MARK, version, ref id @ ..], said)) = bytes.split_first_chunk::<HEAD_BYTES>() else {
            return Err(nothing("it has no version: another build has written it".to_owned()));
        };
        let id = Some(MoveId(u128::from_le_bytes(*id))).filter(|id| id.0 != 0);
        match (version, id) {
            (REFUSAL_VERSION, Some(id)) => {
                let why = String::from_utf8_lossy(&said[..said.len().min(REFUSAL_BYTES_MAX)]).into_owned();
                Ok(Self::Unwilling { id, why })
            }
            (LETTER_VERSION, id) => decode(said).map_err(|error| Unread { id, why: error.to_string() }),
            (version, id) => {
                let why = format!(
                    "what nodes say has version {version} there and {LETTER_VERSION} here: run the same build on both"
                );
                Err(Unread { id, why })
            }
        }
    }

    /// The move that it is about.
    fn id(&self) -> Option<MoveId> {
        match self {
            Self::Offer { id, .. }
            | Self::Willing { id, .. }
            | Self::Unwilling { id, .. }
            | Self::Tail { id, .. }
            | Self::Taken { id }
            | Self::Go { id, .. }
            | Self::Gone { id }
            | Self::Stay { id }
            | Self::Whose { id } => Some(*id),
            Self::Hand(handover) => Some(handover.id),
            Self::LetIn { .. } | Self::In { .. } | Self::Elsewhere { .. } | Self::Said { .. } => None,
        }
    }
}

/// Something that cannot be read.
#[derive(Debug)]
pub(crate) struct Unread {
    /// The move that it is about, if it is known.
    pub(crate) id: Option<MoveId>,
    pub(crate) why: String,
}

/// What every letter begins with, in every version: the mark, the version, and the move that it is about or 0.
fn head(version: u8, id: Option<MoveId>) -> Vec<u8> {
    let mut bytes = vec![MARK, version];
    bytes.extend(id.map_or(0, |id| id.0).to_le_bytes());
    bytes
}

/// That something about a move cannot be read, as every version reads it: text after the head.
pub(crate) fn refusal(id: MoveId, why: &str) -> Vec<u8> {
    let mut bytes = head(REFUSAL_VERSION, Some(id));
    bytes.extend(why.bytes());
    bytes
}

/// Whether a text can be the name of a node.
pub(crate) fn is_node_name(name: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    (1..=NODE_NAME_BYTES_MAX).contains(&name.len()) && name.bytes().all(is_plain)
}
