//! `Canvas`, a picture that is drawn large and averaged, so that edges are smooth.

use std::fs::File;
use std::io::BufWriter;
use std::path::Path;

use anyhow::Result;

/// Red, green, blue.
pub(crate) type Rgb = [u8; 3];
/// A place on the canvas, in pixels of the picture.
pub(crate) type Place = (f32, f32);

/// Drawn pixels for one of the picture, in each direction.
const SMOOTH: usize = 3;

/// A picture.
pub(crate) struct Canvas {
    width: usize,
    height: usize,
    pixels: Vec<Rgb>,
}

impl Canvas {
    pub(crate) fn new(width: usize, height: usize, background: Rgb) -> Self {
        let pixels = vec![background; width * height * SMOOTH * SMOOTH];
        Self { width, height, pixels }
    }

    /// Mixes a colour into everything around a place of which `inside` says that it is to be coloured.
    pub(crate) fn fill(
        &mut self,
        (x, y): Place,
        reach: f32,
        (colour, opacity): (Rgb, f32),
        inside: impl Fn(f32, f32) -> bool,
    ) {
        let (large, wide, high) = (SMOOTH as f32, self.width * SMOOTH, self.height * SMOOTH);
        let clamp = |value: f32, limit: usize| ((value * large).max(0.0) as usize).min(limit);
        let (left, right) = (clamp(x - reach, wide), clamp(x + reach + 1.0, wide));
        let (top, bottom) = (clamp(y - reach, high), clamp(y + reach + 1.0, high));
        for row in top..bottom {
            for column in left..right {
                if inside((column as f32 + 0.5) / large - x, (row as f32 + 0.5) / large - y) {
                    for (part, new) in self.pixels[row * wide + column].iter_mut().zip(colour) {
                        *part = (f32::from(*part) * (1.0 - opacity) + f32::from(new) * opacity) as u8;
                    }
                }
            }
        }
    }

    /// A line of a thickness.
    pub(crate) fn line(&mut self, from: Place, to: Place, thickness: f32, paint: (Rgb, f32)) {
        let (x, y) = (to.0 - from.0, to.1 - from.1);
        let squared = (x * x + y * y).max(1e-6);
        let middle = ((from.0 + to.0) / 2.0, (from.1 + to.1) / 2.0);
        self.fill(middle, squared.sqrt() / 2.0 + thickness, paint, |at_x, at_y| {
            let (at_x, at_y) = (at_x + x / 2.0, at_y + y / 2.0);
            let part = ((at_x * x + at_y * y) / squared).clamp(0.0, 1.0);
            (at_x - part * x).hypot(at_y - part * y) <= thickness / 2.0
        });
    }

    pub(crate) fn disc(&mut self, place: Place, radius: f32, paint: (Rgb, f32)) {
        self.fill(place, radius, paint, |x, y| x.hypot(y) <= radius);
    }

    /// Writes it as a PNG.
    pub(crate) fn write(&self, path: &Path) -> Result<()> {
        let mut encoder =
            png::Encoder::new(BufWriter::new(File::create(path)?), self.width as u32, self.height as u32);
        encoder.set_color(png::ColorType::Rgb);
        encoder.set_depth(png::BitDepth::Eight);
        encoder.write_header()?.write_image_data(&self.averaged())?;
        Ok(())
    }

    fn averaged(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.width * self.height * 3);
        for place in 0..self.width * self.height {
            let (x, y) = (place % self.width * SMOOTH, place / self.width * SMOOTH);
            let mut sums = [0_usize; 3];
            for part in 0..SMOOTH * SMOOTH {
                let pixel = self.pixels[(y + part / SMOOTH) * self.width * SMOOTH + x + part % SMOOTH];
                sums.iter_mut().zip(pixel).for_each(|(sum, part)| *sum += usize::from(part));
            }
            bytes.extend(sums.map(|sum| (sum / (SMOOTH * SMOOTH)) as u8));
        }
        bytes
    }
}
