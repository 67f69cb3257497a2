//! What is asked of the store about tickets and matches, and what it answers.

use serde::{Deserialize, Serialize};

use crate::Epoch;

/// How far a ticket is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// It waits for others.
    Waiting,
    /// Its players are asked whether they are there.
    Asked,
    /// It has its match.
    Matched,
    /// It is over without a match.
    Over,
}

impl Stage {
    /// Whether a ticket of that stage has no match and may get one.
    pub(crate) const fn is_open(self) -> bool {
        matches!(self, Self::Waiting | Self::Asked)
    }
}

/// A ticket in the store. Numbers of tickets and players are hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// How far it is.
    pub stage: Stage,
    /// Why it is over; empty while it is not.
    pub why: String,
    /// The match that it has or is asked for; empty without one.
    pub of: String,
    /// Until when its players may answer, or since when it has its match, by the store's time.
    pub until_ms: u64,
    /// Players who were asked and are there, separated by commas.
    pub there: String,
    /// One more with every change.
    pub revision: u32,
    /// Since when it waits, by the store's time.
    pub since_ms: u64,
    /// Its players, separated by commas.
    pub players: String,
    /// Whether the room of its match is open.
    #[serde(default)]
    pub plays: bool,
    /// The tickets of the match that it is asked for, itself among them, separated by commas; empty while it is not.
    #[serde(default)]
    pub with: String,
}

/// How many players of a match have said that they are there, whoever's tickets they are of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answers {
    /// How many have.
    pub there: u32,
    /// How many are asked.
    pub of: u32,
}

/// How far a match is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// A node is to open its room.
    Placed,
    /// Its room is open, and its players have their seats.
    Started,
}

/// A match in the store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Placed {
    /// Its number, never used again.
    pub of: String,
    /// How far it is.
    pub step: Step,
    /// The node that has its room.
    pub node: String,
    /// What the node needs to know, which the store does not read.
    pub body: String,
    /// Its tickets, separated by commas.
    pub tickets: String,
    /// The room, once it is open.
    pub room: String,
    /// When it was placed, by the store's time.
    pub at_ms: u64,
    /// The running room its players come into; empty for a new one.
    #[serde(default)]
    pub into: String,
}

/// Free seats of a running room, of one team.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Offer {
    /// The room's name.
    pub room: String,
    /// The node that has it.
    pub node: String,
    /// Under which number: a node that had the room before does not offer its seats any more.
    pub epoch: Epoch,
    /// One more with everything that the node says: what is late does not count.
    pub nth: u64,
    /// Which offer it is, by the store; also the number of the change.
    pub serial: u64,
    /// Seats that nobody has claimed.
    pub seats: u32,
    /// Matches that have claimed seats since, separated by commas.
    pub pending: String,
    /// What the coordinator needs to know, which the store does not read.
    pub body: String,
    /// When the node said so last, by the store's time.
    pub at_ms: u64,
}

/// The seats of a running room that a match is for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seats {
    /// The room's name.
    pub room: String,
    /// The offer.
    pub serial: u64,
    /// How many.
    pub count: u32,
}

/// A ticket that a store which was replaced may have forgotten.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    /// Its number.
    pub id: String,
    /// What it says, which the store does not read.
    pub body: String,
    /// Its players, separated by commas.
    pub players: String,
    /// Since when it waits, by the store's time.
    pub since_ms: u64,
}

