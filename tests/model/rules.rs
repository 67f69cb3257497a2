//! `Model`, the rules of rooms once more, written down as plainly as they can be.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use framekeep_protocol::{RoomPhase, StartRule};

pub(crate) const ROOMS: usize = 5;

const GRACE: Duration = Duration::from_secs(30);
const KEPT_FOR: Duration = Duration::from_secs(60);
const EMPTY_UNPLAYED: Duration = Duration::from_secs(10);
const EMPTY_PLAYED: Duration = Duration::from_secs(300);
const FINISHED_FOR: Duration = Duration::from_secs(300);
pub(crate) const NAME_KEPT: Duration = Duration::from_secs(3);

/// The name of the refusal that a player gets, if any.
type Refused = Option<&'static str>;

/// What a room is made with.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Kind {
    pub(crate) seats: u8,
    /// Fewest players of the game.
    pub(crate) least: usize,
    pub(crate) start: StartRule,
    pub(crate) code: &'static str,
    pub(crate) watchers: u8,
}

/// What a player asks for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Ask {
    Join { room: usize, create: bool, code: &'static str, watch: bool },
    Leave,
    Ready(bool),
    Choose(&'static str),
    Start,
    Abort,
    PlayAgain,
    Reserve(u64),
    Kick(u64, bool),
    HandOver(u64),
    Lock(bool),
    Chat,
    Close,
}

/// A room as far as it is compared; of a seat the player, whether ready, whether out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) phase: RoomPhase,
    pub(crate) seats: Vec<Option<(u64, bool, bool)>>,
    pub(crate) host: Option<u64>,
    pub(crate) locked: bool,
    pub(crate) content: String,
    pub(crate) banned: Vec<u64>,
    pub(crate) watchers: Vec<u64>,
    pub(crate) kept: usize,
}

#[derive(Clone, Debug)]
struct Table {
    kind: Kind,
    phase: RoomPhase,
    seats: Vec<Option<u64>>,
    kept: BTreeMap<u64, (usize, Duration)>,
    ready: BTreeSet<u64>,
    out: BTreeSet<u64>,
    host: Option<u64>,
    locked: bool,
    content: &'static str,
    banned: BTreeSet<u64>,
    watchers: Vec<u64>,
    opened: bool,
    played: bool,
    empty_since: Option<Duration>,
    finished_since: Option<Duration>,
    /// Who has no link, and the seat is held.
    absent: BTreeSet<u64>,
}

/// All rooms, and who is linked.
pub(crate) struct Model {
    kinds: [Kind; ROOMS],
    tables: Vec<Option<Table>>,
    /// By whom rooms were closed whose names are not free, and until when.
    closed: Vec<Option<(u64, Duration)>>,
    linked: BTreeSet<u64>,
    held: BTreeMap<u64, Duration>,
}

impl Model {
    pub(crate) fn new(kinds: [Kind; ROOMS]) -> Self {
        let (tables, closed) = (vec![None; ROOMS], vec![None; ROOMS]);
        Self { kinds, tables, closed, linked: BTreeSet::new(), held: BTreeMap::new() }
    }

    pub(crate) fn relink(&mut self, who: u64) {
        self.linked.insert(who);
        self.held.remove(&who);
        for table in self.tables.iter_mut().flatten() {
            table.absent.remove(&who);
        }
    }

    pub(crate) fn lose(&mut self, who: u64, now: Duration) {
        self.linked.remove(&who);
        if let Some(room) = self.place(who) {
            self.held.insert(who, now + GRACE);
            self.tables[room].iter_mut().for_each(|table| table.absent.extend([who]));
        }
    }

    /// The room a player is in, with or without a seat.
    pub(crate) fn place(&self, who: u64) -> Option<usize> {
        self.tables.iter().position(|table| table.as_ref().is_some_and(|table| table.has(who)))
    }

    pub(crate) fn is_known(&self, who: u64) -> bool {
        self.linked.contains(&who) || self.place(who).is_some()
    }

    pub(crate) fn seen(&self, room: usize) -> Option<Seen> {
        self.tables[room].as_ref().map(Table::seen)
    }

