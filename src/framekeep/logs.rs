//! Log lines on standard error.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;

use crate::config::{LogFormat, Settings};

/// Changes what is logged.
pub(crate) type SetLevel = Box<dyn Fn(&str) + Send>;

/// Starts logging as the settings ask: pretty on a terminal and JSON otherwise, unless told. Gives what changes the
/// level.
pub(crate) fn start(settings: &Settings) -> SetLevel {
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
    // A second start in one process, as in tests, keeps the first subscriber; there is nothing to change then.
    if json {
        let builder = builder.json().flatten_event(true).with_filter_reloading();
        let handle = builder.reload_handle();
        let _ = builder.try_init();
        Box::new(move |level| drop(handle.reload(EnvFilter::new(level))))
    } else {
        let builder = builder.compact().with_filter_reloading();
        let handle = builder.reload_handle();
        let _ = builder.try_init();
        Box::new(move |level| drop(handle.reload(EnvFilter::new(level))))
    }
}
