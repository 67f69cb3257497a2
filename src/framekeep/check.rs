//! `framekeep check`: whether a server would do well here, thing by thing, with the way out of each trouble.

mod address;
mod folder;
mod machine;

use std::fmt;

use crate::args::ConfigArgs;
use crate::config::Settings;
use crate::{CommandError, Exit, output, serve};

/// How one thing stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Ok,
    /// A server starts, and is worse for it.
    Warn,
    /// A server does not start, or loses what it should keep.
    Fail(Exit),
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Finding {
    /// What, in one word.
    what: &'static str,
    verdict: Verdict,
    /// How it is; where it is not well, what to do.
    text: String,
}

impl Finding {
    fn ok(what: &'static str, text: impl Into<String>) -> Self {
        Self { what, verdict: Verdict::Ok, text: text.into() }
    }

    fn warn(what: &'static str, text: impl Into<String>) -> Self {
        Self { what, verdict: Verdict::Warn, text: text.into() }
    }

    fn fail(what: &'static str, exit: Exit, text: impl Into<String>) -> Self {
        Self { what, verdict: Verdict::Fail(exit), text: text.into() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = match self.verdict {
            Verdict::Ok => "ok",
            Verdict::Warn => "warn",
            Verdict::Fail(_) => "fail",
        };
        // Further lines of a text stand under its first.
        let text = self.text.replace('\n', &format!("\n{:19}", ""));
        write!(f, "{word:<5} {:<12} {text}", self.what)
    }
}

/// Some of it would keep a server from doing its work.
#[derive(Debug, thiserror::Error)]
#[error("{count} of {all} checks failed")]
pub struct CheckFailed {
    count: usize,
    all: usize,
    exit: Exit,
}

impl CheckFailed {
    /// The exit code of this error: that of the first check that failed.
    #[must_use]
    pub fn exit(&self) -> Exit {
        self.exit
    }
}

/// Looks at everything and prints a line for each; starts nothing and leaves nothing behind.
pub(crate) fn check(args: &ConfigArgs) -> Result<(), CommandError> {
    let mut findings = machine::look();
    match args.load() {
        Ok(effective) => {
            let settings = effective.settings();
            findings.push(configuration(settings));
            findings.extend(look_around(settings));
        }
        Err(error) => findings.push(Finding::fail("config", error.exit(), error.to_string())),
    }
    let text: String = findings.iter().map(|finding| format!("{finding}\n")).collect();
    output::print(&text)?;
    verdict(&findings)?;
    Ok(())
}

fn configuration(settings: &Settings) -> Finding {
    match serve::check(settings) {
        Ok(()) => Finding::ok("config", "a server would start with it"),
        Err(error) => Finding::fail("config", error.exit(), error.to_string()),
    }
}

fn look_around(settings: &Settings) -> Vec<Finding> {
    let (in_use, mut findings) = folder::look(&settings.data.folder);
    findings.extend(folder::keys(settings));
    findings.extend(address::look(settings, in_use));
    findings.push(machine::files(settings));
    findings
}

fn verdict(findings: &[Finding]) -> Result<(), CheckFailed> {
    let mut failed = findings.iter().filter_map(|finding| match finding.verdict {
        Verdict::Fail(exit) => Some(exit),
        _ => None,
    });
    match failed.next() {
        Some(exit) => Err(CheckFailed { count: 1 + failed.count(), all: findings.len(), exit }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_what_and_how_and_the_first_failure_decides() {
        let findings = [
            Finding::ok("cpu", "well"),
            Finding::warn("files", "few\nraise them"),
            Finding::fail("udp", Exit::Bind, "taken"),
            Finding::fail("data", Exit::Failure, "full"),
        ];
        assert_eq!(findings[1].to_string(), "warn  files        few\n                   raise them");
        let failed = verdict(&findings).unwrap_err();
        assert_eq!((failed.exit(), failed.to_string().as_str()), (Exit::Bind, "2 of 4 checks failed"));
        assert!(verdict(&findings[..2]).is_ok());
    }
}
