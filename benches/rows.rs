//! The rows of the scorecard, each group in the order in which it is printed.

mod crowd;
mod physics;
mod record;
mod replay;
mod rollback;
mod state;

use anyhow::Result;

use crate::row::Row;

/// The peer in the rows that have one.
const PEER: &str = "rapier2d-enhanced-determinism";
/// The peer in the rows whose names end in `.box2d`.
const BOX2D: &str = "box2d-v3";

/// What can be measured by itself: the first word of its rows' names.
pub const PARTS: [&str; 6] = ["physics", "state", "replay", "record", "rollback", "websocket"];

/// Measures everything, or one of [`PARTS`]. `progress` is told what comes next, `found` each row as soon as it is
/// there; `quick` measures a tenth as long.
///
/// # Errors
/// A scene gives a wrong result.
pub fn measure(
    quick: bool,
    only: Option<&str>,
    progress: &mut dyn FnMut(&str),
    found: &mut dyn FnMut(Row),
) -> Result<()> {
    let is_wanted = |part: &str| only.is_none_or(|only| only == part);
    if is_wanted("physics") {
        for count in [64, 256, 1_024, 5_000] {
            progress(&format!("{count} circles, in turns with the peers"));
            physics::circles(count, quick).into_iter().for_each(&mut *found);
        }
        progress("circles that roll, a pyramid and polygons in a bowl, in turns with the peers");
        physics::rolling_circles(quick).into_iter().for_each(&mut *found);
        physics::pyramid(quick).into_iter().for_each(&mut *found);
        physics::polygons(quick).into_iter().for_each(&mut *found);
        progress("20,000 circles and 64");
        found(physics::growth(quick));
        progress("1,024 circles beside a huge slope, and in the largest world");
        physics::large_worlds(quick).into_iter().for_each(&mut *found);
        progress("2,000 rooms");
        found(physics::rooms(quick));
    }
    if is_wanted("state") {
        progress("snapshot, hash and restore of 1,024 circles, in turns with the peers");
        state::rows(quick).into_iter().for_each(&mut *found);
    }
    if is_wanted("replay") {
        progress("verifying a match");
        found(replay::verify(quick)?);
    }
    if is_wanted("record") {
        progress("1,000 rooms with and without a disk to wait for");
        record::tick_durability(quick)?.into_iter().for_each(&mut *found);
    }
    if is_wanted("rollback") {
        progress("rolling back");
        found(rollback::eight_ticks(quick));
        found(rollback::match_eight_ticks(quick)?);
    }
    if is_wanted("websocket") {
        progress("4,000 WebSocket clients in 1,000 rooms, and 400 that come and go; it takes a minute");
        match crowd::rows(quick)? {
            Some(rows) => rows.into_iter().for_each(&mut *found),
            None => progress("... no: cargo xtask scorecard builds what it takes, the server and crowd"),
        }
    }
    Ok(())
}
