//! The layers of the configuration and what they come to.

use std::ffi::OsString;
use std::path::Path;

use super::contradiction;
use super::file;
use super::key::{Key, Literal, Value};
use super::keys::{KEYS, Settings};
use super::origin::Origin;
use super::problem::{ConfigError, Problem};
use super::setting::Setting;
use crate::identity::SECRET_ENVS;

/// What a run looks for in the current folder when no `--config` names a file.
const FILE_NAME: &str = "framekeep.toml";

/// What the names of all variables of Framekeep begin with.
const ENV_NAMESPACE: &str = "FRAMEKEEP_";

/// What the names of the environment's layer begin with.
const ENV_PREFIX: &str = "FRAMEKEEP__";

/// One `section.key = value` of some layer; the key may not exist.
#[derive(Clone, Debug)]
pub(super) struct Assignment {
    pub(super) path: String,
    pub(super) value: Literal,
    pub(super) origin: Origin,
}

/// The layers above the defaults, lowest first.
#[derive(Clone, Debug, Default)]
pub struct LayerSources {
    assignments: Vec<Assignment>,
    /// What is no assignment at all.
    problems: Vec<Problem>,
}

/// The checked value and origin of every key, and the settings they make.
#[derive(Clone, Debug)]
pub struct Effective {
    values: Vec<(Value, Origin)>,
    settings: Option<Settings>,
}

impl LayerSources {
    /// Adds the file `config`, or else `framekeep.toml` in the current folder where there is one.
    ///
    /// # Errors
    /// A file that was named and cannot be read, or is not TOML.
    pub fn with_config_file(self, config: Option<&Path>) -> Result<Self, ConfigError> {
        let path = match config {
            Some(path) => path,
            None if Path::new(FILE_NAME).is_file() => Path::new(FILE_NAME),
            None => return Ok(self),
        };
        let text = std::fs::read_to_string(path)
            .map_err(|error| Problem::Unreadable { path: path.to_owned(), message: error.to_string() })?;
        self.with_file(path, &text)
    }

    /// Adds the text of a file.
    ///
    /// # Errors
    /// Text that is not TOML.
    pub fn with_file(mut self, path: impl AsRef<Path>, text: &str) -> Result<Self, ConfigError> {
        self.assignments.extend(file::parse(path.as_ref(), text)?);
        Ok(self)
    }

    /// Adds the variables of an environment whose names begin with `FRAMEKEEP__`. One that begins with `FRAMEKEEP_` and
    /// is neither such a name nor the key's is misspelt, and refused by [`LayerSources::merge`].
    #[must_use]
    pub fn with_env(mut self, vars: impl IntoIterator<Item = (OsString, OsString)>) -> Self {
        let mut found: Vec<_> =
            vars.into_iter().map(|(name, value)| (name.to_string_lossy().into_owned(), value)).collect();
        found.retain(|(name, _)| name.starts_with(ENV_NAMESPACE) && !SECRET_ENVS.contains(&name.as_str()));
        found.sort();
        for (name, value) in found {
            let Some(path) = name.strip_prefix(ENV_PREFIX) else {
                self.problems.push(Problem::unknown_variable(name));
                continue;
            };
            let path = path.to_lowercase().replace("__", ".");
            let value = Literal::Bare(value.to_string_lossy().into_owned());
            self.assignments.push(Assignment { path, value, origin: Origin::Env(name) });
        }
        self
    }

    /// Adds a flag that was given for the key `path`.
    #[must_use]
    pub fn with_flag(mut self, flag: &'static str, path: &str, value: Option<impl ToString>) -> Self {
        if let Some(value) = value {
            self.assignments.push(Assignment {
                path: path.to_owned(),
                value: Literal::Bare(value.to_string()),
                origin: Origin::Flag(flag),
            });
        }
        self
    }

    /// Adds `SECTION.KEY=VALUE` of a `--set` flag.
    ///
    /// # Errors
    /// Text of another form.
    pub fn with_assignment(self, text: &str) -> Result<Self, ConfigError> {
        match text.split_once('=') {
            Some((path, value)) => Ok(self.with_flag("--set", path.trim(), Some(value.trim()))),
            None => Err(Problem::NotAnAssignment { text: text.to_owned() }.into()),
        }
    }

