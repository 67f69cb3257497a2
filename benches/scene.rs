//! `Scene`, what every engine is given: the same bodies in the same places.

use framekeep_sim::{Angle, BodyDesc, Fx, Pcg32, Polygon, Vec2, WorldDesc};

/// Steps per second of the scenes with gravity.
const TICKS_PER_SECOND: u16 = 60;
/// Boxes in the lowest row of the pyramid; the highest of its rows has five.
const PYRAMID_BASE: i32 = 20;
const PYRAMID_ROWS: i32 = 16;
/// From the middle of the bowl to its rim.
const BOWL_RADIUS: i32 = 30;
/// Boxes of which one half of the bowl's round part is made.
const BOWL_PARTS: i32 = 12;
const POLYGONS: i32 = 1_000;
const POLYGON_COLUMNS: i32 = 36;

/// Bodies in a world, in the words of this engine; the others translate them.
#[derive(Clone, Debug)]
pub struct Scene {
    /// What the world is like. Every engine cuts a step into as many parts as this one.
    pub world: WorldDesc,
    /// What is in it.
    pub bodies: Vec<BodyDesc>,
}

impl Scene {
    /// A pyramid of 200 boxes with sides of 1: sixteen rows, of twenty boxes to five, a tenth apart. Nothing sleeps.
    #[must_use]
    pub fn pyramid() -> Self {
        let mut bodies = vec![BodyDesc::rect(Vec2::from_ints(40, 1)).at(Vec2::from_ints(0, -1)).fixed()];
        let cube = BodyDesc::rect(Vec2::splat(Fx::HALF)).sleepless();
        for row in 0..PYRAMID_ROWS {
            for column in 0..PYRAMID_BASE - row {
                let x = Fx::from_ratio((2 * column - (PYRAMID_BASE - row - 1)) * 11, 20);
                bodies.push(cube.at(Vec2::new(x, Fx::from_ratio(2 * row + 1, 2))));
            }
        }
        Self { world: earth(), bodies }
    }

    /// Where the middle of the pyramid's highest row is, above the ground.
    #[must_use]
    pub fn pyramid_top() -> f64 {
        f64::from(PYRAMID_ROWS) - 0.5
    }

    /// A thousand convex polygons of three to eight corners above a bowl. Nothing sleeps.
    #[must_use]
    pub fn polygons() -> Self {
        let mut bodies = bowl();
        let mut rng = Pcg32::new(8, 8);
        for index in 0..POLYGONS {
            let radius = Fx::from_ratio(30 + rng.below(30) as i32, 100);
            let polygon = Polygon::regular(3 + (index % 6) as u8, radius);
            let column = 2 * (index % POLYGON_COLUMNS) - POLYGON_COLUMNS + 1;
            let at = Vec2::new(
                Fx::from_ratio(column * 65, 100),
                Fx::from_ratio(index / POLYGON_COLUMNS * 130, 100),
            );
            let angle = Angle(rng.below(1 << 16) as u16);
            bodies.push(BodyDesc::polygon(polygon).at(at).turned(angle).sleepless());
        }
        Self { world: earth(), bodies }
    }

    /// Whether a place is within the bowl of [`Scene::polygons`], or above it.
    #[must_use]
    pub fn is_in_bowl((x, y): (f64, f64)) -> bool {
        let radius = f64::from(BOWL_RADIUS) + 0.5;
        if y < 0.0 { x.hypot(y) < radius } else { x.abs() < radius && y < 60.0 }
    }
}

fn earth() -> WorldDesc {
    WorldDesc {
        half_extent: Vec2::from_ints(64, 64),
        gravity: Vec2::from_ints(0, -10),
        ticks_per_second: TICKS_PER_SECOND,
        bodies_max: 2_048,
        walls: false,
        ..WorldDesc::default()
    }
}

/// A half circle of boxes that is open above, and a wall on either side.
fn bowl() -> Vec<BodyDesc> {
    let (outer, one) = (Fx::from_int(BOWL_RADIUS + 1), Fx::ONE);
    let mut bodies = Vec::new();
    for part in 0..2 * BOWL_PARTS {
        // Half a turn of 2¹⁵, from the left rim to the right one; each box is a little longer than its part.
        let angle = Angle((32_768 + (2 * part + 1) * 16_384 / (2 * BOWL_PARTS)) as u16);
        let plank = BodyDesc::rect(Vec2::new(one, Fx::from_ratio(22, 10)));
        bodies.push(plank.at(Vec2::from_angle(angle, outer)).turned(angle).fixed());
    }
    for side in [-1, 1] {
        let wall = BodyDesc::rect(Vec2::from_ints(1, 30));
        bodies.push(wall.at(Vec2::from_ints(side * (BOWL_RADIUS + 1), 30)).fixed());
    }
    bodies
}
