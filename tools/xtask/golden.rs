//! The golden replays: the same matches on every machine, forever.

use anyhow::Result;

use crate::step::Step;

/// One golden replay: bots play it from these arguments.
struct Golden {
    /// The file in `assets/replays`, without `.fkr`.
    name: &'static str,
    /// The content in `assets`, without `.toml`.
    content: &'static str,
    game: &'static str,
    seats: &'static str,
    ticks: &'static str,
    seed: &'static str,
}

const GOLDEN: &[Golden] = &[
    arena("courtyard_duel", "arenas/courtyard", "2", "900", "1"),
    arena("pit_four", "arenas/pit", "4", "1800", "2"),
    arena("foundry_sixteen", "arenas/foundry", "16", "900", "3"),
    song("sunrise_four", "songs/sunrise", "4", "4"),
    song("clockwork_solo", "songs/clockwork", "1", "5"),
];

const fn arena(
    name: &'static str,
    content: &'static str,
    seats: &'static str,
    ticks: &'static str,
    seed: &'static str,
) -> Golden {
    Golden { name, content, game: "arena", seats, ticks, seed }
}

/// A song is played to its end.
const fn song(name: &'static str, content: &'static str, seats: &'static str, seed: &'static str) -> Golden {
    Golden { name, content, game: "rhythm", seats, ticks: "40000", seed }
}

/// Plays all of them again: does the tree as it is alter past matches?
pub(crate) fn verify() -> Result<()> {
    let program = ["run", "--quiet", "--release", "--locked", "-p", "framekeep_replay", "--"];
    let verify = ["corpus", "verify", "assets/replays"];
    Step::cargo("corpus", &program).args(&verify.map(str::to_owned)).run()
}

/// Makes them again. A difference in version control means that the rules changed; keep it only if they were to.
pub(crate) fn remake() -> Result<()> {
    for golden in GOLDEN {
        let content = format!("--content=assets/{}.toml", golden.content);
        let out = format!("--out=assets/replays/{}.fkr", golden.name);
        let program = [
            "run",
            "--quiet",
            "--release",
            "--locked",
            "-p",
            "framekeep_replay",
            "--",
            "record",
            "--replace",
        ];
        let play = [
            "--game",
            golden.game,
            "--seats",
            golden.seats,
            "--ticks",
            golden.ticks,
            "--seed",
            golden.seed,
            &content,
            &out,
        ];
        Step::cargo(golden.name, &program).args(&play.map(str::to_owned)).run()?;
    }
    Ok(())
}
