//! `Lobby`, a room as data: what may be done to it, and what follows.

use framekeep_protocol::{
    LeftReason, PLAYER_NAME_BYTES_MAX, PlayerId, PlayerName, Refusal, RoomEventKind, RoomPhase, StartRule,
    is_unprintable,
};

use crate::{
    Action, Actor, Change, Effect, Forbidden, Full, LobbyOptions, LobbyState, Occupant, Operation,
    PhaseEvent, Role, Roster, permit, transition,
};

/// Most players a room remembers as banned.
pub const BANS_MAX: usize = 64;

/// Most operators that watch a room at one time; they take no place of a spectator.
pub const OPERATORS_MAX: usize = 8;

/// Most who watch a room at one time, operators among them.
const WATCHERS_MAX: usize = 255;

/// A room as data. Every change goes through [`Lobby::apply`], which does all of an operation or refuses it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lobby {
    options: LobbyOptions,
    phase: RoomPhase,
    roster: Roster,
    spectators: Vec<(PlayerId, PlayerName)>,
    /// Those who watch and operate the server.
    operators: Vec<(PlayerId, PlayerName)>,
    banned: Vec<PlayerId>,
    locked: bool,
    /// The host has opened a room that is not full.
    opened: bool,
    content: String,
}

impl Lobby {
    /// An empty room.
    #[must_use]
    pub fn new(options: LobbyOptions, content: String) -> Self {
        let roster = Roster::new(options.seats);
        Self {
            options,
            phase: RoomPhase::Waiting,
            roster,
            spectators: Vec::new(),
            operators: Vec::new(),
            banned: Vec::new(),
            locked: false,
            opened: false,
            content,
        }
    }

    /// Does what is asked, wholly, and whatever follows from it by the rules; or refuses and changes nothing.
    ///
    /// # Errors
    /// The refusal names what stands in the way.
    pub fn apply(&mut self, actor: Actor, operation: Operation) -> Result<Change, Refusal> {
        let role = self.role(actor);
        permit(self.phase, operation.action(), role).map_err(|forbidden| self.explain(forbidden))?;
        let mut change = Change::default();
        let before = self.roster.host();
        self.act(actor, role, operation, &mut change)?;
        if let Some(host) = self.roster.host()
            && before != Some(host)
            && before.is_some()
        {
            change.events.push(RoomEventKind::HostChanged { host });
        }
        self.settle(&mut change);
        Ok(change)
    }

    /// Becomes what `state` says, as far as it fits.
    pub(crate) fn take_over(&mut self, state: LobbyState) {
        self.phase = state.phase;
        self.roster.take_over(state.seats, state.reserved, state.host);
        (self.spectators, self.operators) = (state.spectators, state.operators);
        self.banned = state.banned;
        (self.locked, self.opened) = (state.locked, state.opened);
    }

    /// Whether the host has opened the room although it is not full.
    pub(crate) const fn is_opened(&self) -> bool {
        self.opened
    }

    /// Notes that a player has a link, or has lost it and the seat is held.
    pub fn note_presence(&mut self, player: PlayerId, present: bool) {
        if let Some(occupant) = self.roster.occupant_mut(player) {
            occupant.present = present;
        }
    }

    /// A seat is no longer kept for a player.
    pub fn release(&mut self, player: PlayerId) -> bool {
        self.roster.release(player)
    }

    fn act(
        &mut self,
        actor: Actor,
        role: Role,
        operation: Operation,
        change: &mut Change,
    ) -> Result<(), Refusal> {
        match operation {
            Operation::Join { name, code } => self.join(player_of(actor), name, &code, change),
            Operation::Spectate { name, code } => self.spectate(player_of(actor), name, &code, change),
            Operation::Oversee { name } => self.oversee(player_of(actor), name, change),
            Operation::Leave(reason) => {
                self.remove(player_of(actor), reason, change);
                Ok(())
            }
            Operation::Reserve(player) => self.reserve(player, change),
            Operation::Ready(ready) => {
                self.make_ready(player_of(actor), ready, change);
                Ok(())
            }
            Operation::Choose(content) => {
                self.choose(content, change);
                Ok(())
            }
            Operation::Start => self.start(),
            Operation::Abort => {
                self.abort(actor, role, change);
                Ok(())
            }
            Operation::Finish => self.step(PhaseEvent::End, change),
            Operation::Rematch => {
                // Where readiness is not asked for, the host's wish is enough.
                self.opened = self.options.start == StartRule::Full;
                self.step(PhaseEvent::Rematch, change)
            }
            Operation::Kick { player, ban } => self.kick(actor, player, ban, change),
            Operation::HandOver(player) => {
                if self.roster.hand_over(player) {
                    Ok(())
                } else {
                    Err(Refusal::NoSuchMember { player })
                }
            }
            Operation::Lock(locked) => {
                if self.locked != locked {
                    self.locked = locked;
                    change.events.push(RoomEventKind::Locked { locked });
                }
                Ok(())
            }
            Operation::Chat(text) => {
                let player = (role != Role::Server).then(|| player_of(actor));
                let text: String = text.chars().filter(|c| !is_unprintable(*c)).collect();
                if !text.trim().is_empty() {
                    change.events.push(RoomEventKind::Chat { player, text });
                }
                Ok(())
            }
            Operation::Close => {
                if self.phase == RoomPhase::Playing {
                    change.effects.push(Effect::AbortMatch);
                }
                self.step(PhaseEvent::Close, change)?;
                change.effects.push(Effect::Close);
                Ok(())
            }
        }
    }

