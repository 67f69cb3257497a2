//! `Canvas`, pixels with numbers of colours.

use super::digits::{DIGIT_HEIGHT, DIGIT_WIDTH, glyph};
use super::look::BACKGROUND;

/// A rectangle of pixels; each is the number of a colour. Whatever is drawn outside is cut off.
#[derive(Clone, Debug)]
pub(crate) struct Canvas {
    pub(crate) width: usize,
    pub(crate) height: usize,
    pub(crate) pixels: Vec<u8>,
}

/// A box that may be turned, in pixels.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Turned {
    pub(crate) x: f32,
    pub(crate) y: f32,
    pub(crate) half_width: f32,
    pub(crate) half_height: f32,
    /// Radians, clockwise on the screen.
    pub(crate) angle: f32,
}

impl Canvas {
    pub(crate) fn new(width: usize, height: usize) -> Self {
        Self { width, height, pixels: vec![BACKGROUND; width * height] }
    }

    pub(crate) fn pixel(&self, x: usize, y: usize) -> u8 {
        if x < self.width && y < self.height { self.pixels[y * self.width + x] } else { BACKGROUND }
    }

    /// Colours what `inside` says of the pixels around a place.
    fn fill(&mut self, (x, y): (f32, f32), reach: f32, colour: u8, inside: impl Fn(f32, f32) -> bool) {
        let clamp = |value: f32, limit: usize| (value.max(0.0) as usize).min(limit);
        let (left, right) = (clamp(x - reach, self.width), clamp(x + reach + 2.0, self.width));
        let (top, bottom) = (clamp(y - reach, self.height), clamp(y + reach + 2.0, self.height));
        for row in top..bottom {
            for column in left..right {
                if inside(column as f32 + 0.5 - x, row as f32 + 0.5 - y) {
                    self.pixels[row * self.width + column] = colour;
                }
            }
        }
    }

    pub(crate) fn disc(&mut self, place: (f32, f32), radius: f32, colour: u8) {
        // Never smaller than a pixel: what exists is seen.
        let radius = radius.max(0.6);
        self.fill(place, radius, colour, |x, y| x * x + y * y <= radius * radius);
    }

    pub(crate) fn ring(&mut self, place: (f32, f32), radius: f32, thickness: f32, colour: u8) {
        let inner = (radius - thickness).max(0.0);
        let within = |x: f32, y: f32| (inner * inner..=radius * radius).contains(&(x * x + y * y));
        self.fill(place, radius, colour, within);
    }

    pub(crate) fn turned(&mut self, shape: Turned, colour: u8) {
        let Turned { x, y, half_width, half_height, angle } = shape;
        let (half_width, half_height) = (half_width.max(0.5), half_height.max(0.5));
        let (sin, cos) = angle.sin_cos();
        self.fill((x, y), half_width.hypot(half_height), colour, |x, y| {
            let (along, across) = (x * cos + y * sin, y * cos - x * sin);
            along.abs() <= half_width && across.abs() <= half_height
        });
    }

    /// Writes digits and the few signs there are; gives where the next one would stand.
    pub(crate) fn text(&mut self, mut x: usize, y: usize, scale: usize, colour: u8, text: &str) -> usize {
        for character in text.chars() {
            for (row, bits) in glyph(character).iter().enumerate() {
                for column in 0..DIGIT_WIDTH {
                    if bits >> (DIGIT_WIDTH - 1 - column) & 1 == 1 {
                        self.block(x + column * scale, y + row * scale, scale, colour);
                    }
                }
            }
            x += (DIGIT_WIDTH + 1) * scale;
        }
        x
    }

    /// How high text of that scale is.
    pub(crate) const fn text_height(scale: usize) -> usize {
        DIGIT_HEIGHT * scale
    }

    fn block(&mut self, x: usize, y: usize, size: usize, colour: u8) {
        for row in y..(y + size).min(self.height) {
            for column in x..(x + size).min(self.width) {
                self.pixels[row * self.width + column] = colour;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Canvas, Turned};

    fn count(canvas: &Canvas) -> usize {
        canvas.pixels.iter().filter(|&&pixel| pixel == 7).count()
    }

    #[test]
    fn shapes_cover_their_areas() {
        let mut canvas = Canvas::new(100, 100);
        canvas.disc((50.0, 50.0), 20.0, 7);
        assert!((1_200..1_310).contains(&count(&canvas)), "{}", count(&canvas));
        let mut canvas = Canvas::new(100, 100);
        let shape = Turned { x: 50.0, y: 50.0, half_width: 20.0, half_height: 5.0, angle: 0.7 };
        canvas.turned(shape, 7);
        assert!((380..420).contains(&count(&canvas)), "{}", count(&canvas));
    }

    #[test]
    fn what_is_outside_is_cut_off() {
        let mut canvas = Canvas::new(10, 10);
        canvas.disc((-50.0, 1e9), 20.0, 7);
        canvas.disc((f32::NAN, 0.0), 20.0, 7);
        canvas.text(9, 9, 4, 7, "-88:88");
        assert_eq!(count(&canvas), 0);
        canvas.disc((0.0, 0.0), 1e9, 7);
        assert_eq!(count(&canvas), 100);
    }
}
