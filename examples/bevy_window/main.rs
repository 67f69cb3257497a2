//! The arena in a window. Arrows or WASD walk and aim, space shoots, shift dashes.
//!
//! Alone against three bots: `cargo run --release`. On a server: `cargo run --release -- ada.ticket duel`.
use bevy::camera::ScalingMode;
use bevy::input::InputSystems;
use bevy::prelude::*;
use framekeep_client::prelude::*;
use framekeep_client::{NetDiagnostics, Scoreboard};
use framekeep_games::arena::{Arena, ArenaBot, ArenaInput, Direction, Kind, TICKS_PER_S};
use framekeep_sim::{Fx, Game, Match, Tick};
use std::f32::consts::FRAC_PI_4;

type Paints = Assets<ColorMaterial>;
const BOTS: u8 = 3;

#[derive(Component)]
struct Floor;

/// A text: the score of a seat, in its colour, or the time and the network.
#[derive(Component)]
struct Says(Option<u8>);

/// One unit in every direction: entities are scaled to the size of what they draw.
#[derive(Resource)]
struct Shapes {
    disc: Handle<Mesh>,
    square: Handle<Mesh>,
}

fn main() -> AppExit {
    let mut args = std::env::args().skip(1);
    let (ticket, room) = (args.next(), args.next().unwrap_or_else(|| "duel".to_owned()));
    let window = Window { title: "Framekeep".to_owned(), resolution: (1110, 840).into(), ..default() };
    let mut app = App::new();
    app.add_plugins((
        DefaultPlugins.set(WindowPlugin { primary_window: Some(window), ..default() }),
        FramekeepClientPlugins::<Arena>::new(ClientConfig::seat::<Arena>(&room, 2)),
    ));
    match ticket {
        Some(file) => app.insert_resource(Tickets::file(file)),
        None => app.add_systems(Startup, play_alone),
    };
    app.insert_resource(ClearColor(Color::srgb(0.05, 0.05, 0.08)))
        .configure_sets(PreUpdate, ClientSystems::Input.after(InputSystems))
        .add_systems(Startup, stage)
        .add_systems(PreUpdate, press.in_set(ClientSystems::Input))
        .add_systems(Update, ((dress, place).chain(), tell))
        .add_observer(|failed: On<Failed>| eprintln!("{}", failed.0.sentence()))
        .run()
}

fn play_alone(mut game: ResMut<ActiveMatch<Arena>>) {
    let mut bots: Vec<_> = (0..=BOTS).map(|seat| ArenaBot::new(seat.into())).collect();
    let bots = move |play: &Match<Arena>, seat: u8, tick: Tick| {
        bots[usize::from(seat)].input(play.state(), seat, tick.0)
    };
    game.play_local(LocalMatch { seats: BOTS + 1, bots: Some(Box::new(bots)), ..LocalMatch::default() });
}

fn stage(mut commands: Commands, mut meshes: ResMut<Assets<Mesh>>, mut paints: ResMut<Paints>) {
    // In world units: the largest arena that ships, and two lines of text above it.
    let scaling_mode = ScalingMode::AutoMin { min_width: 37.0, min_height: 28.0 };
    let projection = OrthographicProjection { scaling_mode, ..OrthographicProjection::default_2d() };
    commands.spawn((Camera2d, Projection::Orthographic(projection), Transform::from_xyz(0.0, 1.5, 0.0)));
    let shapes = Shapes { disc: meshes.add(Circle::new(1.0)), square: meshes.add(Rectangle::new(2.0, 2.0)) };
    let paint = MeshMaterial2d(paints.add(Color::srgb(0.12, 0.13, 0.17)));
    commands.spawn((Floor, Mesh2d(shapes.square.clone()), paint, Transform::from_scale(Vec3::ZERO)));
    commands.insert_resource(shapes);
    let text = |x, y| Transform::from_xyz(x, y, 9.0).with_scale(Vec3::splat(0.03));
    commands.spawn((Says(None), Text2d::default(), text(0.0, 14.5)));
    for seat in 0..*Arena::SEATS.end() {
        let place = text(f32::from(seat) * 2.2 - 16.5, 13.2);
        let colour = TextColor(colour_of(Kind::Player as u8, seat));
        commands.spawn((Says(Some(seat)), Text2d::default(), colour, place));
    }
}