    /// Who has a part in the match that runs in a room, in seat order; `None` if none does.
    pub(crate) fn playing(&self, room: usize) -> Option<Vec<u64>> {
        let table = self.tables[room].as_ref().filter(|table| table.phase == RoomPhase::Playing)?;
        Some(table.players().filter(|who| !table.out.contains(who)).collect())
    }

    /// The game of a room is over.
    pub(crate) fn finish(&mut self, room: usize) {
        if let Some(table) = &mut self.tables[room]
            && table.phase == RoomPhase::Playing
        {
            table.finish();
        }
    }

    /// Everything whose time has come, in the order of time.
    pub(crate) fn pass(&mut self, now: Duration) {
        self.note_finished(now);
        while let Some((who, _)) = self
            .held
            .iter()
            .map(|(who, at)| (*who, *at))
            .filter(|(_, at)| *at <= now)
            .min_by_key(|(_, at)| *at)
        {
            self.held.remove(&who);
            if let Some(room) = self.place(who) {
                self.depart(room, who, now);
            }
        }
        self.note_finished(now);
        for closed in &mut self.closed {
            *closed = closed.filter(|(_, until)| *until > now);
        }
        for slot in &mut self.tables {
            let Some(table) = slot else { continue };
            table.kept.retain(|_, (_, until)| *until > now);
            let life = if table.played { EMPTY_PLAYED } else { EMPTY_UNPLAYED };
            if table.empty_since.is_some_and(|since| since + life <= now)
                || table.finished_since.is_some_and(|since| since + FINISHED_FOR <= now)
            {
                *slot = None;
            }
        }
        self.held.retain(|who, _| self.tables.iter().flatten().any(|table| table.has(*who)));
    }

    /// Since when rooms are finished.
    fn note_finished(&mut self, now: Duration) {
        for table in self.tables.iter_mut().flatten() {
            match table.phase {
                RoomPhase::Finished => drop(table.finished_since.get_or_insert(now)),
                _ => table.finished_since = None,
            }
        }
    }

    fn depart(&mut self, room: usize, who: u64, now: Duration) {
        self.held.remove(&who);
        if let Some(table) = &mut self.tables[room] {
            table.remove(who, now);
            table.settle();
        }
    }

    pub(crate) fn ask(&mut self, who: u64, ask: Ask, now: Duration) -> Refused {
        if let Ask::Join { room, create, code, watch } = ask {
            return self.join(who, room, create, code, watch, now);
        }
        let Some(room) = self.place(who) else { return Some("NotInRoom") };
        if let Ask::Leave = ask {
            self.depart(room, who, now);
            self.note_finished(now);
            return None;
        }
        let table = self.tables[room].as_mut()?;
        let refused = table.refuse(who, ask);
        if refused.is_none() {
            if let Ask::Close = ask {
                self.tables[room] = None;
                self.closed[room] = Some((who, now + NAME_KEPT));
            } else {
                table.ask(who, ask, now);
                table.settle();
            }
        }
        self.held.retain(|who, _| self.tables.iter().flatten().any(|table| table.has(*who)));
        self.note_finished(now);
        refused
    }

    fn join(
        &mut self,
        who: u64,
        room: usize,
        create: bool,
        code: &str,
        watch: bool,
        now: Duration,
    ) -> Refused {
        if let Some(place) = self.place(who) {
            // Who asks for the place that they have is shown the room again.
            let is_the_same = place == room && self.tables[room].as_ref()?.sits(who) != watch;
            return (!is_the_same).then_some("AlreadyInRoom");
        }
        let is_new = self.tables[room].is_none();
        if is_new && self.closed[room].is_some_and(|(by, _)| by != who || !create) {
            return Some("RoomClosed");
        }
        if is_new && !create {
            return Some("NoSuchRoom");
        }
        let mut table = self.tables[room].take().unwrap_or_else(|| Table::new(self.kinds[room], now));
        let refused = table.join(who, code, watch);
        table.settle();
        if refused.is_none() {
            self.closed[room] = None;
        }
        // A room that its maker cannot join is none.
        if refused.is_none() || !is_new {
            self.tables[room] = Some(table);
        }
        refused
    }
}

