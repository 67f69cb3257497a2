//! `TileMap`, solid squares in a grid, and the chains around them.

use alloc::vec::Vec;

use super::{AttachError, BodyId, Shape, ShapeDesc, World};
use crate::{Fx, Vec2};

/// Most tiles of a map.
const TILES_MAX: usize = 1 << 20;

/// Solid squares in a grid. What is put into a world is the outline of all solid squares together, its straight parts
/// merged: so it has no seams to stumble over, and a floor of a thousand squares is one segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TileMap {
    columns: usize,
    rows: usize,
    side: Fx,
    solid: Vec<bool>,
}

/// A size that no map has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a map of {columns} by {rows} tiles is empty or larger than 1048576 tiles")]
pub struct TileMapError {
    /// How many there would be side by side.
    pub columns: usize,
    /// How many there would be upon each other.
    pub rows: usize,
}

/// Right, up, left, down: the solid side is on the left of each.
const WAYS: [(i32, i32); 4] = [(1, 0), (0, 1), (-1, 0), (0, -1)];

impl TileMap {
    /// A map without solid tiles, the sides of which are `side` long (1/16 at least).
    ///
    /// # Errors
    /// [`TileMapError`] if it is empty or too large.
    pub fn new(columns: usize, rows: usize, side: Fx) -> Result<Self, TileMapError> {
        match columns.checked_mul(rows) {
            Some(count @ 1..=TILES_MAX) => Ok(Self {
                columns,
                rows,
                side: side.max(Fx::from_ratio(1, 16)),
                solid: alloc::vec![false; count],
            }),
            _ => Err(TileMapError { columns, rows }),
        }
    }

    /// Makes a tile solid or empty; nothing happens outside of the map. Rows are counted upwards.
    pub fn set(&mut self, column: usize, row: usize, solid: bool) {
        if let Some(index) = self.index(column, row) {
            self.solid[index] = solid;
        }
    }

    /// Whether a tile is solid; false outside of the map.
    #[must_use]
    pub fn is_solid(&self, column: usize, row: usize) -> bool {
        self.index(column, row).is_some_and(|index| self.solid[index])
    }

    fn index(&self, column: usize, row: usize) -> Option<usize> {
        (column < self.columns && row < self.rows).then(|| row * self.columns + column)
    }

    fn solid_at(&self, column: i32, row: i32) -> bool {
        column >= 0 && row >= 0 && self.is_solid(column as usize, row as usize)
    }

    /// Whether the outline runs from a corner in a direction: solid to its left, empty to its right.
    fn runs(&self, (x, y): (i32, i32), way: usize) -> bool {
        let (left, right) = match way {
            0 => ((x, y), (x, y - 1)),
            1 => ((x - 1, y), (x, y)),
            2 => ((x - 1, y - 1), (x - 1, y)),
            _ => ((x, y - 1), (x - 1, y - 1)),
        };
        self.solid_at(left.0, left.1) && !self.solid_at(right.0, right.1)
    }

    /// Every closed outline, counter-clockwise around what is solid, by its corners. The lower left corner of the map
    /// is the origin.
    #[must_use]
    pub fn outlines(&self) -> Vec<Vec<Vec2>> {
        let width = self.columns + 1;
        let mut seen = alloc::vec![0_u8; width * (self.rows + 1)];
        let mut outlines = Vec::new();
        for y in 0..=self.rows as i32 {
            for x in 0..=self.columns as i32 {
                for way in 0..WAYS.len() {
                    let known = seen[y as usize * width + x as usize] & 1 << way != 0;
                    if !known && self.runs((x, y), way) {
                        outlines.push(self.follow((x, y), way, width, &mut seen));
                    }
                }
            }
        }
        outlines
    }

    /// Follows an outline until it closes; at a corner where two meet, it turns towards the solid side.
    fn follow(&self, start: (i32, i32), first: usize, width: usize, seen: &mut [u8]) -> Vec<Vec2> {
        let (mut at, mut way) = (start, first);
        let mut corners = Vec::new();
        loop {
            seen[at.1 as usize * width + at.0 as usize] |= 1 << way;
            at = (at.0 + WAYS[way].0, at.1 + WAYS[way].1);
            let next =
                [way + 1, way, way + 3].map(|next| next % 4).into_iter().find(|&next| self.runs(at, next));
            let next = next.unwrap_or(first);
            if next != way {
                corners.push(Vec2::new(self.side.times(at.0), self.side.times(at.1)));
            }
            way = next;
            if at == start && way == first {
                return corners;
            }
        }
    }

    /// Adds the outlines to a body, of the material and filter of `shape`; gives the number of segments.
    ///
    /// # Errors
    /// [`AttachError`] if the body is not there, the world holds too many shapes or an outline reaches beyond 4,095
    /// from the body; outlines before that one are attached then.
    pub fn attach_to(&self, world: &mut World, id: BodyId, shape: ShapeDesc) -> Result<usize, AttachError> {
        let mut count = 0;
        for outline in self.outlines() {
            count += world.attach_chain(
                id,
                &outline,
                true,
                ShapeDesc { shape: Shape::Circle { radius: Fx::ONE }, ..shape },
            )?;
        }
        Ok(count)
    }
}
