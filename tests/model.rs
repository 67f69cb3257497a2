//! Random operations on rooms, compared after each with a plain model of the rules that is written apart.

mod rules;

use std::time::Duration;

use bevy_ecs::prelude::{Entity, World};
use framekeep_protocol::{
    JoinRoom, PlayerId, PlayerName, Refusal, RoomName, RoomOptions, RoomPhase, SPECTATOR_SEAT, StartRule,
    ToServer,
};
use framekeep_server::{
    Chance, Clock, Games, MemoryWire, MemoryWireEnd, NodeKey, Phase, Players, Recorder, Room, Rooms, Seat,
    SeatOf, SeatPlay, Seats, Server, ServerConfig, Stage, drill,
};

use rules::{Ask, Kind, Model, NAME_KEPT, ROOMS};

const PLAYERS: u64 = 16;
const BEGIN: Duration = Duration::from_secs(1_000_000);
/// Game, seats, start rule, code and spectators of each room.
const KINDS: [(&str, u8, StartRule, &str, u8); ROOMS] = [
    ("arena", 2, StartRule::Full, "", 2),
    ("arena", 4, StartRule::Ready, "", 1),
    ("rhythm", 3, StartRule::Host, "open", 3),
    ("rhythm", 1, StartRule::Full, "", 0),
    ("rhythm", 4, StartRule::Ready, "", 2),
];

/// A small generator of its own, so that a seed stands for the same operations for ever.
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % limit
    }
}

/// A server that is driven by hand; the wire must live as long as it.
pub(crate) fn server(seed: u64, change: impl FnOnce(&mut ServerConfig)) -> (Server, MemoryWireEnd) {
    let mut config = ServerConfig { threads: 1, ..ServerConfig::default() };
    change(&mut config);
    let (wire, end) = MemoryWire::pair(config.udp);
    let (mut games, key) = (Games::new(framekeep_games::registry()), NodeKey::new([1; 32]));
    for file in framekeep_games::CONTENT {
        games.add_content(file.game, file.name, file.text).unwrap();
    }
    let (clock, chance) = (Clock::manual(BEGIN), Chance::seeded(seed));
    (Server::new(config, games, key, Box::new(wire), clock, chance, Recorder::default()), end)
}

pub(crate) fn room_name(room: usize) -> RoomName {
    RoomName::try_from(format!("room-{room}")).unwrap()
}

struct Drill {
    server: Server,
    _end: MemoryWireEnd,
    model: Model,
    links: Vec<Option<Entity>>,
    /// A link that was taken over, by player.
    old: Vec<Option<Entity>>,
    dice: Dice,
    now: Duration,
}

impl Drill {
    fn new(seed: u64) -> Self {
        let (server, end) = server(seed, |config| {
            config.idle_kick = Duration::ZERO;
            config.closed_room_life = NAME_KEPT;
            config.room_life_max = Duration::from_secs(1 << 40);
        });
        let kinds = KINDS.map(|(game, seats, start, code, watchers)| Kind {
            seats,
            least: if game == "arena" { 2 } else { 1 },
            start,
            code,
            watchers,
        });
        let links = vec![None; PLAYERS as usize];
        let old = links.clone();
        Self { server, _end: end, model: Model::new(kinds), links, old, dice: Dice::new(seed), now: BEGIN }
    }

    /// One operation on both; tells what it was.
    fn step(&mut self) -> String {
        // No two operations come at the same time, so that no two deadlines do.
        self.now += Duration::from_micros(100);
        self.server.world_mut().resource_mut::<Clock>().set(self.now);
        let who = self.dice.below(PLAYERS);
        match self.links[who as usize] {
            None => self.relink(who),
            Some(link) => match self.dice.below(100) {
                0..4 => self.lose(who, link),
                4..6 => self.take_over(who, link),
                6..8 => self.haunt(who),
                8..25 => self.pass(),
                _ => self.say(who, link),
            },
        }
    }

    fn relink(&mut self, who: u64) -> String {
        let name = PlayerName::try_from(format!("p{who}")).unwrap();
        let link = drill::link(self.server.world_mut(), PlayerId(who), name);
        self.links[who as usize] = Some(link);
        self.model.relink(who);
        format!("{who} links")
    }

    fn lose(&mut self, who: u64, link: Entity) -> String {
        drill::lose(self.server.world_mut(), link);
        self.links[who as usize] = None;
        self.model.lose(who, self.now);
        format!("{who} is lost")
    }

    fn take_over(&mut self, who: u64, link: Entity) -> String {
        let name = PlayerName::try_from(format!("p{who}")).unwrap();
        self.old[who as usize] = Some(link);
        self.links[who as usize] = drill::take_over(self.server.world_mut(), link, name);
        format!("{who} comes with a second link")
    }

