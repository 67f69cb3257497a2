//! Tests: whole matches between clients and a server under one virtual clock, over bad networks.

use core::time::Duration;
use std::collections::BTreeMap;

use framekeep_conditioner::{Conditioner, LinkConditions};
use framekeep_sim::{Pcg32, Tick};
use proptest::prelude::*;

use crate::fake::{FakeServer, SumGame, Twelve};
use crate::{Cause, EventId, EventStage, GameEvent, RollbackConfig, RollbackEvent, RollbackMatch, ThinMatch};

const MS: Duration = Duration::from_millis(1);

struct Client {
    play: RollbackMatch<SumGame>,
    up: Conditioner<Vec<u8>>,
    down: Conditioner<Vec<u8>>,
    rng: Pcg32,
    held: u16,
    depth_max: u32,
    causes: Vec<Cause>,
    predicted_was_confirmed: u32,
    wants_snapshot: bool,
    told: Told,
    /// Time between two rendered frames.
    frame: Duration,
    slept_until: Duration,
}

/// What a client was told of the game's events.
#[derive(Default)]
struct Told {
    open: BTreeMap<EventId, (Tick, u64)>,
    confirmed: BTreeMap<Tick, Vec<u64>>,
    foretold: u32,
    cancelled: u32,
}

/// One server and its clients; every client hears of the match one delay after it was announced.
struct World {
    server: FakeServer,
    clients: Vec<Client>,
    now: Duration,
}

impl World {
    fn new(
        seats: u8,
        conditions: LinkConditions,
        config: RollbackConfig,
        send_every: u32,
        seed: u64,
    ) -> Self {
        let server = FakeServer::new(seats, conditions.delay + 20 * MS, send_every);
        let clients = (0..seats)
            .map(|seat| Client {
                play: RollbackMatch::new(&server.start(seat), config, conditions.delay, 100 * MS).unwrap(),
                up: Conditioner::new(conditions, seed * 100 + u64::from(seat)),
                down: Conditioner::new(conditions, seed * 100 + 50 + u64::from(seat)),
                rng: Pcg32::new(seed, seat.into()),
                held: 0,
                depth_max: 0,
                causes: Vec::new(),
                predicted_was_confirmed: 0,
                wants_snapshot: false,
                told: Told::default(),
                frame: MS,
                slept_until: Duration::ZERO,
            })
            .collect();
        Self { server, clients, now: conditions.delay }
    }

    fn set_conditions(&mut self, conditions: LinkConditions) {
        for client in &mut self.clients {
            client.up.set_conditions(conditions);
            client.down.set_conditions(conditions);
        }
    }

    fn run(&mut self, ticks: u32) {
        let end = self.server.play.tick().later(ticks);
        while self.server.play.tick() < end {
            self.step(true);
        }
    }

    /// Ends the match, mends the network, and lets every client come to the end.
    fn finish(&mut self) {
        self.set_conditions(LinkConditions::PERFECT);
        let end = self.server.end();
        self.clients.iter_mut().for_each(|client| client.play.finish(&end));
        for _ in 0..2_000 {
            self.step(false);
        }
        for client in &self.clients {
            assert!(client.play.is_complete());
            assert_eq!(client.play.confirmed_hash(), end.hash);
            assert_eq!(client.play.predicted().state(), client.play.confirmed().state());
            assert_eq!(client.told.open, BTreeMap::new(), "every prediction was settled");
            for (tick, events) in &client.told.confirmed {
                assert_eq!(events, &self.server.events[tick.0 as usize], "the events of tick {tick}");
            }
            if client.play.stats().frames as usize == self.server.frames.len() {
                let told: usize = client.told.confirmed.values().map(Vec::len).sum();
                assert_eq!(told, self.server.events.iter().map(Vec::len).sum::<usize>());
            }
        }
        assert_eq!(self.server.desyncs, 0);
    }

    fn step(&mut self, commit: bool) {
        self.now += MS;
        let committed = commit && self.server.commit(self.now);
        let resend = !commit && self.now.as_millis().is_multiple_of(33);
        for (seat, client) in (0_u8..).zip(&mut self.clients) {
            if committed || resend {
                self.server.packet(seat).into_iter().for_each(|packet| client.down.send(self.now, packet));
            }
            while let Some(packet) = client.up.receive(self.now) {
                self.server.receive(self.now, seat, &packet);
            }
            client.step(self.now, &self.server.hashes);
            if std::mem::take(&mut client.wants_snapshot) {
                client.play.handle_snapshot(self.now, &self.server.snapshot(seat)).unwrap();
            }
        }
    }
}

