//! The golden replays: the same matches on every machine, forever.

use anyhow::Result;

use crate::step::Step;

/// Makes them again. A difference in version control means that the rules changed; keep it only if they were to.
pub(crate) fn remake() -> Result<()> {
    Step::cargo("golden", &["run", "--release", "--locked", "-p", "framekeep_replay", "--", "record"]).run()
}
