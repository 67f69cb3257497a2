//! `Exit`, the exit codes, and the run that ends in one.

use std::io::Write;
use std::process::ExitCode;

use clap::Parser;
use framekeep_server::NodeKey;

use crate::args::{Args, Command, ConfigCommand};
use crate::check::{self, CheckFailed};
use crate::config::{ConfigError, Effective};
use crate::healthcheck::{self, HealthError};
use crate::identity::{self, IdentityError};
use crate::manual;
use crate::operate::{self, OperateError};
use crate::output;
use crate::ports;
use crate::results::{self, ResultsError};
use crate::rooms::{self, RoomsError};
use crate::serve::{self, ServeFailure};
use crate::together;
use crate::token::{self, TokenError};

/// How a run ended, as exit codes that scripts may rely on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// It did what it was asked to.
    Ok = 0,
    /// It failed in a way that has no code of its own.
    Failure = 1,
    /// The command line is wrong.
    Usage = 2,
    /// The configuration is wrong.
    Config = 4,
    /// An address could not be bound or reached.
    Bind = 5,
    /// A file is damaged.
    Damaged = 6,
}

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// The configuration is wrong.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// There is no usable key.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// The server could not start, or failed.
    #[error(transparent)]
    Serve(#[from] ServeFailure),
    /// No ticket could be minted.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// A server's rooms cannot be shown.
    #[error(transparent)]
    Rooms(#[from] RoomsError),
    /// Results cannot be shown.
    #[error(transparent)]
    Results(#[from] ResultsError),
    /// A server would not do well here.
    #[error(transparent)]
    Check(#[from] CheckFailed),
    /// The server is not well.
    #[error(transparent)]
    Health(#[from] HealthError),
    /// The operators' port did not do it.
    #[error(transparent)]
    Operate(#[from] OperateError),
    /// A server cannot be watched.
    #[cfg(feature = "top")]
    #[error(transparent)]
    Top(#[from] crate::top::TopError),
    /// Standard output or a file could not be written.
    #[error("cannot write {what}: {source}")]
    Write {
        /// What was to be written.
        what: String,
        /// What the system said.
        source: std::io::Error,
    },
}

impl CommandError {
    /// The exit code of this error.
    #[must_use]
    pub fn exit(&self) -> Exit {
        match self {
            CommandError::Config(error) => error.exit(),
            CommandError::Identity(error) => error.exit(),
            CommandError::Serve(error) => error.exit(),
            CommandError::Token(error) => error.exit(),
            CommandError::Rooms(error) => error.exit(),
            CommandError::Results(error) => error.exit(),
            CommandError::Check(error) => error.exit(),
            CommandError::Health(error) => error.exit(),
            CommandError::Operate(error) => error.exit(),
            #[cfg(feature = "top")]
            CommandError::Top(error) => error.exit(),
            CommandError::Write { .. } => Exit::Failure,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        ExitCode::from(exit as u8)
    }
}

/// Runs the binary with the arguments of this process.
///
/// Usage errors and `--help` end the process here, as clap does it.
#[inline(never)]
pub fn run() -> ExitCode {
    match run_command(&Args::parse()) {
        Ok(()) => Exit::Ok.into(),
        Err(error) => {
            for line in error.to_string().lines() {
                // There may be nobody who reads it; the exit code says it too.
                let _ = writeln!(std::io::stderr(), "framekeep: {line}");
            }
            error.exit().into()
        }
    }
}

fn run_command(args: &Args) -> Result<(), CommandError> {
    match &args.command {
        None | Some(Command::Serve) => serve::serve(&args.config),
        Some(Command::Token(token)) => token::mint(token, args.config.load()?.settings()),
        Some(Command::Key(key)) => {
            identity::make_key_file(&key.out)?;
            Ok(())
        }
        Some(Command::Identity) => {
            let (key, _) = identity::of_minter(args.config.load()?.settings())?;
            output::print(&format!("{}\n", NodeKey::new(*key.bytes()).seal().public()))
        }
        Some(Command::Rooms(args_of)) => rooms::list(args_of.json, args.config.load()?.settings()),
        Some(Command::WhyAlive(args_of)) => rooms::why_alive(&args_of.room, args.config.load()?.settings()),
        Some(Command::Results(wanted)) => results::run(&wanted.command, args.config.load()?.settings()),
        Some(Command::Cluster(seen)) => together::show(seen, &ports::settings(&args.config)?),
        Some(Command::Check) => check::check(&args.config),
        Some(Command::Healthcheck(wanted)) => healthcheck::check(wanted, &ports::settings(&args.config)?),
        Some(Command::Move(room)) => operate::move_room(room, &ports::settings(&args.config)?),
        Some(Command::Drain(drain)) => operate::drain(drain, &ports::settings(&args.config)?),
        Some(Command::Close(close)) => operate::close(close, &ports::settings(&args.config)?),
        Some(Command::Kick(kick)) => operate::kick(kick, &ports::settings(&args.config)?),
        #[cfg(feature = "top")]
        Some(Command::Top(top)) => crate::top::run(top, &ports::settings(&args.config)?),
        Some(Command::Completions(wanted)) => output::print(&manual::completions(wanted.shell)),
        Some(Command::Man(wanted)) => manual::man(wanted.out.as_deref()),
        Some(Command::Config(config)) => {
            let text = match config.command {
                ConfigCommand::Check => {
                    serve::check(args.config.load()?.settings())?;
                    "ok\n".to_owned()
                }
                ConfigCommand::Show { origin } => args.config.load()?.to_toml(origin),
                ConfigCommand::Default => Effective::default_toml(),
            };
            output::print(&text)
        }
    }
}
