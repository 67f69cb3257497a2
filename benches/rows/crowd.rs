//! Thousands of WebSocket clients, by the program `crowd`.

use std::collections::BTreeMap;
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::row::Row;

/// Operations a second, and how soon one is answered, in milliseconds.
const OPERATIONS_PER_S: f64 = 12_000.0;
const ANSWER_MS: f64 = 8.0;

/// How late 4,000 clients are shown their matches by a server on one core, and how quickly it does what they ask.
/// `None` where the programs for it are not beside this one.
pub(super) fn rows(quick: bool) -> Result<Option<Vec<Row>>> {
    let beside = std::env::current_exe()?;
    if ["crowd", "framekeep"].iter().any(|program| !beside.with_file_name(program).exists()) {
        return Ok(None);
    }
    let figures = |what: &str| -> Result<BTreeMap<String, f64>> {
        let seconds = if quick { "2" } else { "15" };
        let run = Command::new(beside.with_file_name("crowd"))
            .args([what, "--seconds", seconds, "--json"])
            .output()
            .context("crowd cannot be run")?;
        ensure!(run.status.success(), "crowd {what}: {}", String::from_utf8_lossy(&run.stderr));
        let text = String::from_utf8_lossy(&run.stdout);
        serde_json::from_str(text.lines().last().unwrap_or_default()).context("crowd has printed no figures")
    };
    let views = figures("views")?;
    let operations = figures("operations")?;
    let figure =
        |of: &BTreeMap<String, f64>, name: &str| of.get(name).copied().context("a figure is missing");
    Ok(Some(vec![
        // Of the views that were asked for: a machine that others use shows its clients fewer.
        Row::higher("websocket.views_4000.seen_percent", figure(&views, "seen_percent")?, "%").goal(98.0),
        // From the end of a tick in the server to its view in the client.
        Row::lower("websocket.views_4000.delay_p50_ms", figure(&views, "delay_ms_p50")?, "ms"),
        Row::lower("websocket.views_4000.delay_p99_ms", figure(&views, "delay_ms_p99")?, "ms"),
        // Everything else it does included, its games first of all.
        Row::lower("websocket.views_4000.cpu_per_view", figure(&views, "cpu_us_per_view")?, "us"),
        Row::lower("websocket.views_4000.turns_over_tick", figure(&views, "turns_over_tick")?, "").goal(0.0),
        Row::higher("websocket.operations_per_s", figure(&operations, "operations_per_s")?, "1/s")
            .goal(OPERATIONS_PER_S),
        Row::lower("websocket.answer_p99_ms", figure(&operations, "answer_ms_p99")?, "ms").goal(ANSWER_MS),
    ]))
}
