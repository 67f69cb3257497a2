//! `framekeep rooms` and `framekeep why-alive`: the rooms of the server that uses a data folder.

use std::fmt::Write as _;
use std::fs::{File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use framekeep_protocol::RoomName;
use framekeep_server::{RoomList, RoomRow};
use serde::Serialize;

use crate::config::Settings;
use crate::{CommandError, Exit, output};

/// The file the server keeps in its data folder.
const FILE: &str = "rooms.json";

/// The file in it that a running server holds locked.
const LOCK: &str = "lock";

/// A running server writes the list every two seconds; one that is older says that something is wrong.
const STALE_AFTER: Duration = Duration::from_secs(10);

/// What a server says of its rooms cannot be shown.
#[derive(Debug, thiserror::Error)]
pub enum RoomsError {
    /// No server has written there.
    #[error(
        "{} is not there: no server has had rooms in this data folder; name the folder of a running server with --data",
        .0.display()
    )]
    NoFile(PathBuf),
    /// The file cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file is not what a server of this version writes.
    #[error("{} is not a list of rooms: {source}; was it written by another version?", path.display())]
    Malformed {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// There is no such room.
    #[error("there is no room {room}; `framekeep rooms` lists the {rooms} there are")]
    NoSuchRoom {
        /// The name that was asked for.
        room: RoomName,
        /// How many there are.
        rooms: usize,
    },
}

impl RoomsError {
    /// The exit code of this error.
    #[must_use]
    pub fn exit(&self) -> Exit {
        Exit::Failure
    }
}

/// Prints the rooms of the server that uses the data folder.
pub(crate) fn list(json: bool, settings: &Settings) -> Result<(), CommandError> {
    let listed = read(&settings.data.folder)?;
    if json { output::print(&listed.json()) } else { output::print(&table(&listed)) }
}

/// Prints what holds a room, and for how long.
pub(crate) fn why_alive(room: &RoomName, settings: &Settings) -> Result<(), CommandError> {
    let listed = read(&settings.data.folder)?;
    let list = &listed.list;
    let found = list.rooms.iter().find(|row| row.name == room.as_str());
    let row = found.ok_or_else(|| RoomsError::NoSuchRoom { room: room.clone(), rooms: list.rooms.len() })?;
    output::print(&format!("{}{}\n", reasons(row, list.unix_ms), listed.freshness()))
}

/// The list of a data folder, and what has become of who wrote it.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct Listed {
    #[serde(flatten)]
    list: RoomList,
    /// Whether a server uses the data folder.
    server_runs: bool,
    /// How old the list is.
    age_ms: u64,
}

impl Listed {
    fn new(list: RoomList, server_runs: bool, now: SystemTime) -> Self {
        let now_ms = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_millis() as u64;
        Self { age_ms: now_ms.saturating_sub(list.unix_ms), list, server_runs }
    }

    fn json(&self) -> String {
        // Numbers and texts always have a JSON.
        serde_json::to_string(self).unwrap_or_default() + "\n"
    }

    /// Whether what is shown still holds.
    fn freshness(&self) -> String {
        let age = ago(self.age_ms);
        // An empty list is written once.
        let is_stale = self.age_ms > STALE_AFTER.as_millis() as u64 && !self.list.rooms.is_empty();
        match (self.server_runs, is_stale) {
            (false, _) => format!("no server uses this data folder any more: that is how it was {age}"),
            (true, true) => format!("the server runs, but that is how it was {age}: it may be stuck"),
            (true, false) => "the server runs".to_owned(),
        }
    }
}

/// Whether a server uses a data folder, whose lock it holds as long as it runs.
pub(crate) fn is_used(folder: &Path) -> bool {
    is_locked(&folder.join(LOCK))
}

/// Whether somebody holds a lock.
pub(crate) fn is_locked(file: &Path) -> bool {
    let lock = File::open(file);
    lock.is_ok_and(|lock| matches!(lock.try_lock_shared(), Err(TryLockError::WouldBlock)))
}

fn read(folder: &Path) -> Result<Listed, RoomsError> {
    let path = folder.join(FILE);
    match std::fs::read_to_string(&path) {
        Ok(text) => match serde_json::from_str(&text) {
            Ok(list) => Ok(Listed::new(list, is_used(folder), SystemTime::now())),
            Err(source) => Err(RoomsError::Malformed { path, source }),
        },
        Err(error) if error.kind() == io::ErrorKind::NotFound => Err(RoomsError::NoFile(path)),
        Err(source) => Err(RoomsError::Unreadable { path, source }),
    }
}

fn table(listed: &Listed) -> String {
    let list = &listed.list;
    let mut text = format!(
        "{:<24} {:<16} {:<10} {:<10} {:>6} {:>9} {:>8} {:>8} {:>9} {:>8}\n",
        "ROOM", "ID", "GAME", "PHASE", "SEATS", "CONNECTED", "WATCHING", "TICK", "DECIDED", "KIB"
    );
    for row in &list.rooms {
        let tick = row.tick.map_or_else(|| "-".to_owned(), |tick| tick.to_string());
        let decided = row.next_deadline_unix_ms.map_or_else(|| "-".to_owned(), |at| until(at, list.unix_ms));
        let seats = format!("{}/{}", row.seats, row.capacity);
        // Writing to text cannot fail.
        let _ = writeln!(
            text,
            "{:<24} {:<16} {:<10} {:<10} {seats:>6} {:>9} {:>8} {tick:>8} {decided:>9} {:>8}",
            row.name,
            row.id,
            row.game,
            row.phase,
            row.connected,
            row.watching,
            row.bytes.div_ceil(1_024),
        );
    }
    let _ = writeln!(text, "{} rooms; {}", list.rooms.len(), listed.freshness());
    text
}

