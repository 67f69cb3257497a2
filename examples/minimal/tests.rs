//! The example, as it is, alone and against a server.

use bevy_app::App;
use framekeep_client::ClientClock;
use framekeep_client::prelude::{ActiveMatch, LocalMatch};
use framekeep_server::Games;
use framekeep_sim::{GameRegistry, Tick};
use framekeep_tests::Apps;

use super::{Coins, client};

#[test]
fn two_players_take_coins_on_a_server() {
    let mut apps = Apps::new(1, Games::new(GameRegistry::new().with::<Coins>()), |_| {});
    for name in ["ada", "bob"] {
        apps.come(name, 60, client);
    }
    apps.run_until("both play", |apps| {
        (0..2).all(|number| apps.of::<ActiveMatch<Coins>>(number).current().is_some())
    });
    apps.run_for(10.0);
    for number in 0..2 {
        let play = apps.of::<ActiveMatch<Coins>>(number).rollback().unwrap();
        assert!(play.confirmed().tick() > Tick(250), "{}", play.confirmed().tick());
        let expected = apps.stage("beach").unwrap().hash_at(play.confirmed().tick());
        assert_eq!(expected, Some(play.confirmed_hash()));
    }
}

#[test]
fn it_plays_alone_without_a_server() {
    let mut app = App::new();
    let begin = std::time::Duration::from_secs(1);
    app.insert_resource(ClientClock::manual(begin)).add_plugins(client);
    app.world_mut().resource_mut::<ActiveMatch<Coins>>().play_local(LocalMatch::default());
    for frame in 0..300 {
        app.world_mut()
            .resource_mut::<ClientClock>()
            .set(begin + std::time::Duration::from_millis(16) * frame);
        app.update();
    }
    let game = app.world().resource::<ActiveMatch<Coins>>();
    let play = game.current().unwrap();
    assert_eq!(play.tick(), Tick(143));
    assert_ne!(play.state().coin, 2, "the coin was taken");
}

#[test]
fn it_is_under_80_lines() {
    let code = include_str!("main.rs").lines().count() - 3;
    assert!(code < 80, "{code} lines, the declaration of this module apart");
}

#[test]
fn the_book_shows_this_code_and_all_of_it() {
    let (code, book) = (include_str!("main.rs"), include_str!("../../docs/book/first-game.md"));
    let blocks: Vec<_> =
        book.split("```rust\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    for block in &blocks {
        assert!(code.contains(block.trim_end()), "this is not in main.rs:\n{block}");
    }
    let shown = blocks.concat();
    let missing =
        code.lines().filter(|line| !line.is_empty() && !line.starts_with("//!") && !shown.contains(*line));
    assert_eq!(missing.collect::<Vec<_>>(), ["#[cfg(test)]", "mod tests;"]);
}

#[test]
fn the_readme_shows_this_code() {
    let (code, _) = include_str!("main.rs").split_once("\n#[cfg(test)]").unwrap();
    assert!(include_str!("../../README.md").contains(code.trim_end()), "copy main.rs into README.md");
}