    /// A link that was taken over, and is perhaps gone, asks for what it had: nothing changes.
    fn haunt(&mut self, who: u64) -> String {
        if let Some(old) = self.old[who as usize] {
            let world = self.server.world_mut();
            drill::sync(world, old);
            assert_eq!(drill::say(world, old, &ToServer::Leave), None, "it is not heard");
        }
        format!("the link that {who} had before haunts")
    }

    fn pass(&mut self) -> String {
        let step = match self.dice.below(40) {
            0 => Duration::from_secs(40),
            1..4 => Duration::from_secs(4),
            4..20 => Duration::from_millis(300),
            _ => Duration::from_millis(5),
        };
        self.now += step;
        self.hush();
        self.server.pump_at(self.now);
        // That a game is over is the one thing the model cannot know.
        let over: Vec<usize> =
            (0..ROOMS).filter(|&room| self.phase(room) == Some(RoomPhase::Finished)).collect();
        for room in over {
            self.model.finish(room);
        }
        self.model.pass(self.now);
        format!("{step:?} pass")
    }

    fn hush(&mut self) {
        for link in self.links.iter().flatten() {
            drill::hush(self.server.world_mut(), *link);
        }
    }

    fn phase(&self, room: usize) -> Option<RoomPhase> {
        let world = self.server.world();
        let entity = world.resource::<Rooms>().get(&room_name(room))?;
        world.get::<Phase>(entity).map(|phase| phase.0)
    }

    fn say(&mut self, who: u64, link: Entity) -> String {
        let other = self.dice.below(PLAYERS);
        let flag = self.dice.below(3) > 0;
        let ask = match self.dice.below(60) {
            0..18 => self.join(),
            18..31 => Ask::Ready(flag),
            31..34 => Ask::Leave,
            34..39 => Ask::Start,
            39..41 => Ask::Abort,
            41..48 => Ask::PlayAgain,
            48..51 => Ask::Reserve(other),
            51 => Ask::Kick(other, false),
            52 => Ask::Kick(other, other.is_multiple_of(4)),
            53 => Ask::HandOver(other),
            54 => Ask::Lock(!flag),
            55 => Ask::Lock(false),
            56 => Ask::Chat,
            57 => Ask::Choose(["", "pit", "no such content"][self.dice.below(3) as usize]),
            _ => Ask::Close,
        };
        let refused = drill::say(self.server.world_mut(), link, &message(&ask));
        let told = format!("{who} asks {ask:?}");
        let must = self.model.ask(who, ask, self.now);
        let kind = refused.as_ref().map(kind_of);
        assert_eq!(kind.as_deref(), must, "refusal (left: the server's, right: the model's) when {told}");
        told
    }

    fn join(&mut self) -> Ask {
        let room = self.dice.below(ROOMS as u64) as usize;
        let right = self.dice.below(5) > 0;
        Ask::Join {
            room,
            create: self.dice.below(2) == 0,
            code: if right { KINDS[room].3 } else { "wrong" },
            watch: self.dice.below(5) == 0,
        }
    }

    /// Both have the same rooms.
    #[track_caller]
    fn compare(&mut self, told: &str) {
        for room in 0..ROOMS {
            let is = seen(self.server.world(), room);
            let must = self.model.seen(room);
            assert_eq!(is, must, "room {room} (left: the server, right: the model) after: {told}");
            // The last frames of a match before may still be sent while the next is about to start.
            if let Some(playing) = playing(self.server.world(), room) {
                assert_eq!(Some(playing), self.model.playing(room), "who plays in {room} after: {told}");
            }
        }
        self.compare_seats(told);
    }

    /// Every player has one place at most, and the place that the model says.
    #[track_caller]
    fn compare_seats(&mut self, told: &str) {
        let world = self.server.world_mut();
        let mut places = vec![Vec::new(); PLAYERS as usize];
        for (seat, of) in world.query::<(&Seat, &SeatOf)>().iter(world) {
            let name = world.get::<Room>(of.0).map(|room| room.name.clone());
            places[seat.player.0 as usize].push(name);
        }
        for (player, places) in (0..).zip(places) {
            let must: Vec<_> =
                self.model.place(player).map(|room| Some(room_name(room))).into_iter().collect();
            assert_eq!(places, must, "places of player {player} after: {told}");
            let known = world.resource::<Players>().get(PlayerId(player)).is_some();
            assert_eq!(known, self.model.is_known(player), "whether player {player} is known after: {told}");
        }
    }
}

/// The name of a refusal, without what it says.
fn kind_of(refusal: &Refusal) -> String {
    let text = format!("{refusal:?}");
    text.split(|letter: char| !letter.is_alphanumeric()).next().unwrap_or_default().to_owned()
}

