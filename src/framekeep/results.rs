//! `framekeep results`: the finished matches of a data folder, also while its server runs.

mod text;
mod when;

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use framekeep_results::{Found, MatchResult, Query, ResultError, ResultReader};

pub use when::{When, WhenError};

use crate::args::{ExportFormat, ResultFilters, ResultsCommand};
use crate::config::Settings;
use crate::{CommandError, Exit, output};

/// The file the server keeps in its data folder.
const FILE: &str = "results.redb";

/// The folder of replays in it.
const REPLAYS: &str = "replays";

/// Results read at once while they are exported.
const PAGE: usize = 1_000;

/// Results cannot be shown.
#[derive(Debug, thiserror::Error)]
pub enum ResultsError {
    /// The store cannot be read.
    #[error(transparent)]
    Store(#[from] ResultError),
    /// Some results are not what was written.
    #[error("{count} results are damaged and left out; a start of the server keeps the others in a new file")]
    DamagedRows {
        /// How many.
        count: usize,
    },
    /// There is no such match.
    #[error("there is no result {id:?}, or several begin so; `framekeep results list` shows the newest ones")]
    NoSuchResult {
        /// What was asked for.
        id: String,
    },
}

impl ResultsError {
    /// The exit code of this error.
    #[must_use]
    pub fn exit(&self) -> Exit {
        match self {
            Self::Store(ResultError::Damaged { .. }) | Self::DamagedRows { .. } => Exit::Damaged,
            _ => Exit::Failure,
        }
    }
}

/// Does what `framekeep results` was asked to.
pub(crate) fn run(command: &ResultsCommand, settings: &Settings) -> Result<(), CommandError> {
    let folder = &settings.data.folder;
    let reader = ResultReader::open(&folder.join(FILE)).map_err(ResultsError::from)?;
    match command {
        ResultsCommand::List { filters, limit, json } => {
            let found = find(&reader, &Query { limit: *limit, ..query(filters) })?;
            let results = &found.results;
            output::print(&if *json { text::json_lines(results) } else { text::table(results) })?;
            whole(tell_damaged(&found))
        }
        ResultsCommand::Show { id, json } => {
            let found = reader.get(id).map_err(ResultsError::from)?;
            let result = found.ok_or_else(|| ResultsError::NoSuchResult { id: id.clone() })?;
            let replay = replay_of(folder, &result);
            output::print(&if *json {
                text::json_lines(&[result])
            } else {
                text::page(&result, replay.as_deref())
            })
        }
        ResultsCommand::Export { filters, format, out } => export(&reader, filters, *format, out.as_deref()),
    }
}

fn find(reader: &ResultReader, query: &Query) -> Result<Found, ResultsError> {
    Ok(reader.find(query)?)
}

/// Names the results that are not what was written; gives how many.
fn tell_damaged(found: &Found) -> usize {
    for what in &found.damaged {
        // Who does not read it sees by the exit code that something is missing.
        let _ = writeln!(io::stderr(), "framekeep: {what}");
    }
    found.damaged.len()
}

/// Fails if some results are damaged.
fn whole(count: usize) -> Result<(), CommandError> {
    if count == 0 { Ok(()) } else { Err(ResultsError::DamagedRows { count }.into()) }
}

fn query(filters: &ResultFilters) -> Query {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis() as u64;
    Query {
        player: filters.player.clone(),
        game: filters.game.clone(),
        since_unix_ms: filters.since.map_or(0, |since| since.unix_ms(now)),
        until_unix_ms: filters.until.map_or(u64::MAX, |until| until.unix_ms(now)),
        ..Query::default()
    }
}

/// The replay of a match, if it is still there.
fn replay_of(folder: &Path, result: &MatchResult) -> Option<PathBuf> {
    let path = folder.join(REPLAYS).join(Path::new(result.replay.as_deref()?).file_name()?);
    path.is_file().then_some(path)
}

/// Writes every result page by page: however many there are, few are in memory.
fn export(
    reader: &ResultReader,
    filters: &ResultFilters,
    format: ExportFormat,
    out: Option<&Path>,
) -> Result<(), CommandError> {
    let what = out.map_or_else(|| "standard output".to_owned(), |path| path.display().to_string());
    let failed = |source| CommandError::Write { what: what.clone(), source };
    let mut target: Box<dyn Write> = match out {
        Some(path) => Box::new(BufWriter::new(File::create_new(path).map_err(failed)?)),
        None => Box::new(BufWriter::new(io::stdout().lock())),
    };
    let written = (|| {
        if format == ExportFormat::Csv {
            target.write_all(text::CSV_HEAD.as_bytes())?;
        }
        Ok(())
    })();
    let mut query = Query { limit: PAGE, ..query(filters) };
    let (mut written, mut damaged): (io::Result<()>, usize) = (written, 0);
    while written.is_ok() {
        let page = find(reader, &query)?;
        damaged += tell_damaged(&page);
        let lines = match format {
            ExportFormat::Jsonl => text::json_lines(&page.results),
            ExportFormat::Csv => text::csv(&page.results),
        };
        written = target.write_all(lines.as_bytes());
        query.after = page.next;
        if query.after.is_none() {
            break;
        }
    }
    match written.and_then(|()| target.flush()) {
        // A reader that went away, such as `head`, has seen enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe && out.is_none() => Ok(()),
        written => written.map_err(failed).and_then(|()| whole(damaged)),
    }
}

#[cfg(test)]
mod tests {
    use framekeep_results::{MatchResult, ResultStore};

    use super::*;

    #[test]
    fn an_export_goes_on_past_a_changed_result_and_says_so() {
        let folder = tempfile::tempdir().unwrap();
        let (file, out) = (folder.path().join(FILE), folder.path().join("out.jsonl"));
        let result = |number: u64| MatchResult {
            id: format!("match-{number}"),
            ended_unix_ms: 1_000 + number,
            room: format!("room-{number}-of-all"),
            ..MatchResult::default()
        };
        let results: Vec<_> = (0..9).map(result).collect();
        ResultStore::open(&file).unwrap().insert(&results).unwrap();
        let mut bytes = std::fs::read(&file).unwrap();
        let name = b"room-4-of-all";
        let places: Vec<_> = (0..bytes.len() - 20).filter(|&at| bytes[at..].starts_with(name)).collect();
        places.iter().for_each(|at| bytes[at + 7] ^= 1);
        std::fs::write(&file, bytes).unwrap();
        let reader = ResultReader::open(&file).unwrap();
        let filters = ResultFilters::default();
        let error = export(&reader, &filters, ExportFormat::Jsonl, Some(&out)).unwrap_err();
        assert_eq!(
            (error.exit(), error.to_string().starts_with("1 results are damaged")),
            (Exit::Damaged, true)
        );
        let told = std::fs::read_to_string(out).unwrap();
        assert_eq!((told.lines().count(), told.contains("match-4")), (8, false), "{told}");
    }
}
