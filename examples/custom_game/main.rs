//! A client for a game of one's own, without a window: `cargo run -p custom_game -- ada.token`, or alone without a
//! ticket. A server for it is made as in `examples/own_game`.

use std::time::Duration;

use bevy_app::{App, PreUpdate, ScheduleRunnerPlugin, Startup, Update};
use bevy_ecs::prelude::{IntoScheduleConfigs, MessageReader, On, Res, ResMut};
use framekeep_client::prelude::*;
use sumo::{OutOfRing, Push, Sumo};

fn main() {
    App::new()
        .insert_resource(std::env::args().nth(1).map_or_else(Tickets::default, Tickets::file))
        .add_plugins((ScheduleRunnerPlugin::run_loop(Duration::from_millis(16)), client))
        .add_systems(Startup, |mut game: ResMut<ActiveMatch<Sumo>>| game.play_local(LocalMatch::default()))
        .run();
}

fn client(app: &mut App) {
    app.add_plugins(FramekeepClientPlugins::<Sumo>::new(ClientConfig::seat::<Sumo>("dohyo", 2)))
        .add_systems(PreUpdate, press.in_set(ClientSystems::Input))
        .add_systems(Update, (cheer, gasp))
        .add_observer(complain);
}

/// Runs in circles; a person would press keys.
fn press(game: Res<ActiveMatch<Sumo>>, mut input: ResMut<LocalInput<Sumo>>) {
    let tick = game.current().map_or(0, |play| play.tick().0);
    input.0 = Push::toward((tick / 4 % 16) as u8);
}

/// A sound that may turn out wrong: played at once.
fn gasp(mut events: MessageReader<Predicted<OutOfRing>>) {
    for event in events.read() {
        println!("seat {} may be out", event.event.seat);
    }
}

/// What went wrong, in a sentence.
fn complain(failed: On<Failed>) {
    eprintln!("{}", failed.0.sentence());
}

/// What is certain: told exactly once.
fn cheer(mut events: MessageReader<Confirmed<OutOfRing>>) {
    for event in events.read() {
        println!("seat {} is out", event.event.seat);
    }
}

#[cfg(test)]
mod tests {
    use framekeep_server::Games;
    use framekeep_sim::GameRegistry;
    use framekeep_tests::Apps;

    use super::*;

    #[test]
    fn a_whole_match_on_a_server() {
        let mut apps = Apps::new(1, Games::new(GameRegistry::new().with::<Sumo>()), |_| {});
        for name in ["ada", "bob"] {
            apps.come(name, 60, client);
        }
        let has_ended = |apps: &Apps, number| apps.of::<ActiveMatch<Sumo>>(number).ended().is_some();
        apps.run_until("both see the end", |apps| has_ended(apps, 0) && has_ended(apps, 1));
        for number in 0..2 {
            let game = apps.of::<ActiveMatch<Sumo>>(number);
            let (end, play) = (game.ended().unwrap(), game.confirmed().unwrap());
            assert_eq!(end.hash, play.hash(&mut Vec::new()));
            assert_eq!(end.outcome, play.outcome());
        }
    }
}