fn reasons(row: &RoomRow, now_ms: u64) -> String {
    let mut text = format!("room {} ({}) is {} and is held by\n", row.name, row.id, row.phase);
    for hold in &row.holds {
        let how_long = hold.until_unix_ms.map_or_else(String::new, |at| format!(", {}", until(at, now_ms)));
        let _ = writeln!(text, "  {}{how_long}", hold.what);
    }
    text
}

/// How long it is until a time, seen from when the list was written.
fn until(at_ms: u64, now_ms: u64) -> String {
    let seconds = at_ms.saturating_sub(now_ms).div_ceil(1_000);
    if seconds < 120 { format!("in {seconds} s") } else { format!("in {} min", seconds.div_ceil(60)) }
}

/// How long ago something was.
fn ago(age_ms: u64) -> String {
    let seconds = age_ms / 1_000;
    match seconds {
        0..120 => format!("{seconds} s ago"),
        120..7_200 => format!("{} min ago", seconds / 60),
        _ => format!("{} h ago", seconds / 3_600),
    }
}

#[cfg(test)]
mod tests {
    use framekeep_server::Hold;

    use super::*;

    fn list_of_one() -> RoomList {
        let holds = vec![
            Hold { what: "a match runs at tick 90".to_owned(), until_unix_ms: None },
            Hold { what: "empty; kept for whoever comes back".to_owned(), until_unix_ms: Some(301_000) },
        ];
        let row = RoomRow {
            name: "friday".to_owned(),
            id: "00000000000000ff".to_owned(),
            game: "arena".to_owned(),
            phase: "playing".to_owned(),
            capacity: 8,
            seats: 4,
            connected: 3,
            watching: 1,
            tick: Some(90),
            next_deadline_unix_ms: Some(301_000),
            bytes: 2_000,
            holds,
        };
        RoomList { schema_version: 1, unix_ms: 1_000, rooms: vec![row] }
    }

    #[test]
    fn the_table_has_a_line_a_room() {
        let text = table(&Listed { list: list_of_one(), server_runs: true, age_ms: 900 });
        assert!(text.ends_with("\n1 rooms; the server runs\n"), "{text}");
        let cells: Vec<&str> = text.lines().nth(1).unwrap_or_default().split_whitespace().collect();
        assert_eq!(
            cells,
            ["friday", "00000000000000ff", "arena", "playing", "4/8", "3", "1", "90", "in", "5", "min", "2"]
        );
    }

    #[test]
    fn reasons_say_what_and_how_long() {
        let text = reasons(&list_of_one().rooms[0], 1_000);
        assert_eq!(
            text,
            "room friday (00000000000000ff) is playing and is held by\n  a match runs at tick 90\n  empty; kept for \
             whoever comes back, in 5 min\n"
        );
    }

    #[test]
    fn a_folder_without_a_server_and_a_broken_file_are_told_apart() {
        let folder = tempfile::tempdir().expect("a folder");
        assert!(matches!(read(folder.path()), Err(RoomsError::NoFile(_))));
        std::fs::write(folder.path().join(FILE), "{}").expect("a file");
        assert!(matches!(read(folder.path()), Err(RoomsError::Malformed { .. })));
        let text = serde_json::to_string(&list_of_one()).expect("JSON");
        std::fs::write(folder.path().join(FILE), text).expect("a file");
        let listed = read(folder.path()).expect("a list");
        assert_eq!((&listed.list, listed.server_runs), (&list_of_one(), false));
        let lock = File::create(folder.path().join(LOCK)).expect("a file");
        lock.lock().expect("a lock");
        assert!(read(folder.path()).expect("a list").server_runs, "who holds the lock runs");
    }

    #[test]
    fn who_looks_is_told_whether_the_list_still_holds() {
        let told = |server_runs, age_s: u64| {
            let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1 + age_s);
            Listed::new(list_of_one(), server_runs, now).freshness()
        };
        assert_eq!(told(true, 2), "the server runs");
        assert_eq!(told(true, 40), "the server runs, but that is how it was 40 s ago: it may be stuck");
        let gone = "no server uses this data folder any more: that is how it was";
        assert_eq!(told(false, 2), format!("{gone} 2 s ago"));
        assert_eq!(told(false, 600), format!("{gone} 10 min ago"));
        assert_eq!(told(false, 90_000), format!("{gone} 25 h ago"));
        let json = Listed { list: list_of_one(), server_runs: false, age_ms: 7 }.json();
        let value: serde_json::Value = serde_json::from_str(&json).expect("JSON");
        assert_eq!((&value["server_runs"], &value["age_ms"]), (&false.into(), &7.into()));
        assert_eq!(value["rooms"][0]["name"], "friday");
    }
}
