//! Rooms that come and go for a day of virtual time, of which nothing may be left.

use std::time::Duration;

use bevy_ecs::prelude::Entity;
use framekeep_protocol::{JoinRoom, PlayerId, PlayerName, RoomName, RoomOptions, StartRule, ToServer};
use framekeep_server::{Counters, MemoryWireEnd, Room, Seat, Server, drill, room_deadline};

use crate::model::{Dice, server};

/// How many players come and go.
const PLAYERS: u64 = 64;
/// A tick of a room: nothing may be done later than this after its time.
const TICK: Duration = Duration::from_nanos(33_333_334);
/// How long the place of a lost link is held.
const GRACE: Duration = Duration::from_secs(30);

struct Churn {
    server: Server,
    _end: MemoryWireEnd,
    dice: Dice,
    links: Vec<Option<Entity>>,
    now: Duration,
    /// How far the clock moves in one turn.
    turn: Duration,
    opened: u64,
}

impl Churn {
    fn new(seed: u64, turn: Duration) -> Self {
        let (mut server, end) = server(seed, |config| {
            config.empty_room_life = Duration::from_secs(20);
            config.reconnect_grace = GRACE;
        });
        let now = server.world().resource::<framekeep_server::Clock>().now();
        server.pump_at(now);
        let links = vec![None; PLAYERS as usize];
        Self { server, _end: end, dice: Dice::new(seed), links, now, turn, opened: 0 }
    }

    fn counters(&self) -> &Counters {
        self.server.world().resource::<Counters>()
    }

    /// A turn passes, but not more than a tick beyond the next deadline; then everything whose time had come is done.
    fn pass(&mut self) {
        let next = drill::next_deadline(self.server.world_mut());
        let latest = next.map_or(Duration::MAX, |next| next.max(self.now) + TICK);
        self.now = (self.now + self.turn).min(latest);
        self.server.pump_at(self.now);
        self.check_rooms();
        self.check_seats();
        for link in self.links.iter_mut() {
            // A link that did nothing for long is gone.
            *link = link.filter(|link| self.server.world().get_entity(*link).is_ok());
        }
        for link in self.links.iter().flatten() {
            drill::hush(self.server.world_mut(), *link);
        }
        let next = drill::next_deadline(self.server.world_mut());
        assert!(next.is_none_or(|next| next > self.now), "a deadline is overdue at {:?}", self.now);
    }

    /// No place is held longer than the grace, whatever the queue of deadlines says.
    fn check_seats(&mut self) {
        let (now, world) = (self.now, self.server.world_mut());
        for seat in world.query::<&Seat>().iter(world) {
            let Some(lost_at) = seat.lost_at else { continue };
            assert!(lost_at + GRACE > now, "a place is held {:?} too long", now - lost_at - GRACE);
        }
    }

    /// Every room is younger than its rules allow, whatever the queue of deadlines says.
    fn check_rooms(&mut self) {
        let world = self.server.world_mut();
        let rooms: Vec<Entity> =
            world.query_filtered::<Entity, bevy_ecs::prelude::With<Room>>().iter(world).collect();
        for room in rooms {
            let (end, rule) = room_deadline(world, room).expect("every room has a life");
            assert!(end > self.now, "a room outlives {rule:?} by {:?}", self.now - end);
        }
    }

    fn act(&mut self) {
        let who = self.dice.below(PLAYERS);
        let Some(link) = self.links[who as usize] else {
            let name = PlayerName::try_from(format!("p{who}")).unwrap();
            let link = drill::link(self.server.world_mut(), PlayerId(who), name);
            self.links[who as usize] = Some(link);
            return;
        };
        let message = match self.dice.below(40) {
            0 => {
                drill::lose(self.server.world_mut(), link);
                self.links[who as usize] = None;
                return;
            }
            1..18 => self.join(),
            18..26 => ToServer::Ready { ready: true },
            26..29 => ToServer::Start,
            29..31 => ToServer::PlayAgain,
            31 => ToServer::Abort,
            32..34 => ToServer::Close,
            34 => ToServer::Reserve { player: PlayerId(self.dice.below(PLAYERS)) },
            35 => ToServer::Kick { player: PlayerId(self.dice.below(PLAYERS)), ban: false },
            _ => ToServer::Leave,
        };
        drill::say(self.server.world_mut(), link, &message);
    }

