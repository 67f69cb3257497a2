//! `Scene`, where a match is looked at from.

use framekeep_sim::{View, ViewBody};

use super::canvas::{Canvas, Turned};
use super::look::{Backdrop, Form, LINE, TEXT, backdrop, look, seat_colour};

/// World units in a view's numbers.
const UNIT: f32 = 65_536.0;
/// What is left free around the world, as a part of it.
const MARGIN: f32 = 0.02;
/// Pictures are at most this many times as high as wide, and the other way round.
const ASPECT_MAX: f32 = 1.6;
/// The part of the world that pictures show, in world units, and the game they are of.
#[derive(Clone, Debug)]
pub(crate) struct Scene {
    game: String,
    left: f32,
    right: f32,
    bottom: f32,
    top: f32,
}

impl Scene {
    /// A scene that shows nothing yet.
    pub(crate) fn empty(game: &str) -> Self {
        let (left, right) = (f32::INFINITY, f32::NEG_INFINITY);
        Self { game: game.to_owned(), left, right, bottom: left, top: right }
    }

    /// Goes far enough to show a body.
    pub(crate) fn include(&mut self, body: &ViewBody) {
        let [x, y, half_width, half_height] =
            [body.x, body.y, body.half_width, body.half_height].map(|value| value as f32 / UNIT);
        let reach = if body.angle == 0 {
            (half_width, half_height)
        } else {
            let reach = half_width.max(half_height);
            (reach, reach)
        };
        self.left = self.left.min(x - reach.0);
        self.right = self.right.max(x + reach.0);
        self.bottom = self.bottom.min(y - reach.1);
        self.top = self.top.max(y + reach.1);
    }

    /// With a margin, and neither too flat nor empty.
    pub(crate) fn padded(mut self) -> Self {
        if self.left > self.right || self.bottom > self.top {
            (self.left, self.right, self.bottom, self.top) = (-1.0, 1.0, -1.0, 1.0);
        }
        let (width, height) = (self.right - self.left, self.top - self.bottom);
        let margin = width.max(height).max(1.0) * MARGIN;
        let wider = (height / ASPECT_MAX - width).max(0.0) / 2.0 + margin;
        let higher = (width / ASPECT_MAX - height).max(0.0) / 2.0 + margin;
        self.left -= wider;
        self.right += wider;
        self.bottom -= higher;
        self.top += higher;
        self
    }

    /// How high a picture of that width is.
    pub(crate) fn height_of(&self, width: usize) -> usize {
        let height = (self.top - self.bottom) / (self.right - self.left) * width as f32;
        (height.round() as usize).clamp(1, 8 * width)
    }

    /// Draws a view into the part of the canvas below `head` pixels.
    pub(crate) fn draw(&self, view: &View, canvas: &mut Canvas, head: usize) {
        let scale = self.scale(canvas, head);
        if backdrop(&self.game) == Backdrop::StrikeLine {
            let (x, y) = self.place(canvas, head, (self.left + self.right) / 2.0, 0.0);
            let shape =
                Turned { x, y, half_width: canvas.width as f32, half_height: 0.04 * scale, angle: 0.0 };
            canvas.turned(shape, LINE);
        }
        // What stands is drawn first, so that what moves is never hidden.
        let (moving, standing): (Vec<_>, Vec<_>) = view.bodies.iter().partition(|body| body.seat != u8::MAX);
        for body in standing.into_iter().chain(moving) {
            self.body(body, canvas, head, scale);
        }
    }

    /// The score of every seat in its colour, and the time.
    pub(crate) fn write_head(view: &View, time: &str, canvas: &mut Canvas, scale: usize) {
        let mut x = canvas.text(scale, scale, scale, TEXT, time) + 2 * scale;
        for (seat, score) in (0..=u8::MAX).zip(&view.scores) {
            x = canvas.text(x, scale, scale, seat_colour(seat), &score.to_string()) + 2 * scale;
        }
    }

    fn body(&self, body: &ViewBody, canvas: &mut Canvas, head: usize, scale: f32) {
        let [x, y, half_width, half_height] =
            [body.x, body.y, body.half_width, body.half_height].map(|value| value as f32 / UNIT);
        let place = self.place(canvas, head, x, y);
        let (half_width, half_height) = (half_width * scale, half_height * scale);
        // Up is positive in the world and negative on the screen.
        let angle = -f32::from(body.angle) / UNIT * std::f32::consts::TAU;
        let (form, colour) = look(&self.game, body);
        match form {
            Form::Disc => canvas.disc(place, half_width, colour),
            Form::Ring => canvas.ring(place, half_width, (half_width * 0.4).max(1.0), colour),
            Form::Box => {
                let (x, y) = place;
                canvas.turned(Turned { x, y, half_width, half_height, angle }, colour);
            }
            Form::Pointing => {
                canvas.disc(place, half_width, colour);
                let (sin, cos) = angle.sin_cos();
                let (x, y) = (place.0 + cos * half_width, place.1 + sin * half_width);
                let (half_width, half_height) = (half_width * 0.45, half_width * 0.18);
                canvas.turned(Turned { x, y, half_width, half_height, angle }, TEXT);
            }
        }
    }

    fn scale(&self, canvas: &Canvas, head: usize) -> f32 {
        let height = canvas.height.saturating_sub(head) as f32;
        (canvas.width as f32 / (self.right - self.left)).min(height / (self.top - self.bottom))
    }

    /// A place of the world on the canvas, the scene being in its middle.
    fn place(&self, canvas: &Canvas, head: usize, x: f32, y: f32) -> (f32, f32) {
        let (scale, height) = (self.scale(canvas, head), canvas.height.saturating_sub(head) as f32);
        let (middle, centre) = ((self.left + self.right) / 2.0, (self.bottom + self.top) / 2.0);
        let across = canvas.width as f32 / 2.0 + (x - middle) * scale;
        (across, head as f32 + height / 2.0 - (y - centre) * scale)
    }
}
