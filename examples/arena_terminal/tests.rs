//! The example without its terminal, alone and against a server.

use std::time::Duration;

use arena_picture::Picture;
use bevy_app::{App, Startup};
use crossterm::event::KeyCode;
use framekeep_client::ClientClock;
use framekeep_client::prelude::ActiveMatch;
use framekeep_games::arena::Arena;
use framekeep_server::Games;
use framekeep_tests::Apps;

use crate::keys::Keys;
use crate::{client, play_alone};

#[test]
fn three_hundred_frames_alone_against_bots() {
    let begin = Duration::from_secs(1);
    let mut app = App::new();
    app.insert_resource(ClientClock::manual(begin))
        .add_plugins(|app: &mut App| client(app, "nowhere"))
        .add_systems(Startup, play_alone);
    let (mut place, mut later, mut text) = (None, None, String::new());
    for frame in 0..300 {
        app.world_mut().resource_mut::<ClientClock>().set(begin + Duration::from_millis(16) * frame);
        app.update();
        let own_place = |app: &App| {
            let game = app.world().resource::<ActiveMatch<Arena>>();
            game.current().unwrap().state().place_of(0)
        };
        if frame == 60 {
            later = own_place(&app);
            text.clone_from(&app.world().resource::<Picture>().text);
        }
        if frame == 30 {
            place = own_place(&app);
            for key in [KeyCode::Left, KeyCode::Char(' '), KeyCode::Char('e')] {
                app.world_mut().resource_mut::<Keys>().press(key);
            }
        }
    }
    assert!(text.contains('@') && text.contains('B'), "{text}");
    assert_ne!(later, place, "the keys are heard");
    assert_eq!(app.world().resource::<Picture>().text.lines().count(), 27);
}

#[test]
fn two_terminals_on_a_server() {
    let mut apps = Apps::new(1, Games::new(framekeep_games::registry()), |_| {});
    for name in ["ada", "bob"] {
        apps.come(name, 60, |app| client(app, "duel"));
    }
    apps.run_until("both see both", |apps| {
        let sees = |number, other| {
            apps.of::<Picture>(number).text.contains(['@']) && apps.of::<Picture>(number).text.contains(other)
        };
        [(0, 'A'), (0, 'B'), (1, 'A'), (1, 'B')]
            .into_iter()
            .filter(|&(number, other)| sees(number, other))
            .count()
            == 2
    });
}
