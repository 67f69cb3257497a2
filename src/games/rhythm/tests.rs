//! What the rhythm game promises, rule by rule and over whole songs.

use std::sync::Arc;

use framekeep_sim::{Frame, Game, Input, Match, Pcg32, SeatInput, Tick, View, encode_into, input_mask};
use proptest::prelude::{any, prop_assert, prop_assert_eq, proptest};

use crate::rhythm::{
    Judgement, Kind, Note, Rhythm, RhythmBot, RhythmContent, RhythmEvent, RhythmInput, RhythmPlayer,
    RhythmState, SCORE_FULL,
};
use crate::{CONTENT, ContentFile};

/// The hash after 900 ticks of four bots in the default song. Changes only when the rules or the song do; if the
/// rules, raise [`Rhythm::VERSION`].
const GOLDEN_HASH: u64 = 0xa6b7_73c0_33e3_c2c4;

/// A tap at tick 40 in lane 0 and a hold from tick 60 to 80 in lane 1.
const SONG: &str = "
title = \"Two\"
bpm = 120
tracks = [{ name = \"all\", notes = [{ tick = 60, lane = 1, hold = 20 }, { tick = 40, lane = 0 }] }]
";

fn songs() -> impl Iterator<Item = &'static ContentFile> + Clone {
    CONTENT.iter().filter(|file| file.game == "rhythm")
}

fn new_match(seats: u8) -> Match<Rhythm> {
    Match::start(Arc::new(Rhythm::default_content()), 1, seats)
}

fn short() -> Match<Rhythm> {
    Match::start(Arc::new(RhythmContent::parse(SONG).expect("a valid song")), 1, 1)
}

fn bots(seats: u8) -> Vec<RhythmBot> {
    (0..seats).map(|seat| RhythmBot::new(u64::from(seat) + 100)).collect()
}

fn bot_frame(play: &Match<Rhythm>, bots: &mut [RhythmBot]) -> Frame {
    let mut frame = Frame::absent(play.tick(), play.seats());
    for (seat, bot) in (0..).zip(bots) {
        let input = bot.input(play.content(), play.state(), seat, play.tick().0);
        frame.set(seat, SeatInput::arrived(input.pack()));
    }
    frame
}

/// One tick in which seat 0 does this.
fn step_with(play: &mut Match<Rhythm>, lanes: u8, offset: u8) -> Vec<RhythmEvent> {
    let mut frame = Frame::absent(play.tick(), play.seats());
    frame.set(0, SeatInput::arrived(RhythmInput::new(lanes, offset).pack()));
    play.step(&frame);
    play.events().to_vec()
}

/// To the tick, with the same lanes pressed all the way.
fn wait(play: &mut Match<Rhythm>, lanes: u8, until: u32) -> Vec<RhythmEvent> {
    let mut events = Vec::new();
    while play.tick().0 < until {
        events.extend(step_with(play, lanes, 0));
    }
    events
}

/// The song as somebody plays it who never errs.
fn perfect_input(content: &RhythmContent, tick: u32) -> RhythmInput {
    let (mut lanes, mut offset) = (0, 0);
    for (lane, notes) in content.lanes.iter().enumerate() {
        let down = |note: &&Note| tick >= note.at / 8 && tick < note.end() / 8 + 2;
        if let Some(note) = notes.iter().find(down) {
            lanes |= 1 << lane;
            offset = if tick == note.at / 8 { (note.at % 8) as u8 } else { offset };
        }
    }
    RhythmInput::new(lanes, offset)
}

#[test]
fn every_song_that_ships_is_valid() {
    assert_eq!(songs().count(), 2);
    for file in songs() {
        let (name, parsed) = (file.name, RhythmContent::parse(file.text));
        let content = parsed.unwrap_or_else(|error| panic!("{name}: {error}"));
        assert!((40 * 30..=60 * 30).contains(&content.ticks()), "{name}: {} ticks", content.ticks());
        assert!((120..400).contains(&content.hits()), "{name}: {} hits", content.hits());
        let mut bytes = Vec::new();
        encode_into(&content, &mut bytes);
        assert_eq!(framekeep_sim::decode::<RhythmContent>(&bytes), Ok(content), "{name}");
    }
}

#[test]
fn the_song_in_the_guide_is_valid() {
    let guide = include_str!("../../../docs/GAMES.md");
    let (_, part) = guide.split_once("## Song files").expect("the guide has a part about songs");
    let (_, example) = part.split_once("```toml\n").expect("it has a song");
    let (example, _) = example.split_once("```").expect("the song has an end");
    assert_eq!(RhythmContent::parse(example).map(|content| content.hits()), Ok(7));
}

#[test]
fn a_bad_content_names_the_field() {
    let cases = [
        ("bpm = 120", "bpm = 500", "bpm: 500 beats per minute; it must be 20 to 400"),
        ("title = \"Two\"", "title = \"\"", "title: 0 bytes long"),
        ("title", "name", "unknown field `name`"),
        ("bpm = 120\n", "", "missing field `bpm`"),
        ("lane = 1", "lane = 4", "tracks[0].notes[0].lane: 4 is no lane; it must be 0 to 3"),
        ("tick = 40", "tick = 7", "tracks[0].notes[1].tick: 7 is out of range; it must be 30 to 36000"),
        ("tick = 40", "tick = -7", "invalid value"),
        ("tick = 40", "tick = 40, eighth = 8", "tracks[0].notes[1].eighth: 8"),
        ("hold = 20", "hold = 2", "tracks[0].notes[0].hold: 2 ticks; it must be 8 to 300"),
        ("tick = 40, lane = 0", "tick = 82, lane = 1", "lane 1: the notes at ticks 60 and 82 are nearer"),
    ];
    for (from, to, expected) in cases {
        assert!(SONG.contains(from), "{from}");
        let error = RhythmContent::parse(&SONG.replacen(from, to, 1)).expect_err(to).0;
        assert!(error.contains(expected), "{to}: {error}");
    }
    let empty = "title = \"a\"\nbpm = 120\ntracks = [{ notes = [] }]";
    assert!(RhythmContent::parse(empty).expect_err("no notes").0.contains("notes: 0"));
}

#[test]
fn content_from_bytes_is_checked_too() {
    let mut content = Rhythm::default_content();
    content.lanes[2].reverse();
    let mut bytes = Vec::new();
    encode_into(&content, &mut bytes);
    let error = framekeep_sim::decode::<RhythmContent>(&bytes).expect_err("out of order");
    assert!(error.to_string().contains("lane 2"), "{error}");
    content.lanes = [vec![Note { at: u32::MAX, hold: u32::MAX }], vec![], vec![], vec![]];
    bytes.clear();
    encode_into(&content, &mut bytes);
    assert!(framekeep_sim::decode::<RhythmContent>(&bytes).is_err());
}

#[test]
fn perfect_play_gives_the_full_score() {
    for file in songs() {
        let content = Arc::new(RhythmContent::parse(file.text).expect("a test reads them"));
        let mut play = Match::<Rhythm>::start(content.clone(), 1, 2);
        while play.outcome().is_none() {
            let mut frame = Frame::absent(play.tick(), 2);
            frame.set(1, SeatInput::arrived(perfect_input(&content, play.tick().0).pack()));
            play.step(&frame);
        }
        let player = play.state().players[1];
        assert_eq!((player.combo_max, player.strays), (content.hits(), 0), "{}: {player:?}", file.name);
        let outcome = play.outcome().expect("it is over");
        assert_eq!((outcome.scores, outcome.winner), (vec![0, SCORE_FULL], Some(1)));
        let mut scores = Vec::new();
        play.scores(&mut scores);
        let score = scores[1];
        let seen = (score.seat, score.score, score.combo, score.accuracy_permille);
        assert_eq!(seen, (1, i64::from(SCORE_FULL), content.hits(), 1_000));
    }
}

#[test]
fn nobody_playing_misses_everything() {
    let mut play = new_match(3);
    let events: Vec<_> = (0..play.content().ticks()).flat_map(|_| step_with(&mut play, 0, 0)).collect();
    let player = play.state().players[0];
    assert_eq!(player.missed + player.dropped, play.content().hits());
    assert!(!events.iter().any(|event| matches!(event, RhythmEvent::ComboBroken { .. })));
    let outcome = play.outcome().expect("it is over");
    assert_eq!((outcome.scores, outcome.winner), (vec![0; 3], None));
    let before = play.state().clone();
    step_with(&mut play, 15, 0);
    assert_eq!(*play.state(), before, "nothing moves afterwards");
}

#[test]
fn a_stroke_is_judged_by_its_distance() {
    // The tap is due at 320 eighths.
    let windows = [
        (320, Judgement::Perfect),
        (312, Judgement::Perfect),
        (328, Judgement::Perfect),
        (311, Judgement::Great),
        (336, Judgement::Great),
        (303, Judgement::Good),
        (292, Judgement::Good),
        (348, Judgement::Good),
    ];
    for (time, judgement) in windows {
        let mut play = short();
        wait(&mut play, 0, time / 8);
        let events = step_with(&mut play, 1, (time % 8) as u8);
        let late_eighths = (time as i32 - 320) as i8;
        assert_eq!(events, [RhythmEvent::Judged { seat: 0, lane: 0, judgement, late_eighths }], "{time}");
    }
}

#[test]
fn too_late_is_a_miss_and_too_early_a_stray() {
    let miss = RhythmEvent::Judged { seat: 0, lane: 0, judgement: Judgement::Miss, late_eighths: 0 };
    let mut play = short();
    wait(&mut play, 0, 43);
    assert_eq!(step_with(&mut play, 1, 5), [miss], "349 eighths are one too late");
    assert_eq!((play.state().players[0].missed, play.state().players[0].strays), (1, 1));
    let mut play = short();
    wait(&mut play, 0, 36);
    assert_eq!(step_with(&mut play, 1, 3), [], "291 eighths are one too early");
    assert_eq!((play.state().players[0].missed, play.state().players[0].strays), (0, 1));
    assert_eq!(wait(&mut play, 1, 60), [miss], "keeping it pressed is no stroke");
}

#[test]
fn a_miss_breaks_the_combo() {
    let mut play = short();
    wait(&mut play, 0, 40);
    step_with(&mut play, 1, 0);
    assert_eq!(play.state().players[0].combo, 1);
    let events = wait(&mut play, 0, 70);
    let judgement = Judgement::Miss;
    assert_eq!(
        events,
        [
            RhythmEvent::Judged { seat: 0, lane: 1, judgement, late_eighths: 0 },
            RhythmEvent::ComboBroken { seat: 0, combo: 1 },
            RhythmEvent::HoldDropped { seat: 0, lane: 1 },
        ]
    );
    let player = play.state().players[0];
    assert_eq!((player.combo, player.combo_max, player.accuracy_permille()), (0, 1, 333));
    assert_eq!(player.score(play.content().hits()), 333_333);
}

#[test]
fn a_stroke_that_meets_nothing_breaks_the_combo() {
    let mut play = short();
    wait(&mut play, 0, 40);
    step_with(&mut play, 1, 0);
    assert_eq!(step_with(&mut play, 1 | 8, 0), [RhythmEvent::ComboBroken { seat: 0, combo: 1 }]);
}

#[test]
fn a_hold_must_be_kept() {
    let completed = RhythmEvent::HoldCompleted { seat: 0, lane: 1 };
    let dropped = RhythmEvent::HoldDropped { seat: 0, lane: 1 };
    // It ends at 640 eighths; 612 is early enough to be forgiven.
    for (tick, offset, expected) in
        [(76, 4, completed), (76, 3, dropped), (61, 0, dropped), (80, 0, completed)]
    {
        let mut play = short();
        wait(&mut play, 0, 60);
        wait(&mut play, 2, tick);
        let events = step_with(&mut play, 0, offset);
        assert_eq!(events.first(), Some(&expected), "{tick}: {events:?}");
    }
    let mut play = short();
    wait(&mut play, 0, 60);
    assert_eq!(wait(&mut play, 2, 100)[1..], [completed], "kept for too long does no harm");
}

#[test]
fn a_player_who_goes_away_drops_the_hold() {
    let mut play = short();
    wait(&mut play, 0, 60);
    wait(&mut play, 2, 65);
    play.step(&Frame::absent(Tick(65), 1));
    assert!(play.events().contains(&RhythmEvent::HoldDropped { seat: 0, lane: 1 }));
}

#[test]
fn a_known_match_ends_in_a_known_state() {
    let (mut play, mut bots) = (new_match(4), bots(4));
    for _ in 0..900 {
        let frame = bot_frame(&play, &mut bots);
        play.step(&frame);
    }
    let hash = play.hash(&mut Vec::new());
    assert_eq!(hash, GOLDEN_HASH, "new value: {hash:#018x}");
}

#[test]
fn bots_play_well_and_err_differently() {
    for file in songs() {
        let content = Arc::new(RhythmContent::parse(file.text).expect("a test reads them"));
        let (mut play, mut bots) = (Match::<Rhythm>::start(content, 1, 64), bots(64));
        while play.outcome().is_none() {
            let frame = bot_frame(&play, &mut bots);
            play.step(&frame);
        }
        let players = &play.state().players;
        for player in players {
            assert!((800..1_000).contains(&player.accuracy_permille()), "{}: {player:?}", file.name);
            assert!(player.combo_max > 5, "{player:?}");
        }
        let mut scores = play.outcome().expect("it is over").scores;
        scores.sort_unstable();
        scores.dedup();
        assert!(scores.len() >= 8, "{}: {scores:?}", file.name);
    }
}

#[test]
fn a_bot_ahead_of_the_state_plays_as_well() {
    let (mut play, mut bot) = (new_match(1), RhythmBot::new(5));
    let mut ahead: Vec<_> = (0..6).map(|tick| bot.input(play.content(), play.state(), 0, tick)).collect();
    while play.outcome().is_none() {
        let input = ahead.remove(0);
        step_with(&mut play, input.lanes(), input.offset());
        ahead.push(bot.input(play.content(), play.state(), 0, play.tick().0 + 5));
    }
    assert!(play.state().players[0].accuracy_permille() >= 800, "{:?}", play.state().players[0]);
}

#[test]
fn a_blind_bot_strikes_as_a_person_might() {
    let inputs = |seed| {
        let mut bot = RhythmBot::new(seed);
        (0..3_000).map(|tick| bot.blind_input(tick)).collect::<Vec<_>>()
    };
    let strokes = inputs(3).windows(2).filter(|pair| pair[1].lanes() & !pair[0].lanes() != 0).count();
    assert!((200..=400).contains(&strokes), "{strokes} strokes in 100 s");
    assert_eq!(inputs(3), inputs(3));
    assert_ne!(inputs(3), inputs(4));
}

#[test]
fn restoring_at_every_tick_changes_nothing() {
    let (mut play, mut bots) = (new_match(4), bots(4));
    let (mut restored, mut bytes, mut scratch) = (new_match(4), Vec::new(), Vec::new());
    for _ in 0..900 {
        bytes.clear();
        play.encode(&mut bytes);
        restored.restore(play.tick(), &bytes).expect("its own state");
        let frame = bot_frame(&play, &mut bots);
        play.step(&frame);
        restored.step(&frame);
        assert_eq!(restored.hash(&mut scratch), play.hash(&mut scratch), "tick {}", play.tick());
        assert_eq!(restored.events(), play.events());
    }
}

#[test]
fn scores_are_there_behind_the_type_of_all_games() {
    let games = crate::registry();
    let game = games.get("rhythm").expect("it is registered");
    let mut play = game.start(&game.default_content(), 1, 3).expect("its own content");
    let (mut typed, mut bots) = (new_match(3), bots(3));
    let (mut left, mut right) = (vec![Default::default(); 9], Vec::new());
    for _ in 0..300 {
        let frame = bot_frame(&typed, &mut bots);
        typed.step(&frame);
        play.step(&frame);
        play.scores(&mut left);
        typed.scores(&mut right);
        assert_eq!(left, right);
    }
    assert!(left.len() == 3 && left.iter().all(|score| score.score > 0 && score.accuracy_permille > 500));
}

#[test]
fn a_view_shows_what_comes_and_what_is_pressed() {
    let mut play = short();
    let mut view = View::default();
    wait(&mut play, 0, 30);
    step_with(&mut play, 0b1001, 0);
    play.view(&mut view);
    let kinds: Vec<_> = view.bodies.iter().map(|body| (body.kind, body.x >> 16)).collect();
    let [tap, hold, key] = [Kind::Tap, Kind::Hold, Kind::Key].map(|kind| kind as u8);
    assert_eq!(kinds, [(tap, 0), (hold, 1), (key, 0), (key, 3)]);
    assert!(view.bodies[0].y > 0 && view.bodies[1].y > view.bodies[0].y && view.bodies[2].y < 0);
    assert_eq!((view.scores.as_slice(), view.ticks_left), ([0].as_slice(), 80 + 60 - 31));
}

#[test]
fn random_bits_never_panic() {
    let mut rng = Pcg32::new(8, 8);
    for (seats, file) in [1, 2, 3, 4, 8, 16, 33, 64].into_iter().zip(songs().cycle()) {
        let content = Arc::new(RhythmContent::parse(file.text).expect("a test reads them"));
        let mut play = Match::<Rhythm>::start(content, 1, seats);
        for tick in 0..play.content().ticks() {
            let mut frame = Frame::absent(Tick(tick), seats);
            (0..seats).for_each(|seat| frame.set(seat, SeatInput::arrived(rng.next_u64())));
            play.step(&frame);
        }
        for player in &play.state().players {
            assert_eq!(player.perfect + player.great + player.good + player.missed, note_count(&play));
            assert_eq!(player.completed + player.dropped, play.content().hits() - note_count(&play));
            assert!(player.accuracy_permille() < 700, "beating on everything does not pay: {player:?}");
        }
    }
}

fn note_count(play: &Match<Rhythm>) -> u32 {
    play.content().lanes.iter().map(|notes| notes.len() as u32).sum()
}

/// A state that is whole in itself but makes no sense.
fn scrambled(seed: u64) -> RhythmState {
    let mut rng = Pcg32::new(seed, 3);
    let mut number = || if rng.below(2) == 0 { rng.next_u32() } else { rng.below(200) };
    let player = |number: &mut dyn FnMut() -> u32| RhythmPlayer {
        pressed: number() as u8,
        lanes: std::array::from_fn(|_| crate::rhythm::LanePlay {
            next: number(),
            hold_end: number().is_multiple_of(2).then(&mut *number),
        }),
        combo: u32::MAX,
        perfect: number(),
        completed: u32::MAX,
        dropped: number(),
        ..RhythmPlayer::default()
    };
    let tick = number();
    RhythmState { tick, players: (0..seed % 400).map(|_| player(&mut number)).collect() }
}

proptest! {
    #[test]
    fn any_bits_are_a_valid_input(bits in any::<u64>()) {
        let input = RhythmInput::unpack(bits);
        prop_assert_eq!(RhythmInput::unpack(input.pack()), input);
        prop_assert!(input.pack() <= input_mask(RhythmInput::BITS));
        prop_assert_eq!(input.pack(), bits & input_mask(RhythmInput::BITS));
    }

    #[test]
    fn a_state_that_makes_no_sense_never_panics(seed in any::<u64>(), bits in any::<u64>()) {
        let mut play = new_match(4);
        *play.state_mut() = scrambled(seed);
        let (mut view, mut scores) = (View::default(), Vec::new());
        for tick in 0..50 {
            let mut frame = Frame::absent(Tick(tick), 4);
            (0..4).for_each(|seat| frame.set(seat, SeatInput::arrived(bits.rotate_left(tick * 7 + u32::from(seat)))));
            play.step(&frame);
            play.view(&mut view);
            play.scores(&mut scores);
            prop_assert!(scores.iter().all(|it| (0..=i64::from(SCORE_FULL)).contains(&it.score)));
        }
        prop_assert!(play.outcome().is_none_or(|outcome| outcome.scores.len() == play.state().players.len()));
    }

    #[test]
    fn flipped_bytes_are_refused_or_played(at in any::<u64>(), flip in 1_u8..) {
        let mut play = new_match(4);
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
    framekeep_sim::probe::<Rhythm>(|play| {
        for event in play.events() {
            seen.insert(match event {
                RhythmEvent::Judged { judgement, .. } => format!("{judgement:?}"),
                RhythmEvent::HoldCompleted { .. } => "hold completed".to_owned(),
                RhythmEvent::HoldDropped { .. } => "hold dropped".to_owned(),
                RhythmEvent::ComboBroken { .. } => "combo broken".to_owned(),
            });
        }
    });
    let all = ["Good", "Great", "Miss", "Perfect", "combo broken", "hold completed", "hold dropped"];
    assert_eq!(seen.into_iter().collect::<Vec<_>>(), all);
}