fn press(keys: Res<ButtonInput<KeyCode>>, mut input: ResMut<LocalInput<Arena>>) {
    let is_down = |these: [KeyCode; 2]| f32::from(u8::from(keys.any_pressed(these)));
    let x = is_down([KeyCode::ArrowRight, KeyCode::KeyD]) - is_down([KeyCode::ArrowLeft, KeyCode::KeyA]);
    let y = is_down([KeyCode::ArrowUp, KeyCode::KeyW]) - is_down([KeyCode::ArrowDown, KeyCode::KeyS]);
    let eighth = (y.atan2(x) / FRAC_PI_4).round().rem_euclid(8.0) as usize;
    let walk = (x != 0.0 || y != 0.0).then_some(Direction::ALL[eighth]);
    // Who stands still aims where he went.
    let aim = walk.map_or(input.0.aim, Direction::aim);
    let dash = keys.any_pressed([KeyCode::ShiftLeft, KeyCode::ShiftRight]);
    input.0 = ArenaInput { walk, aim, shoot: keys.pressed(KeyCode::Space), dash };
}

/// Gives what is new a shape and a colour; the own player a rim.
fn dress(
    new: Query<(Entity, &Mirrored), Added<Mirrored>>,
    shapes: Res<Shapes>,
    mut paints: ResMut<Paints>,
    mut commands: Commands,
) {
    for (entity, thing) in &new {
        let boxes = [Kind::Wall, Kind::Crate, Kind::Rotor, Kind::Belt, Kind::Gate].map(|kind| kind as u8);
        let is_box = boxes.contains(&thing.kind);
        let shape = if is_box { &shapes.square } else { &shapes.disc };
        let paint = MeshMaterial2d(paints.add(colour_of(thing.kind, thing.seat)));
        let mut entity = commands.entity(entity);
        entity.insert((Mesh2d(shape.clone()), paint, Transform::default()));
        if thing.is_own && thing.kind == Kind::Player as u8 {
            let rim = Transform::from_xyz(0.0, 0.0, -0.5).with_scale(Vec3::new(1.25, 1.25, 1.0));
            let paint = MeshMaterial2d(paints.add(Color::WHITE));
            entity.with_child((Mesh2d(shapes.disc.clone()), paint, rim));
        }
    }
}

fn place(
    game: Res<ActiveMatch<Arena>>,
    mut floor: Single<&mut Transform, With<Floor>>,
    mut things: Query<(&Mirrored, &DrawnPose, &mut Transform), Without<Floor>>,
) {
    let half = |length: Fx| length.to_bits() as f32 / 65_536.0 / 2.0;
    if let Some(play) = game.current() {
        floor.scale = Vec3::new(half(play.content().width), half(play.content().height), 1.0);
    }
    for (thing, at, mut transform) in &mut things {
        let depth = if thing.kind == Kind::Player as u8 { 3.0 } else { 1.0 };
        transform.translation = Vec3::new(at.pose.x, at.pose.y, depth);
        transform.rotation = Quat::from_rotation_z(at.pose.angle);
        transform.scale = Vec3::new(thing.half_width.max(0.2), thing.half_height.max(0.2), 1.0);
    }
}

fn tell(scoreboard: Res<Scoreboard>, net: Res<NetDiagnostics>, mut texts: Query<(&Says, &mut Text2d)>) {
    let (left, rtt) = (scoreboard.ticks_left / TICKS_PER_S, net.rtt.as_millis());
    for (says, mut text) in &mut texts {
        text.0 = match says.0 {
            Some(seat) => scoreboard.scores.get(usize::from(seat)).map_or_else(String::new, i32::to_string),
            None => format!("{left} s   round trip {rtt} ms   {} ticks predicted", net.predicted_ticks),
        };
    }
}

/// Players and their shots have the colours of their seats.
fn colour_of(kind: u8, seat: u8) -> Color {
    // The golden angle keeps neighbours apart.
    let hue = f32::from(seat) * 137.5 % 360.0;
    match kind {
        kind if kind == Kind::Player as u8 => Color::hsl(hue, 0.8, 0.6),
        kind if kind == Kind::Projectile as u8 => Color::hsl(hue, 0.8, 0.8),
        kind if kind == Kind::Crate as u8 => Color::srgb(0.55, 0.4, 0.25),
        kind if kind == Kind::Rotor as u8 => Color::srgb(0.6, 0.42, 0.85),
        kind if kind == Kind::Belt as u8 => Color::srgb(0.54, 0.48, 0.24),
        kind if kind == Kind::Gate as u8 => Color::srgb(0.24, 0.54, 0.51),
        kind if kind == Kind::Health as u8 => Color::srgb(0.9, 0.95, 0.9),
        kind if kind == Kind::Shield as u8 => Color::srgb(0.3, 0.7, 1.0),
        kind if kind == Kind::Rapid as u8 => Color::srgb(1.0, 0.8, 0.1),
        _ => Color::srgb(0.4, 0.42, 0.48),
    }
}