    /// Joins one of the newest rooms, or opens the next.
    fn join(&mut self) -> ToServer {
        let opened = self.counters().rooms_opened;
        let room = opened.saturating_sub(self.dice.below(6));
        let rule = [StartRule::Full, StartRule::Ready, StartRule::Host][(room % 3) as usize];
        let (game, seats) = [("arena", 2), ("rhythm", 1), ("rhythm", 3), ("arena", 4)][(room % 4) as usize];
        let options = RoomOptions { start: rule, spectators_max: 2, ..RoomOptions::new(game, seats) };
        let spectate = self.dice.below(10) == 0;
        let room = RoomName::try_from(format!("churn-{room}")).unwrap();
        ToServer::Join(JoinRoom { spectate, ..JoinRoom::seat(room, Some(options)) })
    }

    /// Everybody goes in one way or another, and every deadline passes.
    fn end(&mut self) {
        for who in 0..self.links.len() {
            let Some(link) = self.links[who].take() else { continue };
            if who % 2 == 0 {
                drill::say(self.server.world_mut(), link, &ToServer::Leave);
            }
            drill::lose(self.server.world_mut(), link);
        }
        let until = self.now + Duration::from_secs(150);
        while self.now < until {
            self.pass();
        }
    }
}

/// Bytes of memory the process has, where the system tells.
fn resident_bytes() -> Option<u64> {
    let statm = std::fs::read_to_string("/proc/self/statm").ok()?;
    statm.split_whitespace().nth(1)?.parse::<u64>().ok().map(|pages| pages * 4_096)
}

/// Opens `rooms` rooms in about `time`; `look` is told after each tenth.
fn churn(seed: u64, rooms: u64, time: Duration, turn: Duration, mut look: impl FnMut(u64, &Churn)) {
    let mut churn = Churn::new(seed, turn);
    let before = drill::leftovers(churn.server.world_mut());
    let (begin, mut tenths) = (churn.now, 0);
    while churn.opened < rooms {
        // As many rooms as should have been opened by now.
        let due = (churn.now - begin).as_nanos() * u128::from(rooms) / time.as_nanos();
        for _ in 0..PLAYERS {
            if u128::from(churn.opened) >= due {
                break;
            }
            churn.act();
            churn.opened = churn.counters().rooms_opened;
        }
        churn.act();
        churn.pass();
        churn.opened = churn.counters().rooms_opened;
        if churn.opened * 10 / rooms > tenths {
            tenths += 1;
            look(tenths, &churn);
        }
    }
    churn.end();
    let after = drill::leftovers(churn.server.world_mut());
    assert_eq!(after, before, "seed {seed}: (left) what is left of {} rooms", churn.opened);
    let counters = churn.counters();
    assert_eq!(counters.rooms_closed, counters.rooms_opened, "seed {seed}");
    assert!(counters.matches_started > rooms / 10, "{} matches", counters.matches_started);
    assert_eq!(counters.swept.total(), 0, "seed {seed}: {:?}", counters.swept);
}

#[test]
fn nothing_is_left_of_rooms_that_came_and_went() {
    churn(1, 300, Duration::from_secs(240), TICK, |_, _| {});
}

#[test]
#[ignore = "takes a while: cargo test --release -p framekeep_tests -- --ignored --nocapture a_day_of_churn"]
fn a_day_of_churn() {
    let mut early = None;
    // The memory is the process's: other tests that run at the same time use it too.
    let is_alone = std::env::args().any(|argument| argument.contains("a_day_of_churn"));
    let day = Duration::from_secs(24 * 3_600);
    churn(2, 100_000, day, Duration::from_millis(250), |tenths, churn| {
        let Some(bytes) = resident_bytes() else { return };
        let (rooms, hour) = (churn.opened, churn.now.as_secs().saturating_sub(1_000_000) / 3_600);
        println!("{rooms} rooms, hour {hour}: {} KiB", bytes / 1_024);
        let first = *early.get_or_insert(bytes);
        let is_flat = bytes <= first + first / 10;
        assert!(!is_alone || is_flat, "tenth {tenths}: {bytes} bytes, {first} after the first tenth");
    });
}