    /// Merges the layers over the defaults.
    ///
    /// # Errors
    /// Every unknown key and every value that is not accepted, in whatever layer, even where a higher one covers it;
    /// and values that contradict each other.
    pub fn merge(self) -> Result<Effective, ConfigError> {
        let mut effective = Effective {
            values: KEYS.iter().map(|key| (key.default.clone(), Origin::Default)).collect(),
            settings: None,
        };
        let mut problems = self.problems;
        for Assignment { path, value, origin } in self.assignments {
            match KEYS.iter().position(|key| key.path() == path) {
                None => problems.push(Problem::unknown(&path, origin)),
                Some(index) => match KEYS[index].check(&value) {
                    Some(checked) => effective.values[index] = (checked, origin),
                    None => problems.push(Problem::bad_value(&KEYS[index], value, origin)),
                },
            }
        }
        if !problems.is_empty() {
            return Err(ConfigError { problems });
        }
        let settings = Settings::read(&effective)?;
        let contradictions = contradiction::find(&settings, &effective);
        if !contradictions.is_empty() {
            return Err(ConfigError { problems: contradictions });
        }
        effective.settings = Some(settings);
        Ok(effective)
    }
}

impl Effective {
    /// The typed settings.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        self.settings.as_ref().expect("merge sets the settings")
    }

    /// Every key with its value and origin, in the order of the table.
    pub fn iter(&self) -> impl Iterator<Item = (&'static Key, &Value, &Origin)> {
        KEYS.iter().zip(&self.values).map(|(key, (value, origin))| (key, value, origin))
    }

    /// Where the value of a key of the table came from.
    pub(crate) fn origin(&self, section: &str, name: &str) -> &Origin {
        self.find(section, name).2
    }

    /// The value of a key of the table as the type of its field.
    pub(super) fn read<T: Setting>(&self, section: &str, name: &str) -> Result<T, Problem> {
        let (key, value, origin) = self.find(section, name);
        T::from_value(value)
            .ok_or_else(|| Problem::bad_value(key, Literal::Bare(value.to_string()), origin.clone()))
    }

    fn find(&self, section: &str, name: &str) -> (&'static Key, &Value, &Origin) {
        let found = self.iter().find(|(key, ..)| key.section == section && key.name == name);
        found.expect("the table has every key of the settings")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn env(pairs: &[(&str, &str)]) -> Vec<(OsString, OsString)> {
        pairs.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect()
    }

    fn origin_of(effective: &Effective, path: &str) -> String {
        effective.iter().find(|(key, ..)| key.path() == path).map(|(.., origin)| origin.to_string()).unwrap()
    }

    fn message(result: Result<Effective, ConfigError>) -> String {
        result.expect_err("must be refused").to_string()
    }

    #[test]
    fn a_flag_goes_over_env_over_file_over_default() {
        let file = "[rooms]\ntick_rate_hz = 20\nsend_every_ticks = 2\nrooms_max = 7\n";
        let effective = LayerSources::default()
            .with_file("f.toml", file)
            .unwrap()
            .with_env(env(&[
                ("FRAMEKEEP__ROOMS__TICK_RATE_HZ", "40"),
                ("FRAMEKEEP__ROOMS__SEND_EVERY_TICKS", "3"),
            ]))
            .with_flag("--tick-rate-hz", "rooms.tick_rate_hz", Some(60))
            .merge()
            .unwrap();
        let rooms = &effective.settings().rooms;
        assert_eq!((rooms.tick_rate_hz, rooms.send_every_ticks, rooms.rooms_max), (60, 3, 7));
        assert_eq!(origin_of(&effective, "rooms.tick_rate_hz"), "flag --tick-rate-hz");
        assert_eq!(origin_of(&effective, "rooms.send_every_ticks"), "env FRAMEKEEP__ROOMS__SEND_EVERY_TICKS");
        assert_eq!(origin_of(&effective, "rooms.rooms_max"), "f.toml:4");
        assert_eq!(origin_of(&effective, "net.udp"), "default");
    }

    #[test]
    fn unknown_keys_of_file_and_environment_are_refused_with_a_suggestion() {
        let sources = LayerSources::default()
            .with_file("f.toml", "[rooms]\ntick_rate = 20\n[net]\nudp = \"[::1]:1\"\n")
            .unwrap()
            .with_env(env(&[
                ("FRAMEKEEP__NET__UPD", "127.0.0.1:1"),
                ("FRAMEKEEP_KEY", "not ours"),
                ("PATH", ""),
            ]));
        assert_eq!(
            message(sources.merge()),
            "unknown key rooms.tick_rate (f.toml:2); did you mean rooms.tick_rate_hz?\n\
             unknown key net.upd (env FRAMEKEEP__NET__UPD); did you mean net.udp?"
        );
    }

    #[test]
    fn misspelt_variables_are_refused_with_a_suggestion() {
        for (name, meant) in [
            ("FRAMEKEEP_NET_UDP", "FRAMEKEEP__NET__UDP"),
            ("FRAMEKEEP_ROOMS__TICK_RATE_HZ", "FRAMEKEEP__ROOMS__TICK_RATE_HZ"),
            ("FRAMEKEEP_UDP", "FRAMEKEEP__NET__UDP"),
            ("FRAMEKEEP_KYE", "FRAMEKEEP_KEY"),
        ] {
            let said = message(LayerSources::default().with_env(env(&[(name, "1")])).merge());
            assert_eq!(said, format!("unknown environment variable {name}; did you mean {meant}?"));
        }
        let said = message(LayerSources::default().with_env(env(&[("FRAMEKEEP_XYZZY_PLUGH", "1")])).merge());
        assert!(said.contains("FRAMEKEEP__SECTION__KEY"), "{said}");
    }

    #[test]
    fn a_level_that_does_not_exist_is_refused_with_a_suggestion() {
        let log = |text: &str| LayerSources::default().with_flag("--log", "log.level", Some(text)).merge();
        let said = message(log("debgu"));
        assert!(said.ends_with("did you mean \"debug\"?"), "{said}");
        for bad in ["nonsense", "", "info,nonsense", "framekeep_server", "framekeep_server=loud"] {
            assert!(message(log(bad)).contains("is not accepted (flag --log)"), "{bad}");
        }
        for good in ["off", "WARN", "info,framekeep_server=debug", "info,framekeep=trace", "[pump]=debug"] {
            assert!(log(good).is_ok(), "{good}");
        }
    }

    #[test]
    fn public_addresses_are_a_list_or_text_with_commas() {
        let public = |text: &str| {
            let file = format!("[net]\npublic = {text}\n");
            LayerSources::default().with_file("f.toml", &file).unwrap().merge()
        };
        let both = ["192.0.2.7:1", "[2001:db8::7]:2"].map(|text| text.parse().unwrap());
        for text in ["\"192.0.2.7:1, [2001:db8::7]:2\"", "[\"192.0.2.7:1\", \"[2001:db8::7]:2\"]"] {
            assert_eq!(public(text).unwrap().settings().net.public, both);
        }
        assert!(public("[]").unwrap().settings().net.public.is_empty());
        for bad in ["\"0.0.0.0:1\"", "[\"[::]:1\"]", "\"192.0.2.7:0\"", "[7770]", "\"example.org:1\""] {
            assert!(message(public(bad)).contains("net.public = "), "{bad}");
        }
    }

    #[test]
    fn a_bad_value_names_key_value_range_and_origin() {
        let sources = LayerSources::default().with_flag("--tick-rate-hz", "rooms.tick_rate_hz", Some(500));
        assert_eq!(
            message(sources.merge()),
            "rooms.tick_rate_hz = 500 is not accepted (flag --tick-rate-hz): it must be a whole number from 10 to 128"
        );
    }

    #[test]
    fn a_value_of_another_type_is_refused() {
        for text in ["[rooms]\ntick_rate_hz = \"30\"", "[net]\nudp = 7770", "[log]\nlevel = [\"info\"]"] {
            let merged = LayerSources::default().with_file("f.toml", text).unwrap().merge();
            assert!(message(merged).contains("is not accepted (f.toml:2)"), "{text}");
        }
    }

    #[test]
    fn a_file_that_is_not_toml_names_the_line() {
        let error = LayerSources::default().with_file("f.toml", "[net]\nudp = \n").expect_err("refused");
        assert!(error.to_string().starts_with("f.toml:2: "), "{error}");
    }

    #[test]
    fn keys_outside_a_section_and_unknown_sections_are_refused() {
        let file = "udp = \"127.0.0.1:1\"\n[rom]\n";
        let merged = LayerSources::default().with_file("f.toml", file).unwrap().merge();
        let text = message(merged);
        assert!(text.contains("unknown key udp (f.toml:1); did you mean net.udp?"), "{text}");
        assert!(text.contains("unknown key rom (f.toml:2); did you mean [rooms]?"), "{text}");
    }
}
