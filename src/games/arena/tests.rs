//! What the arena promises, rule by rule and over whole matches.

use std::sync::Arc;

use framekeep_sim::{Frame, Game, Input, Match, Pcg32, SeatInput, Tick, Vec2, View, encode_into};
use proptest::prelude::{any, prop_assert, prop_assert_eq, proptest};

use crate::CONTENT;
use crate::arena::player::{HEALTH_FULL, RESPAWN_TICKS, SPAWN_SHIELD_TICKS};
use crate::arena::{
    Aim, Arena, ArenaBot, ArenaContent, ArenaEvent, ArenaInput, ArenaState, Direction, Kind, PickupKind,
};

/// The hash after 600 ticks of four bots in the default arena. Changes only when the rules do, of which
/// [`Arena::VERSION`] is raised where they are the arena's own, or the physics; then record the golden replays anew.
const GOLDEN_HASH: u64 = 0x3026_58bf_75eb_0f30;

fn arenas() -> impl Iterator<Item = &'static crate::ContentFile> + Clone {
    CONTENT.iter().filter(|file| file.game == "arena")
}

fn new_match(seed: u64, seats: u8) -> Match<Arena> {
    Match::start(Arc::new(Arena::default_content()), seed, seats)
}

fn bots(seats: u8) -> Vec<ArenaBot> {
    (0..seats).map(|seat| ArenaBot::new(u64::from(seat) + 100)).collect()
}

fn bot_frame(play: &Match<Arena>, bots: &mut [ArenaBot]) -> Frame {
    let mut frame = Frame::absent(play.tick(), play.seats());
    for (seat, bot) in (0..).zip(bots) {
        frame.set(seat, SeatInput::arrived(bot.input(play.state(), seat, play.tick().0).pack()));
    }
    frame
}

/// A match in which each seat does the same thing at every tick.
fn step_with(play: &mut Match<Arena>, inputs: &[ArenaInput]) -> Vec<ArenaEvent> {
    let mut frame = Frame::absent(play.tick(), play.seats());
    for (seat, input) in (0..).zip(inputs) {
        frame.set(seat, SeatInput::arrived(input.pack()));
    }
    play.step(&frame);
    play.events().to_vec()
}

fn shooting(aim: u8) -> ArenaInput {
    ArenaInput { aim: Aim::new(aim), shoot: true, ..ArenaInput::default() }
}

/// Two players on open ground, two units apart, seat 0 on the left, without their first shield.
fn duel() -> Match<Arena> {
    let mut play = new_match(1, 2);
    let state = play.state_mut();
    for (seat, x) in [(0, -1), (1, 1)] {
        let player = &mut state.players[seat];
        player.shield_ticks = 0;
        let place = Vec2::from_ints(x, 2);
        assert!(state.world.set_position(player.body.expect("everybody starts on the floor"), place));
    }
    play
}

fn knock_out_seat_1(play: &mut Match<Arena>) -> u32 {
    for tick in 0..100 {
        let against = ArenaInput { walk: Some(Direction::Left), ..ArenaInput::default() };
        let events = step_with(play, &[shooting(0), against]);
        if events.contains(&ArenaEvent::KnockedOut { seat: 1, by: 0 }) {
            return tick;
        }
    }
    panic!("nobody was knocked out: {:?}", play.state().players);
}

#[test]
fn every_arena_that_ships_is_valid() {
    for file in arenas() {
        let (name, parsed) = (file.name, ArenaContent::parse(file.text));
        let content = parsed.unwrap_or_else(|error| panic!("{name}: {error}"));
        let mut bytes = Vec::new();
        encode_into(&content, &mut bytes);
        assert_eq!(framekeep_sim::decode::<ArenaContent>(&bytes), Ok(content), "{name}");
    }
}

#[test]
fn the_arena_in_the_guide_is_valid() {
    let guide = include_str!("../../../docs/GAMES.md");
    let (_, example) = guide.split_once("```toml\n").expect("the guide has an arena");
    let (example, _) = example.split_once("```").expect("the arena has an end");
    assert_eq!(ArenaContent::parse(example).map(|content| content.time_limit_s), Ok(60));
}

