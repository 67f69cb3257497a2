//! `Progress`, a bar on a terminal and nothing elsewhere.

#[cfg(not(target_family = "wasm"))]
pub(crate) use terminal::Progress;

#[cfg(target_family = "wasm")]
pub(crate) use nowhere::Progress;

#[cfg(not(target_family = "wasm"))]
mod terminal {
    use std::io::{IsTerminal, stderr};

    use indicatif::{ProgressBar, ProgressStyle};

    /// Ticks between two looks at the bar.
    const TICKS_PER_LOOK: u32 = 1_024;

    const TEMPLATE: &str = "{msg} {wide_bar} {human_pos}/{human_len} ticks, {per_sec}";

    /// A bar on standard error if that is a terminal.
    pub(crate) struct Progress {
        bar: ProgressBar,
    }

    impl Progress {
        pub(crate) fn new(name: &str, ticks: u32) -> Self {
            if !stderr().is_terminal() {
                return Self { bar: ProgressBar::hidden() };
            }
            let bar = ProgressBar::new(ticks.into()).with_message(name.to_owned());
            if let Ok(style) = ProgressStyle::with_template(TEMPLATE) {
                bar.set_style(style);
            }
            Self { bar }
        }

        pub(crate) fn at(&self, tick: u32) {
            if tick.is_multiple_of(TICKS_PER_LOOK) {
                self.bar.set_position(tick.into());
            }
        }
    }

    impl Drop for Progress {
        fn drop(&mut self) {
            self.bar.finish_and_clear();
        }
    }
}

#[cfg(target_family = "wasm")]
mod nowhere {
    /// No bar.
    pub(crate) struct Progress;

    impl Progress {
        pub(crate) fn new(_: &str, _: u32) -> Self {
            Self
        }

        pub(crate) fn at(&self, _: u32) {}
    }
}
