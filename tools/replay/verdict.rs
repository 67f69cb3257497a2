//! `Verdict`, what a file was found to be.

use std::io::{self, Write};

use framekeep_journal::{Disagreement, Mismatch, SealFault, VerifyError};
use framekeep_sim::FieldDiff;
use serde::Serialize;

use crate::describe::grouped;
use crate::exit::Exit;
use crate::load::LoadError;

/// What a file was found to be; one entry of `files` in the object that `--json` prints.
#[derive(Debug, Serialize)]
pub(crate) struct Verdict {
    pub(crate) file: String,
    #[serde(flatten)]
    pub(crate) finding: Finding,
}

/// See [`Verdict`].
#[derive(Debug, Serialize)]
#[serde(tag = "verdict", rename_all = "snake_case")]
pub(crate) enum Finding {
    /// Every hash is as recorded.
    Agrees { ticks: u32, hash: String, ticks_per_s: u64, sealed_by: Option<String> },
    /// `tick` is the first one after which something differs.
    Disagrees {
        tick: u32,
        message: String,
        hashes: Option<Hashes>,
        fields_at: Option<u32>,
        fields: Vec<Field>,
    },
    /// Other rules recorded it; it was not played.
    OtherRules { recorded: String, here: String, message: String },
    /// The file is damaged at byte `offset`; the match is whole before `tick`.
    Damaged { offset: u64, tick: Option<u32>, message: String },
    /// Somebody changed the file after it was sealed, and made its checks right again.
    Forged { part: &'static str, offset: u64, tick: u32, message: String },
    /// Nobody signed it, or not who should have.
    OtherSeal { message: String },
    /// It could not be read or played.
    Failed { message: String },
}

/// The hash after the first tick that differs.
#[derive(Debug, Serialize)]
pub(crate) struct Hashes {
    recorded: String,
    here: String,
}

/// A field that differs.
#[derive(Debug, Serialize)]
pub(crate) struct Field {
    path: String,
    here: String,
    recorded: String,
}

impl From<FieldDiff> for Field {
    fn from(diff: FieldDiff) -> Self {
        Self { path: diff.path, here: diff.left, recorded: diff.right }
    }
}

impl From<LoadError> for Finding {
    fn from(error: LoadError) -> Self {
        let message = error.to_string();
        match error {
            LoadError::Damaged(damaged) => {
                Self::Damaged { offset: damaged.offset, tick: damaged.tick.map(|tick| tick.0), message }
            }
            LoadError::Io(_) | LoadError::TooLarge => Self::Failed { message },
        }
    }
}

impl From<SealFault> for Finding {
    fn from(fault: SealFault) -> Self {
        let message = fault.to_string();
        match fault {
            SealFault::Changed { part, offset, tick, .. } => {
                Self::Forged { part, offset, tick: tick.0, message }
            }
            SealFault::Unsigned | SealFault::OtherKey { .. } => Self::OtherSeal { message },
        }
    }
}

impl From<VerifyError> for Finding {
    fn from(error: VerifyError) -> Self {
        let message = error.to_string();
        match error {
            VerifyError::Disagrees(disagreement) => Self::disagrees(*disagreement, message),
            VerifyError::OtherRules { recorded, here, .. } => {
                let message = format!("{message}; --force plays it anyway");
                Self::OtherRules {
                    recorded: format!("{recorded:016x}"),
                    here: format!("{here:016x}"),
                    message,
                }
            }
            _ => Self::Failed { message },
        }
    }
}

impl Finding {
    fn disagrees(found: Disagreement, message: String) -> Self {
        let hashes = match found.mismatch {
            Mismatch::Hash { recorded, here } => {
                Some(Hashes { recorded: recorded.to_string(), here: format!("{here:016x}") })
            }
            Mismatch::Outcome { .. } => None,
        };
        let fields = found.fields.into_iter().map(Field::from).collect();
        let fields_at = found.fields_at.map(|tick| tick.0);
        Self::Disagrees { tick: found.tick.0, message, hashes, fields_at, fields }
    }

    pub(crate) fn exit(&self) -> Exit {
        match self {
            Self::Agrees { .. } => Exit::Ok,
            Self::Disagrees { .. } | Self::OtherRules { .. } | Self::OtherSeal { .. } => Exit::Disagrees,
            Self::Damaged { .. } | Self::Forged { .. } => Exit::Damaged,
            Self::Failed { .. } => Exit::Failure,
        }
    }
}

impl Verdict {
    /// One line, and one more for each field that differs.
    pub(crate) fn print(&self, out: &mut impl Write) -> io::Result<()> {
        let file = &self.file;
        match &self.finding {
            Finding::Agrees { ticks, hash, ticks_per_s, sealed_by } => {
                let (ticks, speed) = (grouped((*ticks).into()), grouped(*ticks_per_s));
                write!(out, "{file}: agrees, {ticks} ticks, final hash {hash}, {speed} ticks/s")?;
                match sealed_by {
                    Some(key) => writeln!(out, "\n    sealed by {key}"),
                    None => writeln!(out),
                }
            }
            Finding::Disagrees { message, fields_at, fields, .. } => {
                writeln!(out, "{file}: {message}")?;
                if let Some(tick) = fields_at {
                    writeln!(out, "  at the keyframe of tick {tick}:")?;
                }
                fields.iter().try_for_each(|Field { path, here, recorded }| {
                    writeln!(out, "    {path}: {here} here, {recorded} in the record")
                })
            }
            Finding::OtherRules { message, .. }
            | Finding::Damaged { message, .. }
            | Finding::Forged { message, .. }
            | Finding::OtherSeal { message }
            | Finding::Failed { message } => writeln!(out, "{file}: {message}"),
        }
    }
}