impl Table {
    fn new(kind: Kind, now: Duration) -> Self {
        Self {
            kind,
            phase: RoomPhase::Waiting,
            seats: vec![None; kind.seats.into()],
            kept: BTreeMap::new(),
            ready: BTreeSet::new(),
            out: BTreeSet::new(),
            host: None,
            locked: false,
            content: "",
            banned: BTreeSet::new(),
            watchers: Vec::new(),
            opened: false,
            played: false,
            empty_since: Some(now),
            finished_since: None,
            absent: BTreeSet::new(),
        }
    }

    fn seen(&self) -> Seen {
        let seat = |who: u64| (who, self.ready.contains(&who), self.out.contains(&who));
        Seen {
            phase: self.phase,
            seats: self.seats.iter().map(|who| who.map(seat)).collect(),
            host: self.host,
            locked: self.locked,
            content: self.content.to_owned(),
            banned: self.banned.iter().copied().collect(),
            watchers: self.watchers.clone(),
            kept: self.kept.len(),
        }
    }

    fn players(&self) -> impl Iterator<Item = u64> + '_ {
        self.seats.iter().flatten().copied()
    }

    fn sits(&self, who: u64) -> bool {
        self.seats.contains(&Some(who))
    }

    fn has(&self, who: u64) -> bool {
        self.sits(who) || self.watchers.contains(&who)
    }

    fn free_seat(&self) -> Option<usize> {
        (0..self.seats.len())
            .find(|&seat| self.seats[seat].is_none() && self.kept.values().all(|(kept, _)| *kept != seat))
    }

    /// What keeps somebody out for whom no seat is kept.
    fn keep_out(&self, who: u64, code: &str) -> Refused {
        if self.banned.contains(&who) {
            return Some("Banned");
        }
        if !self.kind.code.is_empty() && self.kind.code != code {
            return Some("WrongCode");
        }
        self.locked.then_some("RoomLocked")
    }

    fn join(&mut self, who: u64, code: &str, watch: bool) -> Refused {
        let kept = self.kept.get(&who).map(|(seat, _)| *seat);
        if kept.is_none() || watch {
            let kept_out = self.keep_out(who, code);
            if kept_out.is_some() {
                return kept_out;
            }
        }
        if watch {
            if self.watchers.len() >= usize::from(self.kind.watchers) {
                return Some("SpectatorsFull");
            }
            self.watchers.push(who);
        } else {
            let Some(seat) = kept.or_else(|| self.free_seat()) else { return Some("RoomFull") };
            self.kept.remove(&who);
            self.seats[seat] = Some(who);
            self.host = self.host.or(Some(who));
            self.empty_since = None;
        }
        None
    }

    /// Why somebody who is in the room does not get what they ask for.
    fn refuse(&self, who: u64, ask: Ask) -> Refused {
        let (is_host, playing) = (self.host == Some(who), self.phase == RoomPhase::Playing);
        // The arena, which needs two players, is the only game that has a pit.
        if let Ask::Choose(content) = ask
            && !(content.is_empty() || (content == "pit" && self.kind.least == 2))
        {
            return Some("UnknownContent");
        }
        let for_all = matches!(ask, Ask::Chat);
        let for_players = matches!(ask, Ask::Ready(_) | Ask::Abort);
        if !for_all && !self.sits(who) {
            return Some("NotForSpectators");
        }
        if !for_all && !for_players && !is_host {
            return Some("NotHost");
        }
        let in_time = match ask {
            Ask::Ready(_) | Ask::Start => self.is_before_a_match(),
            Ask::Abort => playing,
            Ask::Choose(_) => !playing,
            Ask::PlayAgain => self.phase == RoomPhase::Finished,
            _ => true,
        };
        if !in_time {
            return Some("WrongPhase");
        }
        self.refuse_host(who, ask)
    }

    /// Why the host does not get what is theirs to ask for.
    fn refuse_host(&self, host: u64, ask: Ask) -> Refused {
        let players = self.players().count();
        match ask {
            Ask::Start if players < self.kind.least => Some("TooFewPlayers"),
            Ask::Start if self.kind.start == StartRule::Full => None,
            Ask::Start if !self.players().all(|who| self.ready.contains(&who)) => Some("NotReady"),
            Ask::Reserve(who) if self.has(who) => Some("AlreadyInRoom"),
            Ask::Reserve(who) if !self.kept.contains_key(&who) && self.free_seat().is_none() => {
                Some("RoomFull")
            }
            Ask::Kick(who, _) if who == host => Some("NotToOneself"),
            Ask::Kick(who, false) if !self.has(who) => Some("NoSuchMember"),
            Ask::HandOver(who) if !self.sits(who) => Some("NoSuchMember"),
            _ => None,
        }
    }

    fn remove(&mut self, who: u64, now: Duration) {
        let sat = self.sits(who);
        for seat in &mut self.seats {
            if *seat == Some(who) {
                *seat = None;
            }
        }
        self.watchers.retain(|watcher| *watcher != who);
        self.ready.remove(&who);
        self.out.remove(&who);
        if self.host == Some(who) {
            let there = self.players().find(|who| !self.absent.contains(who));
            let next = there.or_else(|| self.players().next());
            self.host = next;
        }
        self.absent.remove(&who);
        if sat && self.players().next().is_none() {
            self.empty_since = Some(now);
            self.locked = false;
        }
        self.finish_if_nobody_plays();
    }

    fn finish(&mut self) {
        self.phase = RoomPhase::Finished;
        self.ready.clear();
        self.out.clear();
        self.opened = false;
    }

    fn finish_if_nobody_plays(&mut self) {
        if self.phase == RoomPhase::Playing && self.players().all(|who| self.out.contains(&who)) {
            self.finish();
        }
    }

    fn is_before_a_match(&self) -> bool {
        matches!(self.phase, RoomPhase::Waiting | RoomPhase::Preparing | RoomPhase::Ready)
    }

    fn ask(&mut self, who: u64, ask: Ask, now: Duration) {
        match ask {
            Ask::Ready(true) => drop(self.ready.insert(who)),
            Ask::Ready(false) => drop(self.ready.remove(&who)),
            Ask::Abort if self.host == Some(who) => self.finish(),
            Ask::Abort => {
                self.out.insert(who);
                self.finish_if_nobody_plays();
            }
            _ => self.command(ask, now),
        }
    }

    /// What only the host may do, of which nothing stands in the way.
    fn command(&mut self, ask: Ask, now: Duration) {
        match ask {
            Ask::Start => self.opened = true,
            Ask::PlayAgain => {
                self.phase = RoomPhase::Preparing;
                self.opened = self.kind.start == StartRule::Full;
            }
            Ask::Reserve(who) => {
                let seat = self.kept.get(&who).map(|(seat, _)| *seat).or_else(|| self.free_seat());
                if let Some(seat) = seat {
                    self.kept.insert(who, (seat, now + KEPT_FOR));
                    self.banned.remove(&who);
                }
            }
            Ask::Kick(who, ban) => {
                if ban {
                    self.banned.insert(who);
                    self.kept.remove(&who);
                }
                if self.has(who) {
                    self.remove(who, now);
                }
            }
            Ask::HandOver(who) => self.host = Some(who),
            Ask::Lock(locked) => self.locked = locked,
            Ask::Choose(content) if content != self.content => {
                self.content = content;
                self.ready.clear();
            }
            _ => {}
        }
    }

    /// What a room before a match is follows from who is there.
    fn settle(&mut self) {
        if self.is_before_a_match() {
            let (count, full) = (self.players().count(), self.seats.iter().all(Option::is_some));
            let is_gathered = match self.kind.start {
                StartRule::Full => full || (self.opened && count >= self.kind.least),
                StartRule::Ready | StartRule::Host => count >= self.kind.least,
            };
            let is_ready =
                self.kind.start == StartRule::Full || self.players().all(|who| self.ready.contains(&who));
            self.phase = match (is_gathered, is_ready) {
                (false, _) => {
                    if self.phase != RoomPhase::Waiting {
                        self.opened = false;
                    }
                    RoomPhase::Waiting
                }
                (true, false) => RoomPhase::Preparing,
                (true, true) if self.kind.start == StartRule::Host && !self.opened => RoomPhase::Ready,
                (true, true) => {
                    self.opened = false;
                    self.out.clear();
                    self.played = true;
                    RoomPhase::Playing
                }
            };
        }
        if self.players().next().is_none() {
            self.opened = false;
        }
    }
}
