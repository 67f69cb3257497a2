//! Replays.

use anyhow::{Context, Result, ensure};
use framekeep_journal::Verifier;

use crate::matches::sealed;
use crate::row::Row;
use crate::timing::{median, time};

/// Ticks per second.
const GOAL: f64 = 100_000.0;

/// How fast a four-seat match is played again, every hash compared.
pub(super) fn verify(quick: bool) -> Result<Row> {
    let replay = sealed()?;
    let mut verifier = Verifier::new(framekeep_games::registry());
    let verified = verifier.verify(&replay, &mut |_, _| ()).context("a match just played verifies")?;
    ensure!(verified.ticks == replay.end().ticks, "every tick was played");
    let mut agrees = true;
    let duration = median(if quick { 3 } else { 15 }, || {
        time(|| agrees &= verifier.verify(&replay, &mut |_, _| ()) == Ok(verified))
    });
    ensure!(agrees, "it verifies every time");
    let rate = f64::from(verified.ticks.0) / duration.as_secs_f64();
    Ok(Row::higher("replay.verify_ticks_per_s", rate, "ticks/s").goal(GOAL))
}