    fn join(
        &mut self,
        player: PlayerId,
        name: PlayerName,
        code: &str,
        change: &mut Change,
    ) -> Result<(), Refusal> {
        let kept = self.roster.is_reserved(player);
        if !kept {
            self.admit(player, code)?;
        }
        let name = self.unique_name(name);
        let joined = self.roster.join(player, name.clone());
        let seat =
            joined.map_err(|Full(seats)| Refusal::RoomFull { room: self.options.name.clone(), seats })?;
        change.effects.push(Effect::Seat(player, seat));
        change.events.push(RoomEventKind::Joined { seat, player, name });
        Ok(())
    }

    fn spectate(
        &mut self,
        player: PlayerId,
        name: PlayerName,
        code: &str,
        change: &mut Change,
    ) -> Result<(), Refusal> {
        self.admit(player, code)?;
        let limit = self.options.spectators_max;
        if self.spectators.len() >= usize::from(limit) || self.watchers().count() >= WATCHERS_MAX {
            return Err(Refusal::SpectatorsFull { room: self.options.name.clone(), limit });
        }
        let name = self.watch(player, name, change);
        self.spectators.push((player, name));
        Ok(())
    }

    /// Neither code nor lock nor ban keeps an operator out, and the room's own limit does not count them.
    fn oversee(&mut self, player: PlayerId, name: PlayerName, change: &mut Change) -> Result<(), Refusal> {
        if self.operators.len() >= OPERATORS_MAX || self.watchers().count() >= WATCHERS_MAX {
            let room = self.options.name.clone();
            return Err(Refusal::SpectatorsFull { room, limit: OPERATORS_MAX as u8 });
        }
        let name = self.watch(player, name, change);
        self.operators.push((player, name));
        Ok(())
    }

    /// Somebody watches from now on; gives the name they have in the room.
    fn watch(&self, player: PlayerId, name: PlayerName, change: &mut Change) -> PlayerName {
        let name = self.unique_name(name);
        change.effects.push(Effect::Watch(player));
        change.events.push(RoomEventKind::Watching { player, name: name.clone() });
        name
    }

    /// The name, or the name with a number if somebody in the room has it already.
    fn unique_name(&self, name: PlayerName) -> PlayerName {
        let taken = |name: &PlayerName| {
            self.roster.occupants().any(|occupant| occupant.name == *name)
                || self.watchers().any(|(_, other)| other == name)
        };
        let numbered = |number: usize| {
            let end = format!(" ({number})");
            let mut length = name.as_str().len().min(PLAYER_NAME_BYTES_MAX - end.len());
            while !name.as_str().is_char_boundary(length) {
                length -= 1;
            }
            PlayerName::try_from(format!("{}{end}", &name.as_str()[..length])).ok()
        };
        if !taken(&name) {
            return name;
        }
        // There are fewer people in a room than numbers here.
        (2..1_000).filter_map(numbered).find(|name| !taken(name)).unwrap_or(name)
    }

    /// What keeps strangers out.
    fn admit(&self, player: PlayerId, code: &str) -> Result<(), Refusal> {
        let room = || self.options.name.clone();
        if self.banned.contains(&player) {
            return Err(Refusal::Banned { room: room() });
        }
        self.is_open_to(code)
    }

    fn is_open_to(&self, code: &str) -> Result<(), Refusal> {
        let room = || self.options.name.clone();
        if self.options.code != code && !self.options.code.is_empty() {
            return Err(Refusal::WrongCode { room: room() });
        }
        if self.locked { Err(Refusal::RoomLocked { room: room() }) } else { Ok(()) }
    }

    fn reserve(&mut self, player: PlayerId, change: &mut Change) -> Result<(), Refusal> {
        let room = self.options.name.clone();
        if self.role(Actor::Player(player)) != Role::Stranger {
            return Err(Refusal::AlreadyInRoom { room });
        }
        self.roster.reserve(player).map_err(|Full(seats)| Refusal::RoomFull { room, seats })?;
        // Whoever is expected is not kept out any more.
        self.banned.retain(|banned| *banned != player);
        change.events.push(RoomEventKind::Reserved { player });
        Ok(())
    }

