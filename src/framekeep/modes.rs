//! The file of modes: what `matchmaking.modes` names becomes the modes of the matcher.

use std::path::{Path, PathBuf};
use std::time::Duration;

use framekeep_gateway::{MatchmakingConfig, ModeSetup};
use framekeep_matchmaking::{Fewer, Matcher, Mode, ModeFault, RoleSeats, Widening};
use framekeep_protocol::StartRule;
use serde::Deserialize;

use crate::cluster;
use crate::config::Settings;

/// Longest file of modes, in bytes.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// The file of modes cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ModesError {
    /// It cannot be read.
    #[error("matchmaking.modes: cannot read {}: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// It is no list of modes.
    #[error("matchmaking.modes: {}: {message}", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong, and where.
        message: String,
    },
    /// A mode that cannot be played.
    #[error("matchmaking.modes: {}: {source}", path.display())]
    Mode {
        /// The file.
        path: PathBuf,
        /// Why.
        source: ModeFault,
    },
    /// A mode of a game that is not there.
    #[error("matchmaking.modes: mode {mode:?}: there is no game {game:?}, there are {games}")]
    UnknownGame {
        /// The mode.
        mode: String,
        /// The game it names.
        game: String,
        /// The games there are.
        games: String,
    },
    /// A mode with more or fewer seats than its game has.
    #[error("matchmaking.modes: mode {mode:?} has matches of {seats} players, {game} is for {min} to {max}")]
    Seats {
        /// The mode.
        mode: String,
        /// Its game.
        game: String,
        /// Players of a match.
        seats: usize,
        /// Fewest players of the game.
        min: u8,
        /// Most players of the game.
        max: u8,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ModesFile {
    #[serde(default)]
    mode: Vec<ModeEntry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ModeEntry {
    name: String,
    game: String,
    #[serde(default = "one")]
    teams: u8,
    team_seats: u8,
    #[serde(default)]
    contents: Vec<String>,
    #[serde(default)]
    tick_rates_hz: Vec<u16>,
    #[serde(default)]
    roles: Vec<RoleEntry>,
    party_max: Option<u8>,
    fewer: Option<FewerEntry>,
    rating: Option<WideningEntry>,
    latency_ms: Option<WideningEntry>,
    #[serde(default)]
    ready_check_s: u64,
    #[serde(default = "ten_minutes")]
    wait_s_max: u64,
    #[serde(default)]
    start: Start,
    #[serde(default)]
    backfill: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RoleEntry {
    role: String,
    seats: u8,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FewerEntry {
    after_s: u64,
    team_seats_min: u8,
    #[serde(default)]
    difference_max: u8,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WideningEntry {
    start: u32,
    #[serde(default)]
    per_s: u32,
    max: u32,
}

#[derive(Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Start {
    #[default]
    Full,
    Ready,
    Host,
}

const fn one() -> u8 {
    1
}

const fn ten_minutes() -> u64 {
    600
}

impl From<ModeEntry> for ModeSetup {
    fn from(entry: ModeEntry) -> Self {
        let widening = |entry: Option<WideningEntry>| {
            entry.map_or(Widening::NONE, |WideningEntry { start, per_s, max }| Widening { start, per_s, max })
        };
        let plain = Mode::new(&entry.game, &entry.name, entry.teams, entry.team_seats);
        let role = |entry: RoleEntry| RoleSeats { role: entry.role, seats: entry.seats };
        let fewer = |entry: FewerEntry| Fewer {
            after_ms: entry.after_s.saturating_mul(1_000),
            team_seats_min: entry.team_seats_min,
            difference_max: entry.difference_max,
        };
        let mode = Mode {
            contents: entry.contents,
            tick_rates_hz: entry.tick_rates_hz,
            roles: entry.roles.into_iter().map(role).collect(),
            party_max: entry.party_max.unwrap_or(plain.party_max),
            fewer: entry.fewer.map(fewer),
            rating: widening(entry.rating),
            latency_ms: widening(entry.latency_ms),
            ready_check_ms: entry.ready_check_s.saturating_mul(1_000),
            wait_ms_max: entry.wait_s_max.saturating_mul(1_000),
            ..plain
        };
        let start = match entry.start {
            Start::Full => StartRule::Full,
            Start::Ready => StartRule::Ready,
            Start::Host => StartRule::Host,
        };
        Self { mode, start, backfill: entry.backfill }
    }
}

/// The matchmaking of the settings; none where they name no file.
pub(crate) fn matchmaking(settings: &Settings) -> Result<MatchmakingConfig, ModesError> {
    let section = &settings.matchmaking;
    let modes = section.modes.as_deref().map(read).transpose()?.unwrap_or_default();
    Ok(MatchmakingConfig {
        modes,
        round_every: Duration::from_millis(section.round_ms),
        tickets_max: section.tickets_max,
        // In a cluster the one that forms the matches of all writes it.
        log: section.log.clone().filter(|_| !cluster::is_wanted(settings)),
        alone_after: cluster::is_wanted(settings)
            .then(|| Duration::from_secs(settings.cluster.alone_after_s)),
    })
}

fn read(path: &Path) -> Result<Vec<ModeSetup>, ModesError> {
    let unreadable = |source| ModesError::Unreadable { path: path.to_owned(), source };
    if std::fs::metadata(path).map_err(unreadable)?.len() > FILE_BYTES_MAX {
        return Err(unreadable(std::io::Error::other("it is too long for a list of modes")));
    }
    parse(path, &std::fs::read_to_string(path).map_err(unreadable)?)
}

fn parse(path: &Path, text: &str) -> Result<Vec<ModeSetup>, ModesError> {
    let file: ModesFile = toml::from_str(text)
        .map_err(|error| ModesError::Malformed { path: path.to_owned(), message: error.to_string() })?;
    let setups: Vec<ModeSetup> = file.mode.into_iter().map(ModeSetup::from).collect();
    let modes: Vec<Mode> = setups.iter().map(|setup| setup.mode.clone()).collect();
    modes.iter().try_for_each(check_game)?;
    let seconds = [
        ("fewer.after_ms", "fewer.after_s"),
        ("ready_check_ms", "ready_check_s"),
        ("wait_ms_max", "wait_s_max"),
    ];
    Matcher::new(modes).map_err(|source| {
        let source = match source {
            ModeFault::Field { mode, fault } => ModeFault::Field { mode, fault: fault.in_seconds(&seconds) },
            other => other,
        };
        ModesError::Mode { path: path.to_owned(), source }
    })?;
    Ok(setups)
}

/// Whether the mode's game can be played by so many.
fn check_game(mode: &Mode) -> Result<(), ModesError> {
    let registry = framekeep_games::registry();
    let Some(game) = registry.iter().find(|game| game.name() == mode.game) else {
        let names: Vec<_> = registry.iter().map(|game| game.name()).collect();
        return Err(ModesError::UnknownGame {
            mode: mode.name.clone(),
            game: mode.game.clone(),
            games: names.join(", "),
        });
    };
    let fewest = mode.fewer.map(|fewer| usize::from(fewer.team_seats_min) * usize::from(mode.teams));
    for seats in [Some(mode.seats()), fewest].into_iter().flatten() {
        let (min, max) = (*game.seats().start(), *game.seats().end());
        if !(usize::from(min)..=usize::from(max)).contains(&seats) {
            let (mode, game) = (mode.name.clone(), mode.game.clone());
            return Err(ModesError::Seats { mode, game, seats, min, max });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Vec<ModeSetup>, String> {
        super::parse(Path::new("modes.toml"), text).map_err(|error| error.to_string())
    }

    #[test]
    fn the_file_of_the_document_is_one() {
        let document = include_str!("../../docs/MATCHMAKING.md");
        let text = document.split("```toml\n").nth(1).and_then(|rest| rest.split("```").next());
        let modes = parse(text.expect("the document shows a file of modes")).unwrap();
        let names: Vec<_> = modes.iter().map(|setup| setup.mode.name.as_str()).collect();
        assert_eq!(names, ["duel", "pairs", "brawl"]);
        assert!(modes[2].backfill && modes[1].mode.ready_check_ms > 0);
    }

    #[test]
    fn what_cannot_be_played_is_named() {
        let mode =
            |rest: &str| parse(&format!("[[mode]]\nname = \"m\"\ngame = \"arena\"\n{rest}")).unwrap_err();
        assert!(mode("team_seats = 99").contains("99 players"), "{}", mode("team_seats = 99"));
        assert!(mode("team_seats = 0").contains("players"), "{}", mode("team_seats = 0"));
        assert!(mode("team_seats = 2\nspeed = 1").contains("speed"));
        assert!(mode("team_seats = 2\nparty_max = 3").contains("party_max: 3"));
        let long = mode("team_seats = 2\nwait_s_max = 100000");
        assert!(long.contains("wait_s_max: 100000 is not within 1 and 86400"), "{long}");
        let chess = "[[mode]]\nname = \"m\"\ngame = \"chess\"\nteam_seats = 2";
        assert!(parse(chess).unwrap_err().contains("arena"));
        assert_eq!(parse(""), Ok(Vec::new()));
    }
}