#[test]
fn a_bad_content_names_the_field() {
    let good = CONTENT[0].text;
    let cases = [
        ("time_limit_s = 60", "time_limit_s = 2", "time_limit_s: 2 seconds; it must be 5 to 3600"),
        ("width = 32.0", "width = 3.0", "width is 3; it must be 8 to 200"),
        ("width = 32.0", "width = 1e30", "it must be -30000 to 30000"),
        ("width = 32.0", "wide = 32.0", "unknown field `wide`"),
        ("name = \"Courtyard\"", "name = \"\"", "name: 0 bytes long"),
        ("{ x = 14.5, y = 8.5 }", "{ x = 15.75, y = 8.5 }", "spawns[0].x is 15.75; it must be -15.5 to 15.5"),
        ("{ x = 14.5, y = 8.5 }", "{ x = 0.9, y = 5.0 }", "spawns[0] is inside walls[0]"),
        ("half = 0.5 }", "half = 0.1 }", "crates[0] is too small"),
        ("kind = \"any\"", "kind = \"gold\"", "unknown variant `gold`"),
        ("half_width = 0.5,", "", "missing field `half_width`"),
        ("spin = 1.5", "spin = 7.0", "rotors[0].spin: 7 radians per second; it must be -6 to 6"),
        ("speed = 6.0", "speed = -21", "belts[0].speed: -21 units per second; it must be -20 to 20"),
        ("degrees = 90", "degrees = 360", "gates[0].degrees: 360 degrees; it must be 0 to 359"),
        ("half_height = 0.25, spin", "half_height = 0.2, spin", "rotors[0] is too small"),
        ("{ x = 14.5, y = 8.5 }", "{ x = 8.0, y = 5.0 }", "spawns[0] is inside rotors[0]"),
    ];
    for (from, to, expected) in cases {
        assert!(good.contains(from), "{from}");
        let error = ArenaContent::parse(&good.replacen(from, to, 1)).expect_err(to).0;
        assert!(error.contains(expected), "{to}: {error}");
    }
}

#[test]
fn content_from_bytes_is_checked_too() {
    let mut content = Arena::default_content();
    content.spawns.clear();
    let mut bytes = Vec::new();
    encode_into(&content, &mut bytes);
    let error = framekeep_sim::decode::<ArenaContent>(&bytes).expect_err("no spawns");
    assert!(error.to_string().contains("spawns"), "{error}");
}

#[test]
fn a_known_match_ends_in_a_known_state() {
    let (mut play, mut bots) = (new_match(42, 4), bots(4));
    for _ in 0..600 {
        let frame = bot_frame(&play, &mut bots);
        play.step(&frame);
    }
    let hash = play.hash(&mut Vec::new());
    assert_eq!(hash, GOLDEN_HASH, "new value: {hash:#018x}");
}

#[test]
fn two_matches_agree_at_every_tick() {
    let (mut left, mut right, mut bots) = (new_match(5, 4), new_match(5, 4), bots(4));
    let (mut scratch, mut copy) = (Vec::new(), new_match(9, 4));
    for _ in 0..900 {
        let frame = bot_frame(&left, &mut bots);
        left.step(&frame);
        right.step(&frame);
        copy.clone_from(&left);
        let hash = left.hash(&mut scratch);
        assert_eq!(right.hash(&mut scratch), hash, "tick {}", left.tick());
        assert_eq!(copy.hash(&mut scratch), hash, "tick {}", left.tick());
    }
    assert_ne!(left.hash(&mut scratch), new_match(6, 4).hash(&mut scratch), "the seed matters");
}

#[test]
fn restoring_at_every_tick_changes_nothing() {
    let (mut play, mut bots) = (new_match(5, 4), bots(4));
    let (mut restored, mut bytes, mut scratch) = (new_match(0, 4), Vec::new(), Vec::new());
    for _ in 0..900 {
        bytes.clear();
        play.encode(&mut bytes);
        restored.restore(play.tick(), &bytes).expect("its own state");
        let frame = bot_frame(&play, &mut bots);
        play.step(&frame);
        restored.step(&frame);
        assert_eq!(restored.hash(&mut scratch), play.hash(&mut scratch), "tick {}", play.tick());
    }
}

#[test]
fn a_lively_room_has_32_bodies() {
    let (mut play, mut bots, mut most, mut sum) = (new_match(3, 4), bots(4), 0, 0);
    for _ in 0..900 {
        let frame = bot_frame(&play, &mut bots);
        play.step(&frame);
        most = most.max(play.state().world.len());
        sum += play.state().world.len();
    }
    assert!(sum / 900 >= 32 && most >= 36, "{} bodies on average, {most} at most", sum / 900);
}

#[test]
fn five_hits_knock_out_and_score() {
    let mut play = duel();
    let ticks = knock_out_seat_1(&mut play);
    assert!((32..60).contains(&ticks), "{ticks} ticks");
    let state = play.state();
    assert_eq!((state.players[0].score, state.players[1].score), (1, 0));
    assert_eq!((state.players[1].body, state.place_of(1)), (None, None));
}

