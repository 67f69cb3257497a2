//! The built binary, as a user runs it.

use std::path::Path;
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

/// A folder of one test, in which the binary is run with an environment of its own.
struct Desk {
    folder: TempDir,
}

impl Desk {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().expect("a temporary folder") }
    }

    fn with_file(self, name: &str, text: &str) -> Self {
        std::fs::write(self.folder.path().join(name), text).expect("a file");
        self
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn command(&self, args: &[&str], env: &[(&str, &str)]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_framekeep"));
        command.args(args).current_dir(self.path()).stdin(Stdio::null());
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("FRAMEKEEP") {
                command.env_remove(name);
            }
        }
        command.envs(env.iter().copied());
        command
    }

    fn run(&self, args: &[&str], env: &[(&str, &str)]) -> Run {
        Run(self.command(args, env).output().expect("the binary runs"))
    }
}

struct Run(Output);

impl Run {
    fn code(&self) -> i32 {
        self.0.status.code().unwrap_or(-1)
    }

    fn stdout(&self) -> String {
        String::from_utf8(self.0.stdout.clone()).expect("UTF-8")
    }

    fn stderr(&self) -> String {
        String::from_utf8(self.0.stderr.clone()).expect("UTF-8")
    }
}

#[test]
fn help_of_every_command_has_an_example_and_exit_code_0() {
    let desk = Desk::new();
    for args in [
        &["--help"][..],
        &["serve", "--help"],
        &["token", "--help"],
        &["key", "--help"],
        &["config", "show", "--help"],
        &["config", "default", "--help"],
    ] {
        let run = desk.run(args, &[]);
        assert_eq!(run.code(), 0, "{args:?}: {}", run.stderr());
        assert!(run.stdout().contains("Example"), "{args:?} shows no example:\n{}", run.stdout());
    }
}

#[test]
fn a_wrong_flag_ends_with_exit_code_2() {
    assert_eq!(Desk::new().run(&["serve", "--udpp", "127.0.0.1:1"], &[]).code(), 2);
}

#[test]
fn config_show_names_the_origin_of_every_value() {
    let desk = Desk::new().with_file("framekeep.toml", "[rooms]\ntick_rate_hz = 20\nrooms_max = 9\n");
    let env = [("FRAMEKEEP__ROOMS__RECONNECT_GRACE_S", "5")];
    let run = desk.run(&["config", "show", "--origin", "--tick-rate-hz", "60"], &env);
    assert_eq!(run.code(), 0, "{}", run.stderr());
    let shown = run.stdout();
    for (line, origin) in [
        ("tick_rate_hz = 60", "flag --tick-rate-hz"),
        ("rooms_max = 9", "framekeep.toml:3"),
        ("reconnect_grace_s = 5", "env FRAMEKEEP__ROOMS__RECONNECT_GRACE_S"),
        ("udp = \"127.0.0.1:7770\"", "default"),
    ] {
        let found = shown.lines().any(|l| l.starts_with(line) && l.ends_with(&format!("# {origin}")));
        assert!(found, "{line} # {origin} is not in:\n{shown}");
    }
}

#[test]
fn the_default_configuration_is_accepted_as_a_file() {
    let desk = Desk::new();
    let default = desk.run(&["config", "default"], &[]);
    let desk = desk.with_file("all.toml", &default.stdout());
    let shown = desk.run(&["config", "show", "--config", "all.toml"], &[]);
    assert_eq!(shown.code(), 0, "{}", shown.stderr());
    assert_eq!(shown.stdout(), desk.run(&["config", "show"], &[]).stdout());
}

#[test]
fn unknown_keys_end_with_exit_code_4_and_a_suggestion() {
    let desk = Desk::new().with_file("mine.toml", "[net]\nupd = \"127.0.0.1:1\"\n");
    let run = desk.run(&["serve", "--config", "mine.toml"], &[("FRAMEKEEP__ROOM__ROOMS_MAX", "1")]);
    assert_eq!(run.code(), 4);
    let said = run.stderr();
    assert!(said.contains("unknown key net.upd (mine.toml:2); did you mean net.udp?"), "{said}");
    assert!(said.contains("env FRAMEKEEP__ROOM__ROOMS_MAX"), "{said}");
    assert!(said.contains("did you mean rooms.rooms_max?"), "{said}");
}

#[test]
fn a_bad_value_ends_with_exit_code_4_and_names_the_range() {
    let run = Desk::new().run(&["config", "show", "--tick-rate-hz", "9"], &[]);
    assert_eq!(run.code(), 4);
    assert!(run.stderr().contains("from 10 to 128"), "{}", run.stderr());
}

#[test]
fn a_configuration_file_that_is_missing_ends_with_exit_code_4() {
    let run = Desk::new().run(&["serve", "--config", "nowhere.toml"], &[]);
    assert_eq!(run.code(), 4);
    assert!(run.stderr().contains("nowhere.toml"), "{}", run.stderr());
}

#[test]
fn an_address_beyond_loopback_without_a_key_is_refused_with_the_way_out() {
    let desk = Desk::new();
    let run = desk.run(&["serve", "--udp", "0.0.0.0:0"], &[]);
    assert_eq!(run.code(), 4);
    let said = run.stderr();
    for way in ["framekeep key --out", "identity.key_file", "FRAMEKEEP_KEY", "--udp 127.0.0.1:7770"] {
        assert!(said.contains(way), "{way} is not in:\n{said}");
    }
    assert!(!desk.path().join("framekeep-data/development.key").exists());
}

#[test]
fn a_variable_that_is_not_a_key_is_refused_without_showing_it() {
    let run = Desk::new().run(&["serve", "--udp", "0.0.0.0:0"], &[("FRAMEKEEP_KEY", "secret-but-short")]);
    assert_eq!(run.code(), 4);
    assert!(run.stderr().contains("FRAMEKEEP_KEY") && !run.stderr().contains("secret"), "{}", run.stderr());
}

#[test]
fn a_key_file_is_private_and_never_replaced() {
    let desk = Desk::new();
    assert_eq!(desk.run(&["key", "--out", "my.key"], &[]).code(), 0);
    let first = std::fs::read_to_string(desk.path().join("my.key")).expect("a key file");
    assert_eq!(first.trim().len(), 64);
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        let mode = std::fs::metadata(desk.path().join("my.key")).expect("a key file").mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    assert_eq!(desk.run(&["key", "--out", "my.key"], &[]).code(), 1);
    assert_eq!(std::fs::read_to_string(desk.path().join("my.key")).expect("a key file"), first);
    assert_eq!(std::fs::read_dir(desk.path()).expect("the folder").count(), 1, "no temporary file is left");
}

#[test]
fn a_token_without_a_key_says_which_file_is_missing() {
    let run = Desk::new().run(&["token", "--player", "ada", "--data", "nothing"], &[]);
    assert_eq!(run.code(), 4);
    assert!(run.stderr().contains("development.key"), "{}", run.stderr());
}
