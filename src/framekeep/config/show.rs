//! Printing the configuration as TOML.

use std::fmt::Write;

use super::key::{Allowed, Key, Value};
use super::keys::{KEYS, SECTIONS};
use super::layer::Effective;

impl Effective {
    /// The effective values as TOML, each with a comment that says where it came from when `origins` is set.
    #[must_use]
    pub fn to_toml(&self, origins: bool) -> String {
        let mut out = String::new();
        for (section, _) in SECTIONS {
            let gap = if out.is_empty() { "" } else { "\n" };
            let _ = writeln!(out, "{gap}[{section}]");
            for (key, value, origin) in self.iter().filter(|(key, ..)| key.section == *section) {
                let line = format!("{} = {}", key.name, without_secrets(key, value));
                let _ = match origins {
                    true => writeln!(out, "{line:<40} # {origin}"),
                    false => writeln!(out, "{line}"),
                };
            }
        }
        out
    }

    /// A configuration file with every key at its default, explained.
    #[must_use]
    pub fn default_toml() -> String {
        let mut out = String::from(
            "# Framekeep's configuration, every key at its default. Keep what you change and delete the rest.\n\
             # Over this file go environment variables FRAMEKEEP__SECTION__KEY, and over those the flags.\n\
             # Unknown keys and values that are not accepted end the start with exit code 4.\n",
        );
        for (section, doc) in SECTIONS {
            let _ = write!(out, "\n#{}\n[{section}]\n", doc.join("\n#"));
            for key in KEYS.iter().filter(|key| key.section == *section) {
                explain(&mut out, key);
            }
        }
        out
    }
}

/// The value without passwords, and without what a webhook has after its `?`, which is often its secret.
fn without_secrets(key: &Key, value: &Value) -> String {
    let text = framekeep_cluster::without_password(&value.to_string());
    match (key.allowed, text.split_once('?')) {
        (Allowed::WebhookOrEmpty, Some((url, _))) => format!("{url}?***\""),
        _ => text,
    }
}

fn explain(out: &mut String, key: &Key) {
    let unit = match key.unit {
        "" => String::new(),
        unit => format!(" Unit: {unit}."),
    };
    let allowed = match key.allowed {
        Allowed::Integer(min, max) => format!("{min} to {max}"),
        other => other.to_string(),
    };
    for line in key.doc {
        let _ = writeln!(out, "#{line}");
    }
    let _ = writeln!(out, "# Accepted: {allowed}.{unit} Default: {}.", key.default);
    let _ = writeln!(out, "# Wrong: {}.", key.wrong);
    let _ = writeln!(out, "{} = {}\n", key.name, key.default);
}

#[cfg(test)]
mod tests {
    use crate::config::{Effective, LayerSources};

    #[test]
    fn the_default_file_is_read_back_as_the_defaults() {
        let defaults = LayerSources::default().merge().unwrap();
        let file = LayerSources::default().with_file("default.toml", &Effective::default_toml()).unwrap();
        assert_eq!(file.merge().unwrap().settings(), defaults.settings());
    }

    #[test]
    fn what_is_shown_is_read_back_as_the_same_settings() {
        let changed = LayerSources::default()
            .with_flag("--data", "data.folder", Some("/a \"b\"\\c\n"))
            .with_flag("--udp", "net.udp", Some("[::1]:9"))
            .merge()
            .unwrap();
        for origins in [false, true] {
            let again = LayerSources::default().with_file("shown.toml", &changed.to_toml(origins)).unwrap();
            assert_eq!(again.merge().unwrap().settings(), changed.settings());
        }
    }
}
