//! Watches a room of the arena in a terminal, half a second late: `cargo run --release -p spectator -- eve.token duel`.
//!
//! The room must allow spectators (`spectators_max` of its options). Ctrl-C ends it.

use std::io::Write as _;
use std::time::Duration;

use arena_picture::{Picture, PicturePlugin};
use bevy_app::{App, ScheduleRunnerPlugin, Update};
use bevy_ecs::prelude::Res;
use framekeep_client::prelude::*;
use framekeep_games::arena::Arena;

fn main() -> anyhow::Result<()> {
    let mut args = std::env::args().skip(1);
    let (Some(ticket), Some(room)) = (args.next(), args.next()) else {
        anyhow::bail!("usage: spectator TICKET_FILE ROOM");
    };
    App::new()
        .insert_resource(Tickets::file(ticket))
        .add_plugins(ScheduleRunnerPlugin::run_loop(Duration::from_millis(33)))
        .add_plugins(move |app: &mut App| spectator(app, &room))
        .add_systems(Update, show)
        .run();
    Ok(())
}

/// Everything but the terminal.
fn spectator(app: &mut App, room: &str) {
    let config = ClientConfig { spectator_delay: Duration::from_millis(500), ..ClientConfig::watch(room) };
    app.add_plugins((FramekeepClientPlugins::<Arena>::new(config), PicturePlugin));
}

fn show(picture: Res<Picture>) {
    let mut out = std::io::stdout().lock();
    // A terminal that is gone ends the program by itself.
    let _ = write!(out, "\x1b[2J\x1b[H{}", picture.text).and_then(|()| out.flush());
}

#[cfg(test)]
mod tests {
    use framekeep_client::PlayMode;
    use framekeep_server::Games;
    use framekeep_tests::Apps;

    use super::*;

    fn player(app: &mut App) {
        let mut config = ClientConfig::seat::<Arena>("duel", 2);
        let options = config.room.as_mut().and_then(|join| join.create.as_mut());
        options.unwrap().spectators_max = 8;
        app.add_plugins(FramekeepClientPlugins::<Arena>::new(config));
    }

    #[test]
    fn three_hundred_frames_of_a_duel() {
        let mut apps = Apps::new(1, Games::new(framekeep_games::registry()), |_| {});
        apps.come("ada", 30, player);
        apps.come("bob", 30, player);
        apps.run_for(3.0);
        let eve = apps.come("eve", 30, |app| spectator(app, "duel"));
        apps.run_for(10.0);
        let game = apps.of::<ActiveMatch<Arena>>(eve);
        assert_eq!(game.mode(), PlayMode::Watching);
        let late = apps.stage("duel").unwrap().tick().since(game.current().unwrap().tick());
        assert!((14..=20).contains(&late), "{late} ticks late");
        let text = &apps.of::<Picture>(eve).text;
        assert!(text.contains('A') && text.contains('B') && !text.contains('@'), "{text}");
    }
}
