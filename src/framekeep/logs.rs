//! Log lines on standard error.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;

use crate::config::{LogFormat, Settings};

/// Starts logging as the settings ask: pretty on a terminal and JSON otherwise, unless told.
pub(crate) fn start(settings: &Settings) {
    let terminal = std::io::stderr().is_terminal();
    let json = match settings.log.format {
        LogFormat::Auto => !terminal,
        LogFormat::Pretty => false,
        LogFormat::Json => true,
    };
    let builder = tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::new(&settings.log.level))
        .with_writer(std::io::stderr)
        // It would say on standard error that standard error cannot be written, and panic.
        .log_internal_errors(false)
        .with_ansi(terminal && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty()));
    // A second start in one process, as in tests, keeps the first subscriber.
    let _ = match json {
        true => builder.json().flatten_event(true).try_init(),
        false => builder.compact().try_init(),
    };
}