#[test]
fn a_shield_stops_harm() {
    let mut play = duel();
    play.state_mut().players[1].shield_ticks = 60;
    for _ in 0..40 {
        assert_eq!(step_with(&mut play, &[shooting(0)]), []);
    }
    assert_eq!(play.state().players[1].health, HEALTH_FULL);
}

#[test]
fn a_shot_that_comes_back_costs_a_point() {
    let mut play = duel();
    let state = play.state_mut();
    state.players[0].health = 1;
    let body = state.players[0].body.expect("on the floor");
    // Above the pillar at (4.5, 3.5), a shot straight up comes straight down again.
    state.world.set_position(body, Vec2::from_ints(4, 8));
    let up = [shooting(8)];
    let out = (0..60).any(|_| step_with(&mut play, &up).contains(&ArenaEvent::KnockedOut { seat: 0, by: 0 }));
    assert!(out && play.state().players[0].score == -1, "{:?}", play.state().players[0]);
}

#[test]
fn who_is_out_comes_back_whole_and_shielded() {
    let mut play = duel();
    knock_out_seat_1(&mut play);
    for _ in 1..RESPAWN_TICKS {
        assert!(!step_with(&mut play, &[]).contains(&ArenaEvent::Respawned { seat: 1 }));
    }
    assert!(step_with(&mut play, &[]).contains(&ArenaEvent::Respawned { seat: 1 }));
    let player = play.state().players[1];
    assert_eq!((player.health, player.shield_ticks), (HEALTH_FULL, SPAWN_SHIELD_TICKS));
    let (own, other) = (play.state().place_of(1).unwrap(), play.state().place_of(0).unwrap());
    assert!(!own.is_within(other, framekeep_sim::Fx::from_int(10)), "{own:?} is far from {other:?}");
}

#[test]
fn walking_over_a_pickup_takes_it_and_it_returns() {
    let mut play = duel();
    let state = play.state_mut();
    let rapid = state.pickups.iter().position(|pickup| pickup.kind == PickupKind::Rapid).unwrap();
    let place = state.world.body(state.pickups[rapid].body.unwrap()).unwrap().position;
    state.world.set_position(state.players[0].body.unwrap(), place);
    let events = step_with(&mut play, &[]);
    assert_eq!(events, [ArenaEvent::PickedUp { seat: 0, kind: PickupKind::Rapid }]);
    assert!(play.state().players[0].rapid_ticks > 0 && play.state().pickups[rapid].body.is_none());
    let body = play.state().players[0].body.unwrap();
    play.state_mut().world.set_position(body, Vec2::from_ints(-1, 2));
    let waited = (0..1_000).take_while(|_| {
        step_with(&mut play, &[]);
        play.state().pickups[rapid].body.is_none()
    });
    assert_eq!(waited.count(), 239);
}

#[test]
fn dashing_is_faster_than_walking_and_needs_rest() {
    let right = ArenaInput { walk: Some(Direction::Right), ..ArenaInput::default() };
    let way = |input: ArenaInput, ticks: u32| {
        let mut play = duel();
        let start = play.state().place_of(1).unwrap();
        for _ in 0..ticks {
            step_with(&mut play, &[ArenaInput::default(), input]);
        }
        start.distance(play.state().place_of(1).unwrap())
    };
    let dash = ArenaInput { dash: true, ..right };
    assert!(way(dash, 6) > way(right, 6).times(2), "{} {}", way(dash, 6), way(right, 6));
    assert!(
        way(ArenaInput { dash: true, ..ArenaInput::default() }, 6) < framekeep_sim::Fx::from_ratio(1, 100)
    );
}

#[test]
fn time_ends_the_match_and_then_nothing_moves() {
    let mut play = new_match(2, 3);
    let mut bots = bots(3);
    let ticks = Arena::default_content().ticks();
    assert_eq!(ticks, 1_800);
    for _ in 0..ticks {
        assert_eq!(play.outcome(), None);
        let frame = bot_frame(&play, &mut bots);
        play.step(&frame);
    }
    let outcome = play.outcome().expect("time is up");
    assert_eq!(outcome.scores.len(), 3);
    assert!(outcome.scores.iter().any(|&score| score > 0), "{outcome:?}");
    let before = play.state().clone();
    let frame = bot_frame(&play, &mut bots);
    play.step(&frame);
    assert_eq!(*play.state(), before);
}

