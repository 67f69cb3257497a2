//! `Model`, the rules of rooms once more, written down as plainly as they can be.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use framekeep_protocol::{RoomPhase, StartRule};

pub(crate) const ROOMS: usize = 5;

const GRACE: Duration = Duration::from_secs(30);
const KEPT_FOR: Duration = Duration::from_secs(60);
const EMPTY_UNPLAYED: Duration = Duration::from_secs(10);
const EMPTY_PLAYED: Duration = Duration::from_secs(300);

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
}

/// All rooms, and who is linked.
pub(crate) struct Model {
    kinds: [Kind; ROOMS],
    tables: Vec<Option<Table>>,
    linked: BTreeSet<u64>,
    held: BTreeMap<u64, Duration>,
}

impl Model {
    pub(crate) fn new(kinds: [Kind; ROOMS]) -> Self {
        Self { kinds, tables: vec![None; ROOMS], linked: BTreeSet::new(), held: BTreeMap::new() }
    }

    pub(crate) fn relink(&mut self, who: u64) {
        self.linked.insert(who);
        self.held.remove(&who);
    }

    pub(crate) fn lose(&mut self, who: u64, now: Duration) {
        self.linked.remove(&who);
        if self.place(who).is_some() {
            self.held.insert(who, now + GRACE);
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
        for slot in &mut self.tables {
            let Some(table) = slot else { continue };
            table.kept.retain(|_, (_, until)| *until > now);
            let life = if table.played { EMPTY_PLAYED } else { EMPTY_UNPLAYED };
            if table.empty_since.is_some_and(|since| since + life <= now) {
                *slot = None;
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

    pub(crate) fn ask(&mut self, who: u64, ask: Ask, now: Duration) {
        if let Ask::Join { room, create, code, watch } = ask {
            return self.join(who, room, create, code, watch, now);
        }
        let Some(room) = self.place(who) else { return };
        match ask {
            Ask::Leave => return self.depart(room, who, now),
            Ask::Close => {
                let table = self.tables[room].as_ref();
                if table.is_some_and(|table| table.host == Some(who)) {
                    self.tables[room] = None;
                    self.held.retain(|who, _| self.tables.iter().flatten().any(|table| table.has(*who)));
                }
                return;
            }
            _ => {}
        }
        let Some(table) = &mut self.tables[room] else { return };
        table.ask(who, ask, now);
        table.settle();
        self.held.retain(|who, _| self.tables.iter().flatten().any(|table| table.has(*who)));
    }

    fn join(&mut self, who: u64, room: usize, create: bool, code: &str, watch: bool, now: Duration) {
        if self.place(who).is_some() || (self.tables[room].is_none() && !create) {
            return;
        }
        let kind = self.kinds[room];
        let table = self.tables[room].get_or_insert_with(|| Table::new(kind, now));
        table.join(who, code, watch);
        table.settle();
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

    fn join(&mut self, who: u64, code: &str, watch: bool) {
        let kept = self.kept.get(&who).map(|(seat, _)| *seat);
        let code_fits = self.kind.code.is_empty() || self.kind.code == code;
        let may_enter = code_fits && !self.locked && !self.banned.contains(&who);
        if watch {
            if may_enter && self.watchers.len() < usize::from(self.kind.watchers) {
                self.watchers.push(who);
                self.empty_since = None;
            }
            return;
        }
        let seat = match kept {
            None if !may_enter => return,
            None => self.free_seat(),
            kept => kept,
        };
        let Some(seat) = seat else { return };
        self.kept.remove(&who);
        self.seats[seat] = Some(who);
        self.host = self.host.or(Some(who));
        self.empty_since = None;
    }

    fn remove(&mut self, who: u64, now: Duration) {
        for seat in &mut self.seats {
            if *seat == Some(who) {
                *seat = None;
            }
        }
        self.watchers.retain(|watcher| *watcher != who);
        self.ready.remove(&who);
        self.out.remove(&who);
        if self.host == Some(who) {
            self.host = self.seats.iter().flatten().next().copied();
        }
        if self.players().next().is_none() && self.watchers.is_empty() {
            self.empty_since = Some(now);
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
        let is_host = self.host == Some(who);
        match ask {
            Ask::Ready(ready) if self.is_before_a_match() && self.sits(who) => {
                if ready {
                    self.ready.insert(who);
                } else {
                    self.ready.remove(&who);
                }
            }
            Ask::Abort if self.phase == RoomPhase::Playing && is_host => self.finish(),
            Ask::Abort if self.phase == RoomPhase::Playing && self.sits(who) => {
                self.out.insert(who);
                self.finish_if_nobody_plays();
            }
            _ if is_host => self.command(who, ask, now),
            _ => {}
        }
    }

    /// What only the host may do.
    fn command(&mut self, host: u64, ask: Ask, now: Duration) {
        match ask {
            Ask::Start if self.is_before_a_match() => {
                let enough = self.players().count() >= self.kind.least;
                let ready = self.players().all(|who| self.ready.contains(&who));
                self.opened |= self.kind.start == StartRule::Full || (enough && ready);
            }
            Ask::PlayAgain if self.phase == RoomPhase::Finished => {
                self.phase = RoomPhase::Preparing;
                self.opened = self.kind.start == StartRule::Full;
            }
            Ask::Reserve(who) if !self.has(who) && !self.banned.contains(&who) => {
                let seat = self.kept.get(&who).map(|(seat, _)| *seat).or_else(|| self.free_seat());
                if let Some(seat) = seat {
                    self.kept.insert(who, (seat, now + KEPT_FOR));
                }
            }
            Ask::Kick(who, ban) if who != host => {
                if ban {
                    self.banned.insert(who);
                    self.kept.remove(&who);
                }
                if self.has(who) {
                    self.remove(who, now);
                }
            }
            Ask::HandOver(who) if self.sits(who) => self.host = Some(who),
            Ask::Lock(locked) => self.locked = locked,
            Ask::Choose(content)
                if self.phase != RoomPhase::Playing
                    && content != self.content
                    // The arena, which needs two players, is the only game that has a pit.
                    && (content.is_empty() || (content == "pit" && self.kind.least == 2)) =>
            {
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
                StartRule::Full => full || (self.opened && count > 0),
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