fn seen(world: &World, room: usize) -> Option<rules::Seen> {
    let entity = world.resource::<Rooms>().get(&room_name(room))?;
    let lobby = &world.get::<Room>(entity)?.lobby;
    let phase = world.get::<Phase>(entity)?.0;
    assert_eq!(phase, lobby.phase(), "room {room}: the component and the lobby");
    let seats = lobby.roster().seats().iter();
    let mut banned: Vec<u64> = lobby.banned().iter().map(|player| player.0).collect();
    banned.sort_unstable();
    Some(rules::Seen {
        phase,
        seats: seats.map(|seat| seat.as_ref().map(|who| (who.player.0, who.ready, who.out))).collect(),
        host: lobby.roster().host().map(|host| host.0),
        locked: lobby.is_locked(),
        content: lobby.content().to_owned(),
        banned,
        watchers: lobby.spectators().iter().map(|(player, _)| player.0).collect(),
        kept: lobby.roster().reserved().into(),
    })
}

/// Who has a part in the match that runs in a room, in seat order.
fn playing(world: &World, room: usize) -> Option<Vec<u64>> {
    let entity = world.resource::<Rooms>().get(&room_name(room))?;
    world.get::<Stage>(entity).filter(|stage| !stage.is_over())?;
    let seats = Seats::entities(world.get::<Seats>(entity));
    let mut playing: Vec<(u8, u64)> = seats
        .filter(|&seat| world.get::<SeatPlay>(seat).is_some())
        .filter_map(|seat| world.get::<Seat>(seat).map(|seat| (seat.index, seat.player.0)))
        .filter(|&(seat, _)| seat != SPECTATOR_SEAT)
        .collect();
    playing.sort_unstable();
    Some(playing.into_iter().map(|(_, player)| player).collect())
}

fn message(ask: &Ask) -> ToServer {
    match *ask {
        Ask::Join { room, create, code, watch } => ToServer::Join(JoinRoom {
            room: room_name(room),
            create: create.then(|| options(room)),
            code: code.to_owned(),
            spectate: watch,
        }),
        Ask::Leave => ToServer::Leave,
        Ask::Ready(ready) => ToServer::Ready { ready },
        Ask::Choose(content) => ToServer::Choose { content: content.to_owned() },
        Ask::Start => ToServer::Start,
        Ask::Abort => ToServer::Abort,
        Ask::PlayAgain => ToServer::PlayAgain,
        Ask::Reserve(player) => ToServer::Reserve { player: PlayerId(player) },
        Ask::Kick(player, ban) => ToServer::Kick { player: PlayerId(player), ban },
        Ask::HandOver(player) => ToServer::HandOver { player: PlayerId(player) },
        Ask::Lock(locked) => ToServer::Lock { locked },
        Ask::Chat => ToServer::Chat { text: "hello".to_owned() },
        Ask::Close => ToServer::Close,
    }
}

fn options(room: usize) -> RoomOptions {
    let (game, seats, start, code, spectators_max) = KINDS[room];
    RoomOptions { start, code: code.to_owned(), spectators_max, ..RoomOptions::new(game, seats) }
}

fn operate(seed: u64, steps: u64) {
    let mut drill = Drill::new(seed);
    for step in 0..steps {
        let did = drill.step();
        drill.compare(&format!("seed {seed}, step {step}: {did}"));
    }
    let swept = drill.server.world().resource::<framekeep_server::Counters>().swept.total();
    assert_eq!(swept, 0, "seed {seed}: a sweep found what nothing owns");
    let counters = drill.server.world().resource::<framekeep_server::Counters>();
    let (matches, closed) = (counters.matches_started, counters.rooms_closed);
    assert!(matches > steps / 200 && closed > steps / 500, "{matches} matches, {closed} rooms closed");
}

#[test]
fn rooms_obey_a_plain_model_of_their_rules() {
    for seed in 1..=4 {
        operate(seed, 5_000);
    }
}

#[test]
fn a_seat_kept_later_does_not_keep_an_earlier_one_longer() {
    let mut drill = Drill::new(5);
    drill.relink(0);
    let host = drill.links[0].unwrap();
    let world = drill.server.world_mut();
    let join = Ask::Join { room: 1, create: true, code: "", watch: false };
    drill::say(world, host, &message(&join));
    drill::say(world, host, &message(&Ask::Reserve(7)));
    drill.server.pump_at(BEGIN + Duration::from_secs(50));
    drill::say(drill.server.world_mut(), host, &message(&Ask::Reserve(8)));
    let kept = |drill: &Drill| seen(drill.server.world(), 1).map(|room| room.kept);
    assert_eq!(kept(&drill), Some(2));
    drill.server.pump_at(BEGIN + Duration::from_secs(61));
    assert_eq!(kept(&drill), Some(1));
}

#[test]
#[ignore = "takes a while: cargo test --release -p framekeep_tests -- --ignored a_million_operations"]
fn a_million_operations() {
    for seed in 100..110 {
        operate(seed, 100_000);
    }
}