#[test]
fn scores_are_those_of_the_players() {
    let mut play = new_match(1, 3);
    play.state_mut().players[1].score = -2;
    let mut scores = vec![Default::default(); 9];
    play.scores(&mut scores);
    let seats: Vec<_> = scores.iter().map(|score| (score.seat, score.score)).collect();
    assert_eq!(seats, [(0, 0), (1, -2), (2, 0)]);
}

#[test]
fn the_outcome_is_the_best_alone_or_a_draw() {
    let mut play = new_match(1, 3);
    play.state_mut().ticks_left = 0;
    assert_eq!(play.outcome().map(|outcome| outcome.winner), Some(None));
    play.state_mut().players[2].score = 4;
    assert_eq!(
        play.outcome().map(|outcome| (outcome.winner, outcome.scores)),
        Some((Some(2), vec![0, 0, 4]))
    );
}

#[test]
fn the_score_limit_ends_the_match() {
    let content = ArenaContent { score_limit: 1, ..Arena::default_content() };
    let mut play = Match::<Arena>::start(Arc::new(content), 1, 2);
    assert_eq!(play.outcome(), None);
    play.state_mut().players[1].score = 1;
    assert_eq!(play.outcome().and_then(|outcome| outcome.winner), Some(1));
}

#[test]
fn a_view_shows_everything() {
    let mut play = duel();
    step_with(&mut play, &[shooting(4)]);
    let mut view = View::default();
    play.view(&mut view);
    let of = |kind: Kind| view.bodies.iter().filter(|body| body.kind == kind as u8).count();
    assert_eq!(view.bodies.len(), play.state().world.len());
    assert_eq!((of(Kind::Player), of(Kind::Projectile)), (2, 1));
    let content = Arena::default_content();
    assert_eq!((of(Kind::Wall), of(Kind::Pillar)), (content.walls.len(), content.pillars.len()));
    assert_eq!(of(Kind::Crate), content.crates.len());
    assert_eq!((view.scores.len(), view.ticks_left), (2, content.ticks() - 1));
}

/// An empty floor with one machine in its middle and a player at a place, who walks for some ticks; where it comes to.
fn walked(machine: &str, start: (i32, i32), walk: Direction, ticks: u32) -> (Match<Arena>, Vec2) {
    let spawns: String = (0..16).map(|x| format!("{{ x = {}, y = -9 }},", x - 8)).collect();
    let text = format!("name = \"Hall\"\nwidth = 20\nheight = 20\nspawns = [{spawns}]\n{machine}");
    let content = ArenaContent::parse(&text).expect("a good arena");
    let mut play = Match::<Arena>::start(Arc::new(content), 1, 2);
    let body = play.state().players[0].body.expect("everybody starts on the floor");
    play.state_mut().world.set_position(body, Vec2::from_ints(start.0, start.1));
    for _ in 0..ticks {
        step_with(&mut play, &[ArenaInput { walk: Some(walk), ..ArenaInput::default() }]);
    }
    let place = play.state().place_of(0).expect("nobody shoots");
    (play, place)
}

#[test]
fn a_rotor_turns_and_sweeps_away() {
    let rotor = "rotors = [{ x = 0, y = 0, half_width = 3, half_height = 0.25, spin = 2 }]";
    let (play, place) = walked(rotor, (2, 1), Direction::Down, 20);
    let (mut view, kind) = (View::default(), Kind::Rotor as u8);
    play.view(&mut view);
    let angle = view.bodies.iter().find(|body| body.kind == kind).map(|body| body.angle);
    // Two radians per second for two thirds of one.
    assert!(angle.is_some_and(|angle| angle.abs_diff(13_908) < 50), "{angle:?}");
    assert!(place.y > framekeep_sim::Fx::HALF, "swept up, against its will: {place:?}");
}

#[test]
fn a_belt_carries_along_who_leans_on_it() {
    for (speed, sign) in [(6, 1), (-6, -1), (0, 0)] {
        let belt = format!("belts = [{{ x = 0, y = 0, half_width = 5, half_height = 1, speed = {speed} }}]");
        // Its lower side runs to the right if it runs counter-clockwise.
        let (_, place) = walked(&belt, (0, -3), Direction::Up, 30);
        let carried = place.x.times(sign);
        assert_eq!(carried > framekeep_sim::Fx::ONE, sign != 0, "{speed}: {place:?}");
        assert!(place.y < -framekeep_sim::Fx::ONE, "{speed}: {place:?}");
    }
}