/// What is asked of the store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "ask", rename_all = "snake_case")]
pub enum Ask {
    /// Lets a ticket wait. The same ticket again changes nothing.
    Submit {
        /// The ticket; from now on if it waits since 0.
        ticket: Kept,
        /// Most tickets that are not over.
        limit: u32,
    },
    /// How is this ticket?
    Show {
        /// Which.
        id: String,
    },
    /// Takes a ticket back.
    Cancel {
        /// Which.
        id: String,
    },
    /// Answers for a player who was asked.
    Answer {
        /// Of which ticket.
        id: String,
        /// Who.
        player: String,
        /// Whether they are there.
        accepts: bool,
    },
    /// What has changed since?
    Changes {
        /// The number of the last change that is known.
        after: u64,
        /// Most tickets.
        limit: u32,
        /// Whether all of them is told, with what they say, and not only how far they are; of one whose match has its
        /// room the match, with the first ticket of it in the list.
        bodies: bool,
    },
    /// The coordinator: the players of these tickets are asked.
    Question {
        /// Under which number it coordinates.
        epoch: Epoch,
        /// For which match.
        of: String,
        /// Which tickets, separated by commas.
        tickets: String,
        /// How long they may take to answer.
        for_ms: u64,
    },
    /// The coordinator: a match that was asked for is not played; these tickets of it wait again, as long as they have.
    Unask {
        /// Under which number it coordinates.
        epoch: Epoch,
        /// Which match; any if it is empty.
        of: String,
        /// Which tickets, separated by commas.
        tickets: String,
    },
    /// The coordinator: a ticket that has no match is over. One whose players have all answered is not over for want
    /// of an answer (`no_answer`): that is [`Told::Stale`].
    End {
        /// Under which number it coordinates.
        epoch: Epoch,
        /// Which ticket.
        id: String,
        /// Why.
        why: String,
    },
    /// The coordinator: these tickets have their match, on that node. All of them or none.
    Claim {
        /// Under which number it coordinates.
        epoch: Epoch,
        /// Which match.
        of: String,
        /// What the node needs to know.
        body: String,
        /// Which tickets, separated by commas.
        tickets: String,
        /// Which node.
        node: String,
        /// The seats of a running room of that node that it is for; none for a new room. They are claimed in the same
        /// step.
        #[serde(default)]
        seats: Option<Seats>,
    },
    /// A running room has so many free seats. What was claimed of an earlier offer has to be settled before.
    Offer {
        /// The room's name.
        room: String,
        /// The node that has it.
        node: String,
        /// Under which number.
        epoch: Epoch,
        /// One more with everything that the node says.
        nth: u64,
        /// The number of the offer if it is the one that was told last, to say that the room is still there; 0 for
        /// another one.
        serial: u64,
        /// How many seats.
        seats: u32,
        /// What the coordinator needs to know.
        body: String,
    },
    /// Which offers have changed since?
    Offers {
        /// The number of the last change that is known.
        after: u64,
        /// Most offers.
        limit: u32,
    },
    /// What was said of a room, whoever has it now?
    Offered {
        /// The room's name.
        room: String,
    },
    /// Matches that no node has opened a room for.
    Unopened {
        /// Most matches.
        limit: u32,
    },
    /// A match that no room was opened for is not played: its tickets wait again, as long as they have. It is asked by
    /// the coordinator, or by the node that cannot open the room.
    TakeBack {
        /// Under which number the asker coordinates; 0 for the node.
        epoch: Epoch,
        /// Which match.
        of: String,
        /// The node that was to open it.
        node: String,
    },
    /// Matches that a node is to open rooms for, each told once.
    Fetch {
        /// Which node.
        node: String,
        /// Most matches.
        limit: u32,
    },
    /// A room is open. It is to be said until the store answers something else than [`Told::Fenced`].
    Started {
        /// For which match.
        of: String,
        /// At which node.
        node: String,
        /// The room.
        room: String,
    },
    /// A node has a room open for a match that a store which was replaced may have forgotten.
    Retell {
        /// The match.
        placed: Placed,
        /// Its tickets.
        tickets: Vec<Kept>,
    },
    /// A ticket that a node had alone is over: it is remembered as that, unless it has its match or was over before.
    Retire {
        /// The ticket.
        ticket: Kept,
        /// Why.
        why: String,
    },
    /// The coordinator: forgets what was over long ago, some of it where there is much.
    Sweep {
        /// Under which number it coordinates.
        epoch: Epoch,
    },
}

/// What the store answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "told", rename_all = "snake_case")]
pub enum Told {
    /// It is done.
    Done,
    /// A ticket as it is now.
    Ticket {
        /// The ticket.
        record: Box<Record>,
        /// What it says.
        body: String,
        /// Its match, once it has one.
        placed: Option<Box<Placed>>,
        /// How many of all players of the match have answered, while they are asked.
        #[serde(default)]
        answers: Option<Answers>,
    },
    /// There is no such ticket.
    Unknown,
    /// Another ticket has that number.
    Other,
    /// A player waits by another ticket.
    PlayerWaits {
        /// Who.
        player: String,
        /// By which.
        ticket: String,
    },
    /// There are too many tickets.
    Full,
    /// Nobody is asked for this ticket, or not that player.
    NotAsked,
    /// The ticket has its match, or had it for long.
    Matched {
        /// Which; empty if only the ticket's number is remembered.
        of: String,
    },
    /// What has changed, in the order of the changes.
    Changes {
        /// Tickets with their bodies.
        tickets: Vec<Change>,
        /// The number of the last change in the list, or of the question.
        last: u64,
        /// The number of the last change of all.
        newest: u64,
        /// The store's time.
        now_ms: u64,
        /// Since when it serves, by its time: another time is another store, which may have forgotten something.
        since_ms: u64,
    },
    /// Matches.
    Matches {
        /// The matches.
        matches: Vec<Placed>,
    },
    /// The seats are offered.
    Offering {
        /// Which offer it is.
        serial: u64,
    },
    /// Matches that have claimed seats of the last offer are not settled: nothing was done.
    Unsettled,
    /// Offers, in the order of their changes.
    Offers {
        /// The offers.
        offers: Vec<Offer>,
        /// The number of the last change in the list, or of the question.
        last: u64,
    },
    /// What was over long ago is forgotten.
    Swept {
        /// Whether there is more of it.
        more: bool,
    },
    /// These tickets are not what the asker thinks: nothing was done.
    Stale {
        /// Which, separated by commas.
        tickets: String,
    },
    /// The match is not the asker's any more, or is not what it thinks: nothing was done.
    Gone,
    /// The asker does not coordinate, or the store waits for those who know more: nothing was done.
    Fenced,
}

/// A ticket that has changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// Which.
    pub id: String,
    /// How it is.
    pub record: Record,
    /// What it says, or its match.
    pub body: String,
}

impl Change {
    /// How far a ticket is, and nothing else of it.
    pub(crate) fn brief(id: &str, stage: Stage, plays: bool) -> Self {
        let record = Record {
            stage,
            why: String::new(),
            of: String::new(),
            until_ms: 0,
            there: String::new(),
            revision: 0,
            since_ms: 0,
            players: String::new(),
            plays,
            with: String::new(),
        };
        Self { id: id.to_owned(), record, body: String::new() }
    }
}