impl Client {
    fn step(&mut self, now: Duration, hashes: &[u64]) {
        if now < self.slept_until {
            return;
        }
        self.slept_until = now + self.frame;
        while let Some(packet) = self.down.receive(now) {
            let _ = self.play.handle_frames(now, &packet);
        }
        let Self { play, rng, held, .. } = self;
        play.advance(now, |_| {
            if rng.below(8) == 0 {
                *held = rng.below(4_096) as u16;
            }
            Twelve(*held)
        });
        let mut packet = Vec::new();
        if play.poll_transmit(now, &mut packet) {
            self.up.send(now, packet);
        }
        while let Some(event) = self.play.poll_event() {
            self.note(event, hashes);
        }
        while let Some(event) = self.play.poll_game_event() {
            self.told.note(event);
        }
        if self.play.predicted().tick() == self.play.confirmed().tick() {
            self.predicted_was_confirmed += 1;
            assert_eq!(self.play.predicted().state(), self.play.confirmed().state());
        }
    }

    fn note(&mut self, event: RollbackEvent, hashes: &[u64]) {
        match event {
            RollbackEvent::Confirmed { tick, hash } => {
                assert_eq!(Some(&hash), hashes.get(tick.0 as usize), "the state before tick {tick} differs");
            }
            RollbackEvent::RolledBack { depth, cause, .. } => {
                self.depth_max = self.depth_max.max(depth);
                self.causes.push(cause);
            }
            RollbackEvent::NeedSnapshot { .. } => self.wants_snapshot = true,
            RollbackEvent::Skipped { from, to } => assert!(from < to),
            RollbackEvent::Stalled { .. } => {}
        }
    }
}

impl Told {
    fn note(&mut self, told: GameEvent<u64>) {
        let GameEvent { id, tick, stage, event } = told;
        let settled = match stage {
            EventStage::Predicted => {
                assert_eq!(self.open.insert(id, (tick, event)), None, "{id:?} was predicted twice");
                return;
            }
            EventStage::Confirmed { predicted } => {
                self.confirmed.entry(tick).or_default().push(event);
                self.foretold += u32::from(predicted);
                predicted
            }
            EventStage::Cancelled => {
                self.cancelled += 1;
                true
            }
        };
        assert_eq!(self.open.remove(&id), settled.then_some((tick, event)), "{id:?}");
    }
}

#[test]
fn events_are_foretold_confirmed_once_or_taken_back() {
    let mut world = World::new(3, LinkConditions::WIFI, RollbackConfig::default(), 1, 9);
    world.run(600);
    for client in &world.clients {
        assert!(client.told.foretold > 200, "{}", client.told.foretold);
        assert!(client.told.cancelled > 50, "{}", client.told.cancelled);
    }
    world.finish();
}

#[test]
fn a_perfect_link_confirms_every_tick_with_small_corrections() {
    let mut world = World::new(4, LinkConditions::PERFECT, RollbackConfig::default(), 1, 1);
    world.run(300);
    world.clients.iter_mut().for_each(|client| client.play.stats_mut().clear());
    world.run(300);
    for client in &world.clients {
        let stats = client.play.stats();
        assert_eq!((stats.inputs_late, stats.packets_refused, stats.stalls), (0, 0, 0));
        assert!(client.depth_max <= 6, "{}", client.depth_max);
        assert!(stats.confirm_us.max() < 40_000, "{}", stats.confirm_us.max());
        assert!((2..=9).contains(&stats.lead_eighths), "lead {}", stats.lead_eighths);
    }
    world.finish();
}

#[test]
fn wifi_and_mobile_lose_no_frame_and_settle_their_lead() {
    for (conditions, late_max, depth_max) in
        [(LinkConditions::WIFI, 20, 12), (LinkConditions::MOBILE, 90, 20)]
    {
        for seed in 1..4 {
            let mut world = World::new(4, conditions, RollbackConfig::default(), 1, seed);
            world.run(300);
            world.clients.iter_mut().for_each(|client| client.play.stats_mut().clear());
            world.run(1_000);
            for client in &world.clients {
                let stats = client.play.stats();
                assert!(stats.inputs_late <= late_max, "{conditions}: {} late of 1000", stats.inputs_late);
                assert!(client.depth_max <= depth_max, "{conditions}: depth {}", client.depth_max);
                assert_eq!(stats.frames_skipped, 0);
            }
            world.finish();
        }
    }
}