    fn remove(&mut self, player: PlayerId, reason: LeftReason, change: &mut Change) {
        let sat = self.roster.leave(player).is_some();
        self.spectators.retain(|(spectator, _)| *spectator != player);
        self.operators.retain(|(operator, _)| *operator != player);
        change.effects.push(Effect::Remove(player, reason));
        change.events.push(RoomEventKind::Left { player, reason });
        if sat && self.roster.is_empty() && std::mem::take(&mut self.locked) {
            // Nobody is left who could unlock it.
            change.events.push(RoomEventKind::Locked { locked: false });
        }
        self.abort_if_nobody_plays(change);
    }

    fn make_ready(&mut self, player: PlayerId, ready: bool, change: &mut Change) {
        if let Some(occupant) = self.roster.occupant_mut(player)
            && occupant.ready != ready
        {
            occupant.ready = ready;
            change.events.push(RoomEventKind::Ready { player, ready });
        }
    }

    /// Whoever was ready was so for something else.
    fn choose(&mut self, content: String, change: &mut Change) {
        if self.content == content {
            return;
        }
        self.content.clone_from(&content);
        self.roster.occupants_mut().for_each(|occupant| occupant.ready = false);
        change.events.push(RoomEventKind::ContentChosen { content });
    }

    fn start(&mut self) -> Result<(), Refusal> {
        let (players, needed) = (self.roster.taken(), self.options.seats_min);
        if players < needed {
            return Err(Refusal::TooFewPlayers { players, needed });
        }
        if self.options.start == StartRule::Full {
            self.opened = true;
            return Ok(());
        }
        let missing = self.roster.occupants().filter(|occupant| !occupant.ready).count() as u8;
        if missing > 0 {
            return Err(Refusal::NotReady { missing, players });
        }
        self.opened = true;
        Ok(())
    }

    fn abort(&mut self, actor: Actor, role: Role, change: &mut Change) {
        let by = (role != Role::Server).then(|| player_of(actor));
        if role == Role::Member {
            let player = player_of(actor);
            if let Some(occupant) = self.roster.occupant_mut(player)
                && !occupant.out
            {
                occupant.out = true;
                change.effects.push(Effect::Bench(player));
                change.events.push(RoomEventKind::GaveUp { player });
            }
            self.abort_if_nobody_plays(change);
        } else {
            self.abort_match(by, change);
        }
    }

    fn abort_if_nobody_plays(&mut self, change: &mut Change) {
        if self.phase == RoomPhase::Playing && self.roster.occupants().all(|occupant| occupant.out) {
            self.abort_match(None, change);
        }
    }

    fn abort_match(&mut self, by: Option<PlayerId>, change: &mut Change) {
        change.events.push(RoomEventKind::Aborted { by });
        change.effects.push(Effect::AbortMatch);
        // The phase is `Playing`, of which this is allowed.
        let _ = self.step(PhaseEvent::End, change);
    }

    fn kick(
        &mut self,
        actor: Actor,
        player: PlayerId,
        ban: bool,
        change: &mut Change,
    ) -> Result<(), Refusal> {
        if actor == Actor::Player(player) {
            return Err(Refusal::NotToOneself);
        }
        let is_here = self.role(Actor::Player(player)) != Role::Stranger;
        if !is_here && !ban {
            return Err(Refusal::NoSuchMember { player });
        }
        if ban && !self.banned.contains(&player) {
            if self.banned.len() >= BANS_MAX {
                return Err(Refusal::TooManyBans { limit: BANS_MAX as u8 });
            }
            self.banned.push(player);
            if self.roster.release(player) {
                change.events.push(RoomEventKind::Released { player });
            }
        }
        if is_here {
            self.remove(player, LeftReason::Removed, change);
        }
        Ok(())
    }

    /// The phase follows what is so: this is the only place where it changes by itself.
    fn settle(&mut self, change: &mut Change) {
        while let Some(event) = self.due() {
            if event == PhaseEvent::Dispersed {
                self.opened = false;
            }
            if event == PhaseEvent::Start {
                self.opened = false;
                self.roster.occupants_mut().for_each(|occupant| occupant.out = false);
                change.effects.push(Effect::StartMatch);
            }
            if self.step(event, change).is_err() {
                return;
            }
        }
        if self.roster.is_empty() {
            self.opened = false;
        }
    }

    /// What the phase has yet to follow.
    fn due(&self) -> Option<PhaseEvent> {
        let rule = self.options.start;
        match self.phase {
            RoomPhase::Waiting if self.is_gathered() => Some(PhaseEvent::Gathered),
            RoomPhase::Preparing | RoomPhase::Ready if !self.is_gathered() => Some(PhaseEvent::Dispersed),
            RoomPhase::Preparing if self.all_ready() => Some(PhaseEvent::AllReady),
            RoomPhase::Ready if !self.all_ready() => Some(PhaseEvent::NotReady),
            RoomPhase::Ready if rule != StartRule::Host || self.opened => Some(PhaseEvent::Start),
            _ => None,
        }
    }

