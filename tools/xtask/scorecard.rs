//! The headline table, and the programs that it starts.

use anyhow::Result;

use crate::step::Step;

/// Prints the headline table. Box2D is compiled as it is for a game that ships: without its assertions, and
/// optimised as this project is.
pub(crate) fn print(rest: &[String]) -> Result<()> {
    if measures_clients(rest) {
        // Programs that the scorecard starts, from beside itself.
        let server = ["build", "--release", "--locked", "-p", "framekeep", "--bin", "framekeep"];
        Step::cargo("server", &server).run()?;
        let crowd = ["build", "--release", "--locked", "-p", "framekeep_benches", "--features", "box2d"];
        let bin = ["--bin", "crowd"].map(str::to_owned);
        Step::cargo("crowd", &crowd).args(&bin).env("CFLAGS", "-O3 -DNDEBUG").run()?;
    }
    let run = ["run", "--release", "--locked", "-p", "framekeep_benches", "--features", "box2d"];
    let bin = ["--bin", "scorecard", "--"].map(str::to_owned);
    Step::cargo("scorecard", &run).args(&bin).args(rest).env("CFLAGS", "-O3 -DNDEBUG").run()
}

/// Whether WebSocket clients are among what is measured, which takes a server.
fn measures_clients(rest: &[String]) -> bool {
    let only = rest.iter().enumerate().find_map(|(place, word)| match word.strip_prefix("--only") {
        Some("") => rest.get(place + 1).map(String::as_str),
        Some(part) => part.strip_prefix('='),
        None => None,
    });
    only.is_none_or(|part| part == "websocket")
}
