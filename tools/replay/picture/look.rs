//! How the bodies of each game look.

use framekeep_games::arena::{Arena, Kind};
use framekeep_games::rhythm;
use framekeep_sim::{Game, ViewBody};

/// A colour's red, green and blue.
type Rgb = [u8; 3];

pub(super) const BACKGROUND: u8 = 0;
pub(super) const TEXT: u8 = 1;
const WALL: u8 = 2;
const PILLAR: u8 = 3;
const CRATE: u8 = 4;
const HEALTH: u8 = 5;
const SHIELD: u8 = 6;
const RAPID: u8 = 7;
pub(super) const LINE: u8 = 8;
const TAP: u8 = 9;
const HOLD: u8 = 10;
const UNKNOWN: u8 = 11;
const ROTOR: u8 = 12;
const BELT: u8 = 13;
const GATE: u8 = 14;
/// The first of the seats' colours.
const SEATS: u8 = 16;
/// How many seats have a colour of their own.
const SEAT_COLOURS: u8 = 16;
/// The first of the paler colours of what seats made.
const PALE: u8 = SEATS + SEAT_COLOURS;

/// Every colour, by its number.
pub(crate) const PALETTE: [Rgb; 48] = palette();

const SEAT_RGB: [Rgb; SEAT_COLOURS as usize] = [
    [0xe6, 0x4b, 0x4b],
    [0x4b, 0x8f, 0xe6],
    [0x5f, 0xc3, 0x4a],
    [0xf0, 0xb4, 0x2d],
    [0xb0, 0x6a, 0xe0],
    [0x35, 0xc8, 0xc0],
    [0xf0, 0x7f, 0xb4],
    [0xb9, 0xc4, 0x3a],
    [0xff, 0x8a, 0x50],
    [0x7d, 0x8c, 0xff],
    [0x2f, 0x9e, 0x6e],
    [0xd4, 0x9b, 0x6a],
    [0x9e, 0xd8, 0xff],
    [0xd8, 0x52, 0x9c],
    [0xa8, 0xe0, 0x9a],
    [0xc8, 0xc8, 0xd8],
];

const fn palette() -> [Rgb; 48] {
    let mut colours = [[0; 3]; 48];
    colours[BACKGROUND as usize] = [0x12, 0x14, 0x1a];
    colours[TEXT as usize] = [0xdc, 0xe0, 0xe8];
    colours[WALL as usize] = [0x4a, 0x50, 0x5e];
    colours[PILLAR as usize] = [0x66, 0x6e, 0x80];
    colours[CRATE as usize] = [0x96, 0x6c, 0x42];
    colours[HEALTH as usize] = [0x48, 0xd0, 0x7c];
    colours[SHIELD as usize] = [0x56, 0xa8, 0xff];
    colours[RAPID as usize] = [0xff, 0xd2, 0x40];
    colours[LINE as usize] = [0x90, 0x98, 0xa8];
    colours[TAP as usize] = [0xf2, 0xf2, 0xf2];
    colours[HOLD as usize] = [0x8c, 0xb4, 0xf0];
    colours[UNKNOWN as usize] = [0xaa, 0xaa, 0xaa];
    colours[ROTOR as usize] = [0x9a, 0x6a, 0xd8];
    colours[BELT as usize] = [0x8a, 0x7a, 0x3c];
    colours[GATE as usize] = [0x3c, 0x8a, 0x82];
    let mut seat = 0;
    while seat < SEAT_COLOURS as usize {
        let [red, green, blue] = SEAT_RGB[seat];
        colours[SEATS as usize + seat] = SEAT_RGB[seat];
        // Half way to white.
        colours[PALE as usize + seat] = [128 + red / 2, 128 + green / 2, 128 + blue / 2];
        seat += 1;
    }
    colours
}

pub(super) const fn seat_colour(seat: u8) -> u8 {
    SEATS + seat % SEAT_COLOURS
}

const fn pale_colour(seat: u8) -> u8 {
    PALE + seat % SEAT_COLOURS
}

/// The form of a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    Disc,
    /// A disc with a line that tells where it points.
    Pointing,
    Ring,
    Box,
}

/// What is behind the bodies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Backdrop {
    Empty,
    /// A line at height 0: where notes are struck.
    StrikeLine,
}

pub(super) fn backdrop(game: &str) -> Backdrop {
    if game == rhythm::Rhythm::NAME { Backdrop::StrikeLine } else { Backdrop::Empty }
}

/// Form and colour of a body; bodies of games unknown here are boxes in the colour of their seat.
pub(super) fn look(game: &str, body: &ViewBody) -> (Form, u8) {
    let seat = body.seat;
    if game == Arena::NAME {
        return arena(body.kind, seat);
    }
    if game == rhythm::Rhythm::NAME {
        let (tap, hold) = (rhythm::Kind::Tap as u8, rhythm::Kind::Hold as u8);
        let colour = match body.kind {
            kind if kind == tap => TAP,
            kind if kind == hold => HOLD,
            _ => seat_colour(seat),
        };
        return (Form::Box, colour);
    }
    (Form::Box, if seat == u8::MAX { UNKNOWN } else { seat_colour(seat) })
}

fn arena(kind: u8, seat: u8) -> (Form, u8) {
    const ALL: [(Kind, Form); 11] = [
        (Kind::Player, Form::Pointing),
        (Kind::Projectile, Form::Disc),
        (Kind::Crate, Form::Box),
        (Kind::Wall, Form::Box),
        (Kind::Pillar, Form::Disc),
        (Kind::Health, Form::Ring),
        (Kind::Shield, Form::Ring),
        (Kind::Rapid, Form::Ring),
        (Kind::Rotor, Form::Box),
        (Kind::Belt, Form::Box),
        (Kind::Gate, Form::Box),
    ];
    let Some((kind, form)) = ALL.into_iter().find(|(known, _)| *known as u8 == kind) else {
        return (Form::Box, UNKNOWN);
    };
    let colour = match kind {
        Kind::Player => seat_colour(seat),
        Kind::Projectile => pale_colour(seat),
        Kind::Crate => CRATE,
        Kind::Wall => WALL,
        Kind::Pillar => PILLAR,
        Kind::Health => HEALTH,
        Kind::Shield => SHIELD,
        Kind::Rapid => RAPID,
        Kind::Rotor => ROTOR,
        Kind::Belt => BELT,
        Kind::Gate => GATE,
    };
    (form, colour)
}
