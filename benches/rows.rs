//! The rows of the scorecard, each group in the order in which it is printed.

mod physics;
mod record;
mod replay;
mod rollback;
mod state;

use anyhow::Result;

use crate::row::Row;

/// The peer in the rows that have one.
const PEER: &str = "rapier2d-enhanced-determinism";

/// Measures everything. `progress` is told what comes next; `quick` measures a tenth as long.
///
/// # Errors
/// A scene gives a wrong result.
pub fn measure(quick: bool, progress: &mut dyn FnMut(&str)) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    for count in [64, 256, 1_024, 5_000] {
        progress(&format!("{count} circles, in turns with the peer"));
        rows.push(physics::circles(count, quick));
    }
    progress("2,000 rooms");
    rows.push(physics::rooms(quick));
    progress("snapshot, hash and restore of 1,024 circles, in turns with the peer");
    rows.extend(state::rows(quick));
    progress("verifying a match");
    rows.push(replay::verify(quick)?);
    progress("1,000 rooms with and without a disk to wait for");
    rows.push(record::tick_durability(quick)?);
    progress("rolling back");
    rows.push(rollback::eight_ticks(quick));
    Ok(rows)
}