#[test]
fn two_ticks_a_packet_work_as_well() {
    let mut world = World::new(2, LinkConditions::WIFI, RollbackConfig::default(), 2, 4);
    world.run(900);
    let late: u64 = world.clients.iter().map(|client| client.play.stats().inputs_late).sum();
    assert!(late < 60, "{late} late");
    world.finish();
}

#[test]
fn an_input_delay_makes_corrections_rare() {
    let corrections = |delay| {
        let config = RollbackConfig { input_delay_ticks: delay, ..RollbackConfig::default() };
        let mut world = World::new(2, LinkConditions::LAN, config, 1, 5);
        world.run(600);
        let all = world.clients.iter().map(|client| client.play.stats().rollback_ticks.count()).sum::<u64>();
        world.finish();
        all
    };
    let (none, some) = (corrections(0), corrections(3));
    assert!(some * 4 < none, "{some} with delay, {none} without");
}

#[test]
fn a_long_partition_stalls_and_then_catches_up() {
    let mut world = World::new(2, LinkConditions::WIFI, RollbackConfig::default(), 1, 6);
    world.run(100);
    world.clients[0].down.set_partitioned(true);
    world.clients[0].up.set_partitioned(true);
    world.run(90);
    assert_eq!(world.clients[0].play.stats().stalls, 1);
    assert!(world.clients[0].play.predicted().tick().since(world.clients[0].play.confirmed().tick()) <= 20);
    world.clients[0].down.set_partitioned(false);
    world.clients[0].up.set_partitioned(false);
    world.run(60);
    world.clients[0].play.stats_mut().clear();
    world.run(100);
    assert!(world.clients[0].play.stats().inputs_late < 10);
    world.finish();
}

#[test]
fn few_rendered_frames_or_a_small_budget_delay_the_picture_only() {
    for (frame_ms, budget) in [(4, 60), (100, 60), (100, 8), (16, 4)] {
        let config = RollbackConfig { simulate_ticks_max: budget, ..RollbackConfig::default() };
        let mut world = World::new(2, LinkConditions::WIFI, config, 1, 10);
        world.clients[0].frame = frame_ms * MS;
        world.run(300);
        world.clients.iter_mut().for_each(|client| client.play.stats_mut().clear());
        world.run(600);
        let client = &world.clients[0];
        let stats = client.play.stats();
        assert!(stats.simulated_ticks_max <= budget, "{}", stats.simulated_ticks_max);
        assert!(stats.inputs_late < 30, "{frame_ms} ms, {budget} ticks: {} late", stats.inputs_late);
        assert_eq!((stats.frames_skipped, stats.stalls), (0, 0), "{frame_ms} ms, {budget} ticks");
        let behind = world.server.play.tick().since(client.play.confirmed().tick());
        assert!(behind < 10, "{frame_ms} ms, {budget} ticks: {behind} behind");
        world.finish();
    }
}

#[test]
fn after_a_pause_a_snapshot_stands_in_for_what_was_missed() {
    for (seconds, skips) in [(1, false), (5, true), (60, true)] {
        let mut world = World::new(2, LinkConditions::WIFI, RollbackConfig::default(), 1, 11);
        world.run(200);
        world.clients[0].slept_until = world.now + Duration::from_secs(seconds);
        world.run(30 * seconds as u32 - 2);
        world.clients[0].play.stats_mut().clear();
        // A second after its return it is up to date and its inputs arrive in time.
        world.run(32);
        let behind = world.server.play.tick().since(world.clients[0].play.confirmed().tick());
        assert!(behind < 10, "{seconds} s: {behind} behind");
        let stats = world.clients[0].play.stats();
        assert_eq!(stats.frames_skipped > 0, skips, "{seconds} s: {}", stats.frames_skipped);
        assert!(stats.simulated_ticks < 200, "{seconds} s: {} ticks simulated", stats.simulated_ticks);
        world.clients[0].play.stats_mut().clear();
        world.run(60);
        assert!(world.clients[0].play.stats().inputs_late < 4, "{seconds} s");
        world.finish();
    }
}

