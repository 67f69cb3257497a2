//! Coins: take the coin before the others do. `cargo run -p minimal`, or online: `cargo run -p minimal -- ada.token`.
use bevy_app::{App, PreUpdate, ScheduleRunnerPlugin, Startup, Update};
use bevy_ecs::prelude::{IntoScheduleConfigs, On, Query, Res, ResMut};
use framekeep_client::prelude::*;
use framekeep_sim::{Frame, Game, Input, Outcome, View, ViewBody};

enum Coins {}
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Run(i8); // -1 left, 0 stand, 1 right
impl Input for Run {
    const BITS: u32 = 2;
    fn pack(self) -> u64 {
        [2, 0, 1][(self.0 + 1) as usize]
    }
    fn unpack(bits: u64) -> Self {
        Self([0, 1, -1, 0][bits as usize & 3])
    }
}
#[derive(Clone, serde::Serialize, serde::Deserialize)]
struct Beach {
    places: Vec<i32>,
    coin: i32,
}

impl Game for Coins {
    const NAME: &'static str = "coins";
    const VERSION: u32 = 1;
    const SEATS: std::ops::RangeInclusive<u8> = 1..=8;
    type Config = ();
    type Input = Run;
    type State = Beach;
    type Event = u8; // the seat that took the coin
    fn default_content() {}
    fn start((): &(), seed: u64, seats: u8) -> Beach {
        Beach { places: vec![0; seats.into()], coin: (seed % 20) as i32 + 1 }
    }
    fn step((): &(), beach: &mut Beach, frame: &Frame, events: &mut Vec<u8>) {
        for (seat, place) in (0..).zip(&mut beach.places) {
            *place = (*place + i32::from(frame.input::<Run>(seat).0)).clamp(-20, 20);
            if *place == beach.coin {
                beach.coin = (beach.coin + 20) * 17 % 41 - 20;
                events.push(seat);
            }
        }
    }
    fn outcome((): &(), _: &Beach) -> Option<Outcome> {
        None // it goes on until nobody is left
    }
    fn view((): &(), beach: &Beach, view: &mut View) {
        let body = |(id, x)| ViewBody { id, seat: id as u8, x: x << 16, ..ViewBody::default() };
        view.bodies.extend((0..).zip(beach.places.iter().copied().chain([beach.coin])).map(body));
    }
}

fn press(game: Res<ActiveMatch<Coins>>, mut input: ResMut<LocalInput<Coins>>) {
    let Some((play, seat)) = game.current().zip(game.seat()) else { return };
    input.0 = Run((play.state().coin - play.state().places[usize::from(seat)]).signum() as i8);
}

fn draw(things: Query<(&Mirrored, &DrawnPose)>) {
    let mut line = [b'.'; 41];
    things.iter().for_each(|(thing, at)| line[(at.pose.x + 20.5) as usize] = b'0' + thing.id as u8);
    println!("\x1b[A{}", String::from_utf8_lossy(&line));
}

fn client(app: &mut App) {
    app.add_plugins(FramekeepClientPlugins::<Coins>::new(ClientConfig::seat::<Coins>("beach", 2)))
        .add_systems(Startup, |mut it: ResMut<ActiveMatch<Coins>>| it.play_local(LocalMatch::default()))
        .add_systems(PreUpdate, press.in_set(ClientSystems::Input))
        .add_systems(Update, draw)
        .add_observer(|failed: On<Failed>| eprintln!("{}\n", failed.0.sentence()));
}

fn main() {
    App::new()
        .insert_resource(std::env::args().nth(1).map_or_else(Tickets::default, Tickets::file))
        .add_plugins((client, ScheduleRunnerPlugin::run_loop(std::time::Duration::from_millis(16))))
        .run();
}

#[cfg(test)]
mod tests;