#[test]
fn a_gate_opens_in_one_direction() {
    for (degrees, walk, from, passes) in [
        (0, Direction::Right, (-3, 0), true),
        (0, Direction::Left, (3, 0), false),
        (180, Direction::Left, (3, 0), true),
        (90, Direction::Up, (0, -3), true),
        (90, Direction::Down, (0, 3), false),
    ] {
        let gate =
            format!("gates = [{{ x = 0, y = 0, half_width = 4, half_height = 0.25, degrees = {degrees} }}]");
        let (_, place) = walked(&gate, from, walk, 60);
        let came = (place.x.to_bits() + place.y.to_bits()).signum() != (from.0 + from.1).signum();
        assert_eq!(came, passes, "{degrees} {walk:?}: {place:?}");
    }
}

#[test]
fn random_bits_never_panic() {
    let mut rng = Pcg32::new(8, 8);
    for (seats, file) in (2..=16).zip(arenas().cycle()) {
        let mut play = Match::<Arena>::start(Arc::new(ArenaContent::parse(file.text).unwrap()), 1, seats);
        for tick in 0..2_000 {
            let mut frame = Frame::absent(Tick(tick), seats);
            (0..seats).for_each(|seat| frame.set(seat, SeatInput::arrived(rng.next_u64())));
            play.step(&frame);
        }
        assert!(play.state().world.len() < 600);
    }
}

/// A state that is whole in itself but makes no sense: seats without bodies, bodies of others, counters at their
/// ends.
fn scrambled(seed: u64) -> ArenaState {
    let (mut play, mut bots, mut rng) = (new_match(seed, 4), bots(4), Pcg32::new(seed, 3));
    for _ in 0..60 {
        let frame = bot_frame(&play, &mut bots);
        play.step(&frame);
    }
    let mut state = play.state().clone();
    let ids: Vec<_> = state.world.bodies().map(|(id, _)| id).collect();
    for _ in 0..20 {
        let id = ids[rng.below(ids.len() as u32) as usize];
        match rng.below(8) {
            0 => state.players.iter_mut().for_each(|player| player.body = Some(id)),
            1 => state.projectiles.iter_mut().for_each(|shot| (shot.body, shot.owner) = (id, 200)),
            2 => state
                .pickups
                .iter_mut()
                .for_each(|pickup| (pickup.body, pickup.kind) = (Some(id), PickupKind::Any)),
            3 => state.players.truncate(rng.below(5) as usize),
            4 => drop(state.world.set_user(id, rng.next_u32())),
            5 => drop(state.world.remove(id)),
            6 => state.players.resize(300, *state.players.first().unwrap_or(&crate::arena::Player::new())),
            _ => state.players.iter_mut().for_each(|player| player.score = i32::MAX),
        }
    }
    state
}

proptest! {
    #[test]
    fn a_state_that_makes_no_sense_never_panics(seed in any::<u64>(), bits in any::<u64>()) {
        let mut play = new_match(1, 4);
        *play.state_mut() = scrambled(seed % 1_000);
        for tick in 0..100 {
            let mut frame = Frame::absent(Tick(tick), 4);
            (0..4).for_each(|seat| frame.set(seat, SeatInput::arrived(bits.rotate_left(tick * 7 + u32::from(seat)))));
            play.step(&frame);
        }
        prop_assert!(play.outcome().is_none_or(|outcome| outcome.scores.len() == play.state().players.len()));
    }

    #[test]
    fn flipped_bytes_are_refused_or_played(seed in 0_u64..50, at in any::<u64>(), flip in 1_u8..) {
        let mut play = new_match(seed, 4);
        let mut bytes = Vec::new();
        play.encode(&mut bytes);
        let place = (at % bytes.len() as u64) as usize;
        bytes[place] ^= flip;
        let before = play.hash(&mut Vec::new());
        match play.restore(Tick(0), &bytes) {
            Ok(()) => (0..50).for_each(|tick| play.step(&Frame::absent(Tick(tick), 4))),
            Err(_) => prop_assert_eq!(play.hash(&mut Vec::new()), before),
        }
    }
}

/// What never happens in the probe match can change without a new fingerprint.
#[test]
fn everything_happens_in_the_probe_match() {
    let mut seen = std::collections::BTreeSet::new();
    framekeep_sim::probe::<Arena>(|play| {
        for event in play.events() {
            seen.insert(match event {
                ArenaEvent::Hit { .. } => "hit".to_owned(),
                ArenaEvent::KnockedOut { .. } => "knocked out".to_owned(),
                ArenaEvent::Respawned { .. } => "respawned".to_owned(),
                ArenaEvent::PickedUp { kind, .. } => format!("picked up {kind:?}"),
            });
        }
    });
    let all = ["hit", "knocked out", "picked up Health", "picked up Rapid", "picked up Shield", "respawned"];
    assert_eq!(seen.into_iter().collect::<Vec<_>>(), all);
}
