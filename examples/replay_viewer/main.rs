//! Plays a replay of the arena in a terminal: `cargo run --release -p replay_viewer -- FILE.fkr`.
//!
//! Space pauses, left and right go five seconds back and forth, + and - change the speed, q quits.

use std::io::Write as _;
use std::path::Path;
use std::time::Duration;

use anyhow::Context;
use arena_picture::{Picture, PicturePlugin};
use bevy_app::{App, AppExit, PreUpdate, ScheduleRunnerPlugin, Update};
use bevy_ecs::prelude::{IntoScheduleConfigs, MessageWriter, Res, ResMut};
use crossterm::event::{Event, KeyCode, KeyEventKind, poll, read};
use crossterm::{cursor, execute, terminal};
use framekeep_client::ReplayPlayer;
use framekeep_client::prelude::*;
use framekeep_games::arena::Arena;
use framekeep_journal::Replay;
use framekeep_sim::Tick;

fn main() -> anyhow::Result<()> {
    let path = std::env::args().nth(1).context("usage: replay_viewer FILE.fkr")?;
    let mut app = App::new();
    app.add_plugins(ScheduleRunnerPlugin::run_loop(Duration::from_millis(16)));
    viewer(&mut app, Path::new(&path))?;
    app.add_systems(PreUpdate, read_keys.in_set(ClientSystems::Input)).add_systems(Update, show);
    terminal::enable_raw_mode()?;
    execute!(std::io::stdout(), terminal::EnterAlternateScreen, cursor::Hide)?;
    app.run();
    execute!(std::io::stdout(), cursor::Show, terminal::LeaveAlternateScreen)?;
    terminal::disable_raw_mode()?;
    Ok(())
}

/// Everything but the terminal.
fn viewer(app: &mut App, path: &Path) -> anyhow::Result<()> {
    let bytes = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    let replay = Replay::read(bytes).with_context(|| format!("{} is no replay", path.display()))?;
    app.add_plugins((FramekeepClientPlugins::<Arena>::default(), PicturePlugin));
    let mut game = app.world_mut().resource_mut::<ActiveMatch<Arena>>();
    if let Err(fault) = game.play_replay(&replay) {
        game.play_replay_by_any_rules(&replay)?;
        eprintln!("{fault}; what follows may differ from what was played");
    }
    Ok(())
}

fn read_keys(mut game: ResMut<ActiveMatch<Arena>>, mut exit: MessageWriter<AppExit>) {
    while poll(Duration::ZERO).unwrap_or(false) {
        let Ok(Event::Key(key)) = read() else { continue };
        if matches!(key.code, KeyCode::Char('q') | KeyCode::Esc) {
            exit.write(AppExit::Success);
        } else if let Some(player) = game.replay_mut().filter(|_| key.kind != KeyEventKind::Release) {
            press(player, key.code);
        }
    }
}

fn press(player: &mut ReplayPlayer<Arena>, key: KeyCode) {
    let five_seconds = u32::from(player.header().tick_rate_hz) * 5;
    let tick = player.tick();
    match key {
        KeyCode::Char(' ') if player.is_playing() => player.pause(),
        KeyCode::Char(' ') => player.play(),
        KeyCode::Char('+') => player.set_speed(player.speed() * 2.0),
        KeyCode::Char('-') => player.set_speed(player.speed() / 2.0),
        KeyCode::Left => seek(player, tick.earlier(five_seconds)),
        KeyCode::Right => seek(player, tick.later(five_seconds)),
        _ => {}
    }
}

fn seek(player: &mut ReplayPlayer<Arena>, tick: Tick) {
    // A state in the file that is none of this game leaves the picture where it is.
    let _ = player.seek(tick);
}

fn show(picture: Res<Picture>) {
    let mut out = std::io::stdout().lock();
    // A terminal that is gone ends the program by itself.
    let _ = write!(out, "\x1b[H{}", picture.text).and_then(|()| out.flush());
}

#[cfg(test)]
mod tests {
    use framekeep_client::ClientClock;

    use super::*;

    #[test]
    fn three_hundred_frames_of_a_replay() {
        let begin = Duration::from_secs(1);
        let mut app = App::new();
        app.insert_resource(ClientClock::manual(begin));
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../assets/replays/courtyard_duel.fkr");
        viewer(&mut app, &path).unwrap();
        let (mut both, mut text) = (0, String::new());
        for frame in 0..300 {
            app.world_mut().resource_mut::<ClientClock>().set(begin + Duration::from_millis(16) * frame);
            app.update();
            text.clone_from(&app.world().resource::<Picture>().text);
            both += u32::from(text.contains('A') && text.contains('B'));
        }
        // Who was hit is away for a while.
        assert!(both > 100, "both are in {both} pictures, the last of which is\n{text}");
        let mut game = app.world_mut().resource_mut::<ActiveMatch<Arena>>();
        let player = game.replay_mut().unwrap();
        assert_eq!(player.tick(), Tick(144));
        for (key, tick) in [(KeyCode::Right, 294), (KeyCode::Left, 144), (KeyCode::Left, 0)] {
            press(player, key);
            assert_eq!(player.tick(), Tick(tick));
        }
        press(player, KeyCode::Char('+'));
        press(player, KeyCode::Char(' '));
        assert!(player.speed() == 2.0 && !player.is_playing());
    }
}