    fn is_gathered(&self) -> bool {
        let taken = self.roster.taken();
        match self.options.start {
            StartRule::Full => self.roster.is_full() || (self.opened && taken >= self.options.seats_min),
            StartRule::Ready | StartRule::Host => taken >= self.options.seats_min,
        }
    }

    fn all_ready(&self) -> bool {
        self.options.start == StartRule::Full || self.roster.occupants().all(|occupant| occupant.ready)
    }

    fn step(&mut self, event: PhaseEvent, change: &mut Change) -> Result<(), Refusal> {
        let next =
            transition(self.phase, event).map_err(|not_now| Refusal::WrongPhase { phase: not_now.phase })?;
        if next == RoomPhase::Finished {
            self.opened = false;
            for occupant in self.roster.occupants_mut() {
                (occupant.ready, occupant.out) = (false, false);
            }
        }
        self.phase = next;
        change.events.push(RoomEventKind::Phase(next));
        Ok(())
    }

    fn explain(&self, forbidden: Forbidden) -> Refusal {
        match forbidden {
            Forbidden::Phase { phase, .. } => Refusal::WrongPhase { phase },
            Forbidden::Role { action: Action::Join | Action::Spectate, role } if role != Role::Server => {
                Refusal::AlreadyInRoom { room: self.options.name.clone() }
            }
            Forbidden::Role { action: Action::Finish, .. } => Refusal::NotForPlayers,
            Forbidden::Role { role: Role::Stranger, .. } => Refusal::NotInRoom,
            Forbidden::Role { role: Role::Spectator, .. } => Refusal::NotForSpectators,
            Forbidden::Role { .. } => Refusal::NotHost,
        }
    }

    /// What somebody is to the room.
    #[must_use]
    pub fn role(&self, actor: Actor) -> Role {
        let Actor::Player(player) = actor else { return Role::Server };
        if self.roster.host() == Some(player) {
            Role::Host
        } else if self.roster.seat_of(player).is_some() {
            Role::Member
        } else if self.watchers().any(|(watcher, _)| *watcher == player) {
            Role::Spectator
        } else {
            Role::Stranger
        }
    }

    /// What keeps out whoever comes to watch, of whom nothing is known.
    ///
    /// # Errors
    /// A [`Refusal`] if the room has a code, is locked, or has no places for spectators.
    pub fn check_watchable(&self) -> Result<(), Refusal> {
        self.is_open_to("")?;
        match self.options.spectators_max {
            0 => Err(Refusal::SpectatorsFull { room: self.options.name.clone(), limit: 0 }),
            _ => Ok(()),
        }
    }

    /// Where the room is in its life.
    #[must_use]
    pub const fn phase(&self) -> RoomPhase {
        self.phase
    }

    /// Who sits where.
    #[must_use]
    pub const fn roster(&self) -> &Roster {
        &self.roster
    }

    /// Who watches as the room allows it.
    #[must_use]
    pub fn spectators(&self) -> &[(PlayerId, PlayerName)] {
        &self.spectators
    }

    /// Who watches and operates the server.
    #[must_use]
    pub fn operators(&self) -> &[(PlayerId, PlayerName)] {
        &self.operators
    }

    /// Everybody who watches: spectators, and then operators.
    pub fn watchers(&self) -> impl Iterator<Item = &(PlayerId, PlayerName)> {
        self.spectators.iter().chain(&self.operators)
    }

    /// Whether somebody watches and operates the server.
    #[must_use]
    pub fn is_operator(&self, player: PlayerId) -> bool {
        self.operators.iter().any(|(operator, _)| *operator == player)
    }

    /// Who may not come back.
    #[must_use]
    pub fn banned(&self) -> &[PlayerId] {
        &self.banned
    }

    /// Whether nobody else is let in.
    #[must_use]
    pub const fn is_locked(&self) -> bool {
        self.locked
    }

    /// What the next match is played on.
    #[must_use]
    pub fn content(&self) -> &str {
        &self.content
    }

    /// What the room was made with.
    #[must_use]
    pub const fn options(&self) -> &LobbyOptions {
        &self.options
    }

    /// A player's place.
    #[must_use]
    pub fn occupant(&self, player: PlayerId) -> Option<&Occupant> {
        self.roster.occupants().find(|occupant| occupant.player == player)
    }
}

/// The player who asks; the server is asked for nothing that needs one, which `permit` has made sure of.
fn player_of(actor: Actor) -> PlayerId {
    match actor {
        Actor::Player(player) => player,
        Actor::Server => PlayerId::default(),
    }
}

#[cfg(test)]
mod tests;
