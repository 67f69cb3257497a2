//! Pixels as braille: each character shows two by four of them.

use std::fmt::Write as _;

use crate::picture::{Canvas, PALETTE};

/// The dot of each pixel of a character, by row and column.
const DOTS: [[u32; 2]; 4] = [[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]];
/// The character without dots.
const BLANK: u32 = 0x2800;

/// Appends a canvas, row by row; a character has the colour that most of its dots have.
pub(super) fn write(canvas: &Canvas, plain: bool, line_end: &str, text: &mut String) {
    for row in (0..canvas.height).step_by(4) {
        let (start, mut colour) = (text.len(), 0);
        for column in (0..canvas.width).step_by(2) {
            let (dots, most) = cell(canvas, column, row);
            if !plain && dots != 0 && most != colour {
                colour = most;
                let [red, green, blue] = PALETTE[usize::from(colour) % PALETTE.len()];
                let _ = write!(text, "\x1b[38;2;{red};{green};{blue}m");
            }
            text.push(if dots == 0 { ' ' } else { char::from_u32(BLANK + dots).unwrap_or(' ') });
        }
        let kept = text[start..].trim_end_matches(' ').len();
        text.truncate(start + kept);
        if colour != 0 {
            text.push_str("\x1b[0m");
        }
        text.push_str(line_end);
    }
}

/// The dots of a character and the colour most of them have.
fn cell(canvas: &Canvas, column: usize, row: usize) -> (u32, u8) {
    let (mut dots, mut seen) = (0, [0_u8; 8]);
    for (y, dots_of_row) in DOTS.iter().enumerate() {
        for (x, dot) in dots_of_row.iter().enumerate() {
            let pixel = canvas.pixel(column + x, row + y);
            if pixel != 0 {
                dots |= dot;
                seen[y * 2 + x] = pixel;
            }
        }
    }
    let count = |colour: u8| seen.iter().filter(|&&other| other == colour).count();
    let most =
        seen.iter().copied().filter(|&colour| colour != 0).max_by_key(|&colour| (count(colour), colour));
    (dots, most.unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::write;
    use crate::picture::Canvas;

    #[test]
    fn dots_are_where_pixels_are() {
        let mut canvas = Canvas::new(6, 4);
        canvas.pixels[0] = 1;
        canvas.pixels[3 * 6 + 3] = 1;
        let mut text = String::new();
        write(&canvas, true, "\n", &mut text);
        assert_eq!(text, "\u{2801}\u{2880}\n");
    }
}
