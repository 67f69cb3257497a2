//! The golden replays: the same matches on every machine, forever.

use anyhow::Result;

use crate::step::Step;

/// One golden replay: bots play it from these arguments.
struct Golden {
    /// The file in `assets/replays`, without `.fkr`.
    name: &'static str,
    /// The content in `assets/arenas`, without `.toml`.
    arena: &'static str,
    seats: &'static str,
    ticks: &'static str,
    seed: &'static str,
}

const GOLDEN: &[Golden] = &[
    Golden { name: "courtyard_duel", arena: "courtyard", seats: "2", ticks: "900", seed: "1" },
    Golden { name: "pit_four", arena: "pit", seats: "4", ticks: "1800", seed: "2" },
    Golden { name: "foundry_sixteen", arena: "foundry", seats: "16", ticks: "900", seed: "3" },
];

/// Makes them again. A difference in version control means that the rules changed; keep it only if they were to.
pub(crate) fn remake() -> Result<()> {
    for golden in GOLDEN {
        let content = format!("--content=assets/arenas/{}.toml", golden.arena);
        let out = format!("--out=assets/replays/{}.fkr", golden.name);
        let program = ["run", "--quiet", "--release", "--locked", "-p", "framekeep_replay", "--", "record"];
        let play = ["--seats", golden.seats, "--ticks", golden.ticks, "--seed", golden.seed, &content, &out];
        Step::cargo(golden.name, &program).args(&play.map(str::to_owned)).run()?;
    }
    Ok(())
}
