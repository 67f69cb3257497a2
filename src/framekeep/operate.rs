//! `framekeep drain`, `close` and `kick`: what operators do, asked of the operators' port.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use framekeep_protocol::RoomName;

use crate::args::{CloseArgs, DrainArgs, KickArgs, MoveArgs};
use crate::config::Settings;
use crate::identity::ADMIN_TOKEN_ENV;
use crate::{CommandError, Exit, front_door, http, output};

/// How long a room may take to move, and how often it is looked whether it has.
const MOVED_WITHIN: Duration = Duration::from_secs(30);
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// The operators' port did not do what it was asked to.
#[derive(Debug, thiserror::Error)]
pub enum OperateError {
    /// The operators' port is switched off.
    #[error(
        "admin.address is off: there is nobody to ask; name the operators' port of a running server with --admin"
    )]
    Off,
    /// There is no token.
    #[error(
        "cannot read the operators' token from {}: {source}; set {ADMIN_TOKEN_ENV}, admin.token_file, or --data",
        path.display()
    )]
    NoToken {
        /// Where it would be.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The token cannot be sent.
    #[error("the operators' token has characters that no header can hold")]
    BadToken,
    /// Nobody answers.
    #[error("the operators' port at {address} does not answer: {source}")]
    Unreachable {
        /// Who was asked.
        address: SocketAddr,
        /// What the system said.
        source: std::io::Error,
    },
    /// The room goes on where it was.
    #[error("{room} is not moved: {why}")]
    NotMoved {
        /// The room.
        room: RoomName,
        /// Why.
        why: String,
    },
    /// The server refuses.
    #[error("not done ({status}): {detail}")]
    Refused {
        /// The status.
        status: u16,
        /// Why.
        detail: String,
    },
}

impl OperateError {
    /// The exit code of this error.
    #[must_use]
    pub fn exit(&self) -> Exit {
        match self {
            OperateError::Off => Exit::Usage,
            OperateError::NoToken { .. } | OperateError::BadToken => Exit::Config,
            OperateError::Unreachable { .. } => Exit::Bind,
            OperateError::Refused { .. } | OperateError::NotMoved { .. } => Exit::Failure,
        }
    }
}

/// Lets the server end when its matches have.
pub(crate) fn drain(args: &DrainArgs, settings: &Settings) -> Result<(), CommandError> {
    let grace = settings.drain.grace_s;
    let how = serde_json::json!({ "grace_s": grace, "move_to": args.move_to });
    ask(settings, "POST", "drain", Some(&how.to_string()))?;
    output::print(&format!("draining: running matches have {grace} s\n"))
}

/// Closes a room.
pub(crate) fn close(args: &CloseArgs, settings: &Settings) -> Result<(), CommandError> {
    ask(settings, "DELETE", &format!("rooms/{}", encoded(args.room.as_str())), None)?;
    output::print(&format!("{} is closed\n", args.room))
}

/// Lets a room go on at another node, and waits until it does.
pub(crate) fn move_room(args: &MoveArgs, settings: &Settings) -> Result<(), CommandError> {
    let path = format!("rooms/{}/move", encoded(args.room.as_str()));
    let wish = serde_json::json!({ "node": args.node });
    let mut answer = ask(settings, "POST", &path, Some(&wish.to_string()))?;
    let until = Instant::now() + MOVED_WITHIN;
    loop {
        let moving: serde_json::Value = serde_json::from_str(&answer).unwrap_or_default();
        match moving["state"].as_str() {
            // Whoever has it now may not know that it was told to go.
            Some("moved" | "here") if moving["node"] == *args.node => {
                return output::print(&format!("{} goes on at {}\n", args.room, args.node));
            }
            Some("going" | "moved" | "here") if Instant::now() < until => {
                std::thread::sleep(LOOK_EVERY);
                answer = ask(settings, "GET", &path, None)?;
            }
            state => {
                let why = moving["why"].as_str().filter(|why| !why.is_empty());
                let why = why.or(state).unwrap_or("the server does not say why").to_owned();
                return Err(OperateError::NotMoved { room: args.room.clone(), why }.into());
            }
        }
    }
}

/// Sends a player away.
pub(crate) fn kick(args: &KickArgs, settings: &Settings) -> Result<(), CommandError> {
    let room = args.room.as_ref().map(|room| format!("?room={}", encoded(room.as_str())));
    let path = format!("players/{}/kick{}", encoded(&args.player), room.unwrap_or_default());
    ask(settings, "POST", &path, None)?;
    output::print(&format!("{} is sent away\n", args.player))
}

/// Gives what is answered.
fn ask(settings: &Settings, method: &str, path: &str, json: Option<&str>) -> Result<String, OperateError> {
    let address = settings.admin.address.ok_or(OperateError::Off)?;
    let token = token(settings)?;
    let path = format!("/admin/v1/{path}");
    let answer =
        http::ask_with(address, method, &path, json, &[("Authorization", &format!("Bearer {token}"))]);
    let answer = answer.map_err(|source| OperateError::Unreachable { address, source })?;
    if answer.is_success() {
        return Ok(answer.body);
    }
    let problem: serde_json::Value = serde_json::from_str(&answer.body).unwrap_or_default();
    let detail = problem["detail"].as_str().unwrap_or("the server does not say why");
    let detail = detail.chars().filter(|c| !c.is_control()).take(300).collect();
    Err(OperateError::Refused { status: answer.status, detail })
}

/// The token, from where the server has it.
fn token(settings: &Settings) -> Result<String, OperateError> {
    let text = match std::env::var_os(ADMIN_TOKEN_ENV) {
        Some(text) => text.to_string_lossy().into_owned(),
        None => {
            let made = || settings.data.folder.join(front_door::TOKEN_FILE);
            let path = settings.admin.token_file.clone().unwrap_or_else(made);
            std::fs::read_to_string(&path).map_err(|source| OperateError::NoToken { path, source })?
        }
    };
    let token = text.trim();
    let plain = token.bytes().all(|c| c.is_ascii_graphic());
    if plain { Ok(token.to_owned()) } else { Err(OperateError::BadToken) }
}

/// A part of a path.
fn encoded(part: &str) -> String {
    let mut out = String::new();
    for byte in part.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_~".contains(&byte) {
            out.push(byte.into());
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_parts_of_paths_and_nothing_else() {
        assert_eq!(encoded("friday-1"), "friday-1");
        assert_eq!(encoded("a/../b?c d\r\né"), "a%2F%2E%2E%2Fb%3Fc%20d%0D%0A%C3%A9");
    }
}
