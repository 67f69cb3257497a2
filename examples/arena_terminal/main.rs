//! The arena in a terminal. Arrows or WASD walk, x stands, space shoots or stops, e dashes, q quits.
//!
//! Alone against three bots: `cargo run --release -p arena_terminal`. On a server: start one, make a ticket with
//! `framekeep token`, and `cargo run --release -p arena_terminal -- ada.token duel`.

mod keys;
#[cfg(test)]
mod tests;

use std::io::Write as _;
use std::time::Duration;

use arena_picture::{Picture, PicturePlugin};
use bevy_app::{App, AppExit, PreUpdate, ScheduleRunnerPlugin, Startup, Update};
use bevy_ecs::prelude::{IntoScheduleConfigs, MessageWriter, Res, ResMut};
use crossterm::event::{Event, KeyCode, KeyEventKind, poll, read};
use crossterm::{cursor, execute, terminal};
use framekeep_client::prelude::*;
use framekeep_games::arena::{Arena, ArenaBot};
use framekeep_sim::{Match, Tick};

use crate::keys::Keys;

const BOTS: u8 = 3;

fn main() -> anyhow::Result<()> {
    let mut args = std::env::args().skip(1);
    let mut app = App::new();
    app.add_plugins(ScheduleRunnerPlugin::run_loop(Duration::from_millis(16)));
    match args.next() {
        Some(ticket) => {
            let room = args.next().unwrap_or_else(|| "duel".to_owned());
            app.insert_resource(Tickets::file(ticket)).add_plugins(move |app: &mut App| client(app, &room));
        }
        None => {
            app.add_plugins(|app: &mut App| client(app, "nowhere")).add_systems(Startup, play_alone);
        }
    }
    app.add_systems(PreUpdate, read_keys.before(press)).add_systems(Update, show);
    terminal::enable_raw_mode()?;
    execute!(std::io::stdout(), terminal::EnterAlternateScreen, cursor::Hide)?;
    let exit = app.run();
    execute!(std::io::stdout(), cursor::Show, terminal::LeaveAlternateScreen)?;
    terminal::disable_raw_mode()?;
    anyhow::ensure!(exit.is_success(), "the game ended with an error");
    Ok(())
}

/// Everything but the terminal.
fn client(app: &mut App, room: &str) {
    app.add_plugins((
        FramekeepClientPlugins::<Arena>::new(ClientConfig::seat::<Arena>(room, 2)),
        PicturePlugin,
    ))
    .init_resource::<Keys>()
    .add_systems(PreUpdate, press.in_set(ClientSystems::Input));
}

fn play_alone(mut game: ResMut<ActiveMatch<Arena>>) {
    let mut bots: Vec<_> = (0..=BOTS).map(|seat| ArenaBot::new(seat.into())).collect();
    let bots = move |play: &Match<Arena>, seat: u8, tick: Tick| {
        bots[usize::from(seat)].input(play.state(), seat, tick.0)
    };
    game.play_local(LocalMatch { seats: BOTS + 1, bots: Some(Box::new(bots)), ..LocalMatch::default() });
}

fn press(mut keys: ResMut<Keys>, mut input: ResMut<LocalInput<Arena>>) {
    input.0 = keys.input();
}

fn read_keys(mut keys: ResMut<Keys>, mut exit: MessageWriter<AppExit>) {
    while poll(Duration::ZERO).unwrap_or(false) {
        let Ok(Event::Key(key)) = read() else { continue };
        match key.code {
            KeyCode::Char('q') | KeyCode::Esc => {
                exit.write(AppExit::Success);
            }
            code if key.kind != KeyEventKind::Release => keys.press(code),
            _ => {}
        }
    }
}

fn show(picture: Res<Picture>) {
    let mut out = std::io::stdout().lock();
    // A terminal that is gone ends the program by itself.
    let _ = write!(out, "\x1b[H{}", picture.text).and_then(|()| out.flush());
}
