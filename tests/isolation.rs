//! A bad room or client harms nobody else.

use framekeep_protocol::{EndReason, JoinRoom, RoomName, RoomOptions, ToServer};
use framekeep_server::{Room, Stage};
use framekeep_sim::{Frame, Game, Input, Outcome};
use framekeep_tests::Scenario;

/// A game that panics at its hundredth tick.
struct Fragile;

#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Nothing;

impl Input for Nothing {
    const BITS: u32 = 1;

    fn pack(self) -> u64 {
        0
    }

    fn unpack(_bits: u64) -> Self {
        Self
    }
}

impl Game for Fragile {
    const NAME: &'static str = "fragile";
    const VERSION: u32 = 1;
    const SEATS: core::ops::RangeInclusive<u8> = 1..=4;
    type Config = u32;
    type Input = Nothing;
    type State = u32;
    type Event = ();

    fn default_content() -> u32 {
        1_000
    }

    fn parse_content(_text: &str) -> Result<u32, framekeep_sim::ContentError> {
        Ok(100)
    }

    fn start(_content: &u32, _seed: u64, _seats: u8) -> u32 {
        0
    }

    fn step(content: &u32, state: &mut u32, _frame: &Frame, _events: &mut Vec<()>) {
        *state += 1;
        assert!(*state < *content, "this game is fragile");
    }

    fn outcome(_content: &u32, _state: &u32) -> Option<Outcome> {
        None
    }
}

#[test]
fn a_game_that_panics_ends_its_own_match_and_no_other() {
    let games = framekeep_games::registry().with::<Fragile>();
    let mut play = Scenario::with_games(41, games, |_| {});
    let content = play.server.world_mut().resource_mut::<framekeep_server::Games>().into_inner();
    content.add_content("fragile", "thin", "").unwrap();
    let mut play = play.room("brawl", 2);
    let loner = play.come("loner");
    play.run_until("connected", |play| play.clients[loner].is_connected());
    let options = RoomOptions {
        game: "fragile".to_owned(),
        content: "thin".to_owned(),
        seats: 1,
        tick_rate_hz: 0,
        send_every_ticks: 0,
    };
    let room = RoomName::try_from("glass".to_owned()).unwrap();
    play.clients[loner].say(&ToServer::Join(JoinRoom { room, create: Some(options) }));
    play.run_for(8.0);
    assert_eq!(play.counters().matches_failed, 1);
    let end = play.clients[loner].last_end.clone().unwrap();
    assert_eq!(
        (end.reason, end.ticks.0),
        (EndReason::Failed, 99),
        "the frame that panicked is not part of it"
    );
    assert!(play.stage("glass").is_none());
    assert!(play.stage("brawl").is_some_and(|stage| stage.tick().0 > 200));
    play.assert_all_agree();
    let world = play.server.world_mut();
    assert_eq!(world.query::<&Room>().iter(world).count(), 2);
    assert_eq!(world.query::<&Stage>().iter(world).count(), 1);
}

#[test]
fn a_seat_whose_new_link_never_says_hello_is_freed_in_time() {
    let mut play = Scenario::new(42).room("duel", 2);
    play.run_for(2.0);
    let name = play.clients[0].name.as_str().to_owned();
    let second = play.come(&name);
    // Its connection is made, and then it is never heard of again.
    play.run_until("greeted", |play| play.counters().links_opened == 3);
    play.clients[second].vanish();
    play.run_for(50.0);
    assert_eq!(play.room_of("duel").unwrap().roster.taken(), 1);
    assert!(play.clients[1].is_connected());
}

#[test]
fn joining_ones_own_room_again_and_again_costs_nobody_anything() {
    let mut play = Scenario::new(43).room("duel", 2);
    play.run_for(2.0);
    let before = play.counters().snapshots;
    for _ in 0..300 {
        play.clients[0].join("duel", 2);
        play.turn();
    }
    play.run_for(2.0);
    assert_eq!(play.counters().snapshots, before);
    play.assert_all_agree();
}