#[test]
fn a_late_joiner_waits_for_his_snapshot() {
    let mut world = World::new(2, LinkConditions::WIFI, RollbackConfig::default(), 1, 7);
    world.run(500);
    let start = world.server.start(1);
    world.clients[1].play =
        RollbackMatch::new(&start, RollbackConfig::default(), world.now, 60 * MS).unwrap();
    assert!(world.clients[1].play.is_waiting());
    world.clients[1].told = Told::default();
    world.clients[1].wants_snapshot = true;
    world.run(200);
    assert!(!world.clients[1].play.is_waiting());
    world.finish();
}

#[test]
fn a_desync_is_noticed_and_a_snapshot_heals_it() {
    let mut world = World::new(2, LinkConditions::LAN, RollbackConfig::default(), 1, 8);
    world.run(100);
    let older = world.server.snapshot(0);
    world.run(20);
    assert_eq!(world.server.desyncs, 0);
    world.clients[0].play.handle_snapshot(world.now, &older).unwrap();
    world.run(20);
    world.finish();
}

#[test]
fn a_thin_client_gets_every_frame() {
    let mut server = FakeServer::new(1, 40 * MS, 1);
    let mut thin = ThinMatch::new(&server.start(0), RollbackConfig::default(), Duration::ZERO, 40 * MS);
    let mut links = [0, 1].map(|seed| Conditioner::new(LinkConditions::MOBILE, seed));
    let mut seen = Vec::new();
    let mut now = Duration::ZERO;
    while server.play.tick() < Tick(600) {
        now += MS;
        if server.commit(now) {
            server.packet(0).into_iter().for_each(|packet| links[1].send(now, packet));
        }
        links[0].receive(now).into_iter().for_each(|packet| server.receive(now, 0, &packet));
        while let Some(packet) = links[1].receive(now) {
            let _ = thin.handle_frames(now, &packet, |frame| seen.push(frame.clone()));
        }
        thin.advance(now, |tick| tick.0.into());
        let mut packet = Vec::new();
        if thin.poll_transmit(now, &mut packet) {
            links[0].send(now, packet);
        }
        assert!(thin.wake_at() > now, "{:?} at {now:?}", thin.wake_at());
    }
    assert!(seen.len() > 560, "{}", seen.len());
    assert_eq!(seen, server.frames[..seen.len()]);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_network_gives_the_same_match(
        seed in 0_u64..1_000_000,
        loss in 0_u32..300_000,
        burst in 1_u32..6,
        delay in 0_u64..150,
        jitter in 0_u64..80,
        duplicate in 0_u32..100_000,
        reorder in 0_u32..100_000,
        input_delay in 0_u32..4,
        ahead in 1_u32..20,
    ) {
        let conditions = LinkConditions {
            loss_ppm: loss,
            burst_packets: burst,
            delay: MS * delay as u32,
            jitter: MS * jitter as u32,
            duplicate_ppm: duplicate,
            reorder_ppm: reorder,
        };
        let config = RollbackConfig {
            rollback_ticks_max: ahead,
            input_delay_ticks: input_delay,
            ..RollbackConfig::default()
        };
        let mut world = World::new(3, conditions, config, 1 + (seed % 2) as u32, seed);
        world.run(300);
        for client in &world.clients {
            prop_assert!(client.depth_max <= ahead);
        }
        world.finish();
    }

    #[test]
    fn hostile_packets_change_nothing_and_never_panic(
        packets in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..60), 0..60),
    ) {
        let server = FakeServer::new(2, MS, 1);
        let mut play =
            RollbackMatch::<SumGame>::new(&server.start(0), RollbackConfig::default(), MS, MS).unwrap();
        let mut out = Vec::new();
        for (index, packet) in packets.iter().enumerate() {
            let mut packet = packet.clone();
            if let Some(first) = packet.first_mut().filter(|_| index % 2 == 0) {
                *first = 0x80 | 5 << 3 | *first & 7; // the mark and the right match, so that more of it is read
            }
            let now = MS * index as u32 * 20;
            let _ = play.handle_frames(now, &packet);
            play.advance(now, |_| Twelve(7));
            play.poll_transmit(now, &mut out);
        }
        prop_assert!(play.predicted().tick().since(play.confirmed().tick()) <= 20);
    }
}
