//! The arena as text: two by four dots in every character.

use std::time::Duration;

use bevy_app::{App, Plugin, Update};
use bevy_ecs::prelude::{MessageReader, Query, Res, ResMut, Resource};
use framekeep_client::prelude::{DrawnPose, Mirrored};
use framekeep_client::{ActiveMatch, Failed, NetDiagnostics, Pose, Scoreboard};
use framekeep_games::arena::{Arena, Kind, TICKS_PER_S};

/// Half the size of what is shown, in world units: the largest arena that ships.
const HALF_WIDTH: f32 = 18.0;
const HALF_HEIGHT: f32 = 12.0;

/// Draws whatever is mirrored into [`Picture`], once a frame.
pub struct PicturePlugin;

impl Plugin for PicturePlugin {
    fn build(&self, app: &mut App) {
        app.init_resource::<Picture>().add_systems(Update, paint);
    }
}

/// The picture of this frame.
#[derive(Resource, Debug)]
pub struct Picture {
    /// Characters in a line.
    pub columns: usize,
    /// Lines, the line of scores apart.
    pub rows: usize,
    /// Lines of text, each ended by `\r\n`, as a terminal in raw mode wants them.
    pub text: String,
    /// What went wrong last, until there is something to see again.
    pub failure: Option<String>,
}

impl Default for Picture {
    fn default() -> Self {
        Self { columns: 78, rows: 26, text: String::new(), failure: None }
    }
}

fn paint(
    things: Query<(&Mirrored, &DrawnPose)>,
    scoreboard: Res<Scoreboard>,
    net: Res<NetDiagnostics>,
    game: Res<ActiveMatch<Arena>>,
    mut failed: MessageReader<Failed>,
    mut picture: ResMut<Picture>,
) {
    if let Some(Failed(reason)) = failed.read().last() {
        picture.failure = Some(reason.sentence());
    }
    let mut canvas = Canvas::new(picture.columns, picture.rows);
    for (thing, at) in &things {
        let (x, y) = (at.pose.x, at.pose.y);
        let (w, h) = (thing.half_width.max(0.2), thing.half_height.max(0.2));
        if thing.kind == Kind::Rotor as u8 || thing.kind == Kind::Gate as u8 {
            canvas.bar(at.pose, w, h);
        } else {
            let boxes = [Kind::Wall, Kind::Crate, Kind::Belt].map(|kind| kind as u8);
            canvas.fill(x, y, w, h, !boxes.contains(&thing.kind));
        }
        if thing.kind == Kind::Player as u8 {
            let letter = if thing.is_own { '@' } else { char::from(b'A' + thing.seat % 26) };
            canvas.letter(x, y, letter);
        } else if let Some(letter) = letter_of(thing.kind) {
            canvas.letter(x, y, letter);
        }
    }
    picture.text = canvas.text();
    let status = status(&mut picture, !things.is_empty(), &scoreboard, &net, &game);
    let columns = picture.columns;
    picture.text.extend(status.chars().chain(std::iter::repeat(' ')).take(columns));
    picture.text.push_str("\r\n");
}

/// The line under the picture: figures, or what went wrong while there is nothing to see.
fn status(
    picture: &mut Picture,
    is_shown: bool,
    scoreboard: &Scoreboard,
    net: &NetDiagnostics,
    game: &ActiveMatch<Arena>,
) -> String {
    if is_shown {
        picture.failure = None;
    }
    if let Some(failure) = &picture.failure {
        return failure.clone();
    }
    let hertz = |period: Duration| (1.0 / period.as_secs_f64()).round() as u32;
    let rate = game.rollback().map_or(TICKS_PER_S, |play| hertz(play.clock().period()));
    format!(
        "{:>3} s  scores {:?}  round trip {} ms, {} ticks predicted, {} corrections",
        scoreboard.ticks_left / rate.max(1),
        scoreboard.scores,
        net.rtt.as_millis(),
        net.predicted_ticks,
        net.rollbacks,
    )
}

/// Pick-ups have letters.
fn letter_of(kind: u8) -> Option<char> {
    let letters = [(Kind::Health, '+'), (Kind::Shield, 'O'), (Kind::Rapid, '!')];
    letters.iter().find(|(of, _)| *of as u8 == kind).map(|&(_, letter)| letter)
}

/// Characters of two by four dots (Unicode's Braille patterns).
struct Canvas {
    columns: usize,
    rows: usize,
    dots: Vec<u8>,
    letters: Vec<Option<char>>,
}

impl Canvas {
    fn new(columns: usize, rows: usize) -> Self {
        Self { columns, rows, dots: vec![0; columns * rows], letters: vec![None; columns * rows] }
    }

    /// Where a place of the world is, in dots.
    fn dot(&self, x: f32, y: f32) -> (f32, f32) {
        let (width, height) = (self.columns as f32 * 2.0, self.rows as f32 * 4.0);
        ((x / HALF_WIDTH + 1.0) * width / 2.0, (1.0 - y / HALF_HEIGHT) * height / 2.0)
    }

    fn fill(&mut self, x: f32, y: f32, half_width: f32, half_height: f32, is_round: bool) {
        let (left, top) = self.dot(x - half_width, y + half_height);
        let (right, bottom) = self.dot(x + half_width, y - half_height);
        for row in top.max(0.0) as usize..=bottom.max(0.0) as usize {
            for column in left.max(0.0) as usize..=right.max(0.0) as usize {
                let across = (column as f32 + 0.5 - left) / (right - left) * 2.0 - 1.0;
                let down = (row as f32 + 0.5 - top) / (bottom - top) * 2.0 - 1.0;
                if !is_round || across * across + down * down <= 1.0 {
                    self.set(column, row);
                }
            }
        }
    }

    /// A box that is turned, and longer than thick: discs side by side.
    fn bar(&mut self, at: Pose, half_length: f32, half_width: f32) {
        let (sin, cos) = at.angle.sin_cos();
        for part in -6_i8..=6 {
            let along = f32::from(part) / 6.0 * (half_length - half_width).max(0.0);
            self.fill(at.x + cos * along, at.y + sin * along, half_width, half_width, true);
        }
    }

    fn set(&mut self, column: usize, row: usize) {
        const BITS: [[u8; 2]; 4] = [[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]];
        if column / 2 < self.columns && row / 4 < self.rows {
            self.dots[row / 4 * self.columns + column / 2] |= BITS[row % 4][column % 2];
        }
    }

    fn letter(&mut self, x: f32, y: f32, letter: char) {
        let (column, row) = self.dot(x, y);
        let (column, row) = (column.max(0.0) as usize / 2, row.max(0.0) as usize / 4);
        if column < self.columns && row < self.rows {
            self.letters[row * self.columns + column] = Some(letter);
        }
    }

    fn text(&self) -> String {
        let mut text = String::with_capacity(self.dots.len() * 3 + self.rows * 2);
        for (row, dots) in self.dots.chunks(self.columns).enumerate() {
            for (column, &bits) in dots.iter().enumerate() {
                let dots = char::from_u32(0x2800 + u32::from(bits)).unwrap_or(' ');
                text.push(self.letters[row * self.columns + column].unwrap_or(dots));
            }
            text.push_str("\r\n");
        }
        text
    }
}
