//! `framekeep results`: the finished matches of a data folder, also while its server runs.

mod text;
mod when;

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use framekeep_results::{Cursor, MatchResult, Query, ResultError, ResultReader};

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
            Self::Store(ResultError::Damaged { .. }) => Exit::Damaged,
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
            let found = find(&reader, Query { limit: *limit, ..query(filters) })?;
            output::print(&if *json { text::json_lines(&found) } else { text::table(&found) })
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

fn find(reader: &ResultReader, query: Query) -> Result<Vec<MatchResult>, ResultsError> {
    Ok(reader.find(&query)?)
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
    let mut written: io::Result<()> = written;
    while written.is_ok() {
        let page = find(reader, query.clone())?;
        let Some(last) = page.last() else { break };
        query.after = Some(Cursor::at(last));
        let lines = match format {
            ExportFormat::Jsonl => text::json_lines(&page),
            ExportFormat::Csv => text::csv(&page),
        };
        written = target.write_all(lines.as_bytes());
    }
    match written.and_then(|()| target.flush()) {
        // A reader that went away, such as `head`, has seen enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe && out.is_none() => Ok(()),
        written => written.map_err(failed),
    }
}
