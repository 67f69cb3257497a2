//! What can be wrong with a configuration.

use std::fmt;
use std::path::PathBuf;

use super::key::{Allowed, Key, Literal};
use super::keys::{KEYS, SECTIONS};
use super::origin::Origin;
use crate::Exit;
use crate::identity::{KEY_ENV, SECRET_ENVS};

/// One thing that is wrong with a configuration.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// A key that does not exist.
    #[error("unknown key {path} ({origin}){}", suggestion(.meant.as_deref()))]
    UnknownKey {
        /// The key as written.
        path: String,
        /// Where it was written.
        origin: Origin,
        /// A key that exists and was probably meant.
        meant: Option<String>,
    },
    /// A variable in the place of Framekeep's that is none of them.
    #[error("unknown environment variable {name}; {}", variable_hint(.meant.as_deref()))]
    UnknownVariable {
        /// Its name.
        name: String,
        /// A variable that exists and was probably meant.
        meant: Option<String>,
    },
    /// A value its key does not accept.
    #[error(
        "{path} = {} is not accepted ({origin}): it must be {allowed}{}",
        shown(.value), word_hint(.allowed, .value)
    )]
    BadValue {
        /// The key.
        path: String,
        /// What was written.
        value: Literal,
        /// What is accepted.
        allowed: Allowed,
        /// Where it was written.
        origin: Origin,
    },
    /// Two values that do not go together.
    #[error("{a} contradicts {b}: {must}")]
    Contradiction {
        /// The first key, its value and where that came from.
        a: String,
        /// The second.
        b: String,
        /// What must hold.
        must: &'static str,
    },
    /// A file that is not TOML.
    #[error("{path}:{line}: {message}", path = .path.display())]
    Syntax {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What the parser said.
        message: String,
    },
    /// A file that cannot be read.
    #[error("cannot read the configuration file {path}: {message}", path = .path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        message: String,
    },
    /// An assignment on the command line that is not `SECTION.KEY=VALUE`.
    #[error("--set {text:?} is not SECTION.KEY=VALUE, such as --set rooms.tick_rate_hz=60")]
    NotAnAssignment {
        /// The argument.
        text: String,
    },
}

/// Everything that is wrong with a configuration; never empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    /// In the order of the layers.
    pub problems: Vec<Problem>,
}

impl std::error::Error for ConfigError {}

impl ConfigError {
    /// The exit code of this error: a `--set` without `=` is a wrong command line.
    #[must_use]
    pub fn exit(&self) -> Exit {
        let is_usage = |problem: &Problem| matches!(problem, Problem::NotAnAssignment { .. });
        if self.problems.iter().any(is_usage) { Exit::Usage } else { Exit::Config }
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.problems.iter().enumerate() {
            let separator = if index == 0 { "" } else { "\n" };
            write!(f, "{separator}{problem}")?;
        }
        Ok(())
    }
}

impl From<Problem> for ConfigError {
    fn from(problem: Problem) -> Self {
        Self { problems: vec![problem] }
    }
}

impl Problem {
    pub(super) fn unknown(path: &str, origin: Origin) -> Self {
        Problem::UnknownKey { path: path.to_owned(), origin, meant: closest(path) }
    }

    pub(super) fn bad_value(key: &Key, value: Literal, origin: Origin) -> Self {
        Problem::BadValue { path: key.path(), value, allowed: key.allowed, origin }
    }

    pub(super) fn unknown_variable(name: String) -> Self {
        let meant = closest_variable(&name);
        Problem::UnknownVariable { name, meant }
    }
}

/// The value without what may be a password.
fn shown(value: &Literal) -> String {
    framekeep_cluster::without_password(&value.to_string())
}

/// The accepted word that was probably meant, if there is one.
fn word_hint(allowed: &Allowed, value: &Literal) -> String {
    let meant = match value {
        Literal::Text(text) | Literal::Bare(text) => allowed.closest(text),
        Literal::Integer(_) | Literal::List(_) | Literal::Other(_) => None,
    };
    meant.map_or_else(String::new, |meant| format!("; did you mean {meant:?}?"))
}

fn variable_hint(meant: Option<&str>) -> String {
    match meant {
        Some(meant) => format!("did you mean {meant}?"),
        None => {
            format!("there are FRAMEKEEP__SECTION__KEY for every key of the configuration, and {KEY_ENV}")
        }
    }
}

/// The existing variable that is most like the name; underscores do not count, and a section may be missing.
fn closest_variable(name: &str) -> Option<String> {
    let bare = |text: &str| text.trim_start_matches("FRAMEKEEP").replace('_', "").to_lowercase();
    let name = bare(name);
    let likeness = |other: &str| strsim::normalized_damerau_levenshtein(&bare(other), &name);
    KEYS.iter()
        .map(|key| (likeness(&key.env_name()).max(likeness(key.name) * 0.95), key.env_name()))
        .chain(SECRET_ENVS.iter().map(|name| (likeness(name), (*name).to_owned())))
        .filter(|(likeness, _)| *likeness >= 0.6)
        .max_by(|(a, _), (b, _)| a.total_cmp(b))
        .map(|(_, meant)| meant)
}

fn suggestion(meant: Option<&str>) -> String {
    match meant {
        Some(meant) => format!("; did you mean {meant}?"),
        None => "; `framekeep config default` lists the keys there are".to_owned(),
    }
}

/// The existing key, or section where the path has no dot, that is most like the path.
fn closest(path: &str) -> Option<String> {
    let name = path.rsplit('.').next().unwrap_or(path);
    let keys = KEYS.iter().map(|key| {
        let whole = strsim::normalized_damerau_levenshtein(&key.path(), path);
        let alone = strsim::normalized_damerau_levenshtein(key.name, name) * 0.95;
        (whole.max(alone), key.path())
    });
    let sections = SECTIONS
        .iter()
        .filter(|_| !path.contains('.'))
        .map(|(section, _)| (strsim::normalized_damerau_levenshtein(section, path), format!("[{section}]")));
    keys.chain(sections)
        .filter(|(likeness, _)| *likeness >= 0.6)
        .max_by(|(a, _), (b, _)| a.total_cmp(b))
        .map(|(_, meant)| meant)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_closest_key_is_the_one_that_was_meant() {
        assert_eq!(closest("rooms.tick_rate").as_deref(), Some("rooms.tick_rate_hz"));
        assert_eq!(closest("net.tick_rate_hz").as_deref(), Some("rooms.tick_rate_hz"));
        assert_eq!(closest("room").as_deref(), Some("[rooms]"));
        assert_eq!(closest("rooms.xyzzy_plugh").as_deref(), None);
    }
}
