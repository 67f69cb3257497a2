//! The built binary, as a user runs it.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Output, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
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

    /// Starts a server and reads its banner.
    fn serve(&self, args: &[&str], env: &[(&str, &str)]) -> Serving {
        let mut child = self
            .command(args, env)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the binary runs");
        let mut stdout = BufReader::new(child.stdout.take().expect("piped"));
        let mut banner = String::new();
        while !banner.contains("try: ") && stdout.read_line(&mut banner).expect("UTF-8") > 0 {}
        Serving { child, stdout, banner }
    }

    fn run(&self, args: &[&str], env: &[(&str, &str)]) -> Run {
        Run(self.command(args, env).output().expect("the binary runs"))
    }
}

/// A server that runs; killed when dropped.
struct Serving {
    child: Child,
    stdout: BufReader<ChildStdout>,
    banner: String,
}

impl Serving {
    /// The address of the banner.
    fn address(&self) -> String {
        let line = self.banner.lines().find(|line| line.trim_start().starts_with("udp")).expect("a udp line");
        line.split_whitespace().nth(1).expect("an address").trim_end_matches(',').to_owned()
    }

    /// Sends the signal and gives the exit code.
    fn end_by(mut self, signal: Signal) -> i32 {
        let pid = Pid::from_raw(i32::try_from(self.child.id()).expect("a process id"));
        kill(pid, signal).expect("the server is there");
        let mut rest = String::new();
        self.stdout.read_to_string(&mut rest).expect("UTF-8");
        self.child.wait().expect("the server ends").code().unwrap_or(-1)
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
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
        &["identity", "--help"],
        &["config", "show", "--help"],
        &["config", "default", "--help"],
    ] {
        let run = desk.run(args, &[]);
        assert_eq!(run.code(), 0, "{args:?}: {}", run.stderr());
        assert!(run.stdout().contains("Example"), "{args:?} shows no example:\n{}", run.stdout());
    }
}

/// As docs/SCALING.md says: key and secret were brought here, and there is no data folder yet.
#[test]
fn a_gateway_starts_in_a_folder_that_has_only_its_key_and_its_secret() {
    let settings = "[identity]\nkey_file = \"framekeep.key\"\n[cluster]\nrole = \"gateway\"\n\
                    redis_url = \"redis://127.0.0.1:9\"\nsecret_file = \"cluster.secret\"\n";
    let desk = Desk::new().with_file("framekeep.toml", settings);
    let desk = desk.with_file("cluster.secret", "a secret of the cluster\n");
    assert_eq!(desk.run(&["key", "--out", "framekeep.key"], &[]).code(), 0);
    let gateway = desk.serve(&["serve", "--http", "127.0.0.1:0", "--admin", "127.0.0.1:0"], &[]);
    assert!(desk.path().join("framekeep-data/admin.token").exists(), "{}", gateway.banner);
    assert_eq!(gateway.end_by(Signal::SIGTERM), 0);
}

#[test]
fn a_part_of_a_node_is_refused_without_a_cluster_and_a_gateway_without_a_secret() {
    let desk = Desk::new();
    for role in ["gateway", "game"] {
        let run = desk.run(&["config", "check", "--role", role], &[]);
        assert_eq!(run.code(), 4, "{}", run.stderr());
        assert!(run.stderr().contains("set cluster.redis_url"), "{}", run.stderr());
    }
    let redis = ("FRAMEKEEP_REDIS_URL", "redis://127.0.0.1:6379");
    let run = desk.run(&["config", "check", "--role", "gateway"], &[redis]);
    assert_eq!(run.code(), 4, "{}", run.stderr());
    assert!(run.stderr().contains("cluster.secret_file"), "{}", run.stderr());
    let secret = ("FRAMEKEEP_CLUSTER_SECRET", "canary-cluster-secret-0123");
    let run = desk.run(&["config", "check", "--role", "gateway"], &[redis, secret]);
    assert_eq!(run.code(), 0, "{}", run.stderr());
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
fn the_public_key_follows_from_the_node_key() {
    let (desk, key) = (Desk::new(), "0123456789abcdef".repeat(4));
    assert_eq!(desk.run(&["identity", "--data", "nothing"], &[]).code(), 4);
    let run = desk.run(&["identity"], &[("FRAMEKEEP_KEY", key.as_str())]);
    assert_eq!(run.code(), 0, "{}", run.stderr());
    // The same for as long as replays are to be checked.
    let public = "97cdd24ba484f257ad79c428f131b6a4377877d80764e15827a302638841a4dd";
    assert_eq!(run.stdout().trim(), public);
}

#[test]
fn a_token_without_a_key_says_which_file_is_missing() {
    let run = Desk::new().run(&["token", "--player", "ada", "--data", "nothing"], &[]);
    assert_eq!(run.code(), 4);
    for part in ["development.key", "start the server once", "--data"] {
        assert!(run.stderr().contains(part), "{}", run.stderr());
    }
}

#[test]
fn a_server_says_where_it_is_and_what_to_try_and_ends_by_either_signal() {
    for signal in [Signal::SIGTERM, Signal::SIGINT] {
        let desk = Desk::new();
        let server = desk.serve(&["--udp", "127.0.0.1:0"], &[]);
        let address = server.address();
        assert!(!address.ends_with(":0"), "{}", server.banner);
        for part in ["arena", "./framekeep-data", "development", "try: ", &format!("--addr {address}")] {
            assert!(server.banner.contains(part), "{part} is not in:\n{}", server.banner);
        }
        assert_eq!(server.end_by(signal), 0);
    }
}

#[test]
fn the_list_of_rooms_says_whether_its_server_still_runs() {
    let desk = Desk::new();
    let server = desk.serve(&["--udp", "127.0.0.1:0"], &[]);
    // The first list comes with one of the server's first turns.
    let until = std::time::Instant::now() + std::time::Duration::from_secs(30);
    let mut listed = desk.run(&["rooms"], &[]);
    while listed.code() != 0 && std::time::Instant::now() < until {
        listed = desk.run(&["rooms"], &[]);
    }
    let text = listed.stdout() + &listed.stderr();
    assert!(text.ends_with("0 rooms; the server runs\n"), "{text}");
    assert!(desk.run(&["rooms", "--json"], &[]).stdout().contains("\"server_runs\":true"));
    assert_eq!(server.end_by(Signal::SIGTERM), 0);
    let listed = desk.run(&["rooms"], &[]).stdout();
    assert!(listed.contains("0 rooms; no server uses this data folder any more"), "{listed}");
}

#[test]
fn the_development_key_is_private_and_kept() {
    use std::os::unix::fs::MetadataExt;

    let desk = Desk::new();
    let key = desk.path().join("rooms/development.key");
    let mut seen = Vec::new();
    for _ in 0..2 {
        let server = desk.serve(&["serve", "--udp", "[::1]:0", "--data", "rooms"], &[]);
        assert_eq!(std::fs::metadata(&key).expect("a key").mode() & 0o777, 0o600);
        seen.push(std::fs::read_to_string(&key).expect("a key"));
        assert_eq!(server.end_by(Signal::SIGTERM), 0);
    }
    assert_eq!(seen[0], seen[1]);
}

#[test]
fn an_address_that_is_taken_ends_with_exit_code_5() {
    let desk = Desk::new();
    let first = desk.serve(&["--udp", "127.0.0.1:0"], &[]);
    let second = desk.run(&["--udp", &first.address(), "--data", "other"], &[]);
    assert_eq!(second.code(), 5, "{}", second.stderr());
    assert!(second.stderr().contains(&first.address()), "{}", second.stderr());
}

#[test]
fn a_configured_key_opens_addresses_beyond_loopback() {
    let desk = Desk::new();
    let key = "0123456789abcdef".repeat(4);
    let env = [("FRAMEKEEP_KEY", key.as_str())];
    let server = desk.serve(&["--udp", "0.0.0.0:0", "--public", "192.0.2.7:7770"], &env);
    assert!(server.banner.contains("--addr 192.0.2.7:7770"), "{}", server.banner);
    assert!(server.banner.contains("FRAMEKEEP_KEY") && !server.banner.contains(&key), "{}", server.banner);
    assert!(!desk.path().join("framekeep-data/development.key").exists());
}

#[test]
fn an_address_nobody_can_connect_to_needs_a_public_one() {
    let desk = Desk::new();
    let key = "0123456789abcdef".repeat(4);
    for udp in ["0.0.0.0:0", "[::]:0"] {
        let run = desk.run(&["serve", "--udp", udp], &[("FRAMEKEEP_KEY", &key)]);
        assert_eq!(run.code(), 4, "{}", run.stderr());
        assert!(run.stderr().contains("net.public = [\"192.0.2.7:7770\"]"), "{}", run.stderr());
    }
    let run = desk.run(&["token", "--player", "ada", "--udp", "0.0.0.0:7770"], &[("FRAMEKEEP_KEY", &key)]);
    assert_eq!(run.code(), 2);
    assert!(run.stderr().contains("net.public"), "{}", run.stderr());
}

#[test]
fn a_misspelt_variable_ends_with_exit_code_4() {
    let run = Desk::new().run(&["serve"], &[("FRAMEKEEP_NET_UDP", "127.0.0.1:1")]);
    assert_eq!(run.code(), 4);
    assert!(run.stderr().contains("did you mean FRAMEKEEP__NET__UDP?"), "{}", run.stderr());
}

#[test]
fn wrong_log_levels_and_assignments_are_told_apart() {
    let desk = Desk::new();
    assert_eq!(desk.run(&["config", "show", "--log", "nonsense"], &[]).code(), 4);
    assert_eq!(desk.run(&["config", "show", "--set", "nonet"], &[]).code(), 2);
    assert_eq!(desk.run(&["config", "show", "--set", "no.net=1"], &[]).code(), 4);
}

#[test]
fn a_data_folder_that_is_a_file_is_named_with_the_way_out() {
    let desk = Desk::new().with_file("taken", "");
    let key = "0123456789abcdef".repeat(4);
    for env in [&[][..], &[("FRAMEKEEP_KEY", key.as_str())]] {
        let run = desk.run(&["serve", "--udp", "127.0.0.1:0", "--data", "taken"], env);
        assert_eq!(run.code(), 1, "{}", run.stderr());
        assert!(run.stderr().contains("taken") && run.stderr().contains("--data"), "{}", run.stderr());
    }
}

#[test]
fn a_server_whose_output_nobody_reads_serves_on() {
    let desk = Desk::new();
    let mut child = desk
        .command(&["--udp", "127.0.0.1:0", "--log", "info"], &[])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary runs");
    drop((child.stdout.take(), child.stderr.take()));
    // The status file is written after the banner, by a server that runs.
    while !desk.path().join("framekeep-data/status.json").exists() {
        assert!(child.try_wait().expect("a child").is_none(), "the server ended");
        std::thread::yield_now();
    }
    kill(Pid::from_raw(i32::try_from(child.id()).expect("a process id")), Signal::SIGTERM)
        .expect("it is there");
    assert_eq!(child.wait().expect("the server ends").code(), Some(0));
}

#[test]
fn log_lines_are_json_where_there_is_no_terminal() {
    let desk = Desk::new();
    let args = ["--udp", "127.0.0.1:0"];
    let mut child =
        desk.command(&args, &[]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("runs");
    let mut line = String::new();
    BufReader::new(child.stderr.take().expect("piped")).read_line(&mut line).expect("UTF-8");
    let _ = (child.kill(), child.wait());
    assert!(line.starts_with('{') && line.contains("\"level\":"), "{line}");
}

#[test]
fn a_ticket_is_minted_with_the_key_of_the_data_folder() {
    let desk = Desk::new();
    drop(desk.serve(&["--udp", "127.0.0.1:0"], &[]));
    let run = desk.run(&["token", "--player", "ada", "--room", "friday"], &[]);
    assert_eq!(run.code(), 0, "{}", run.stderr());
    let ticket = run.stdout().trim().to_owned();
    assert!(
        ticket.len() > 1024 && ticket.len().is_multiple_of(4),
        "a connect token of netcode in Base64: {ticket}"
    );
    let file = desk.run(&["token", "--player", "ada", "--out", "ada.ticket"], &[]);
    assert_eq!((file.code(), file.stdout().as_str()), (0, ""));
    assert!(desk.path().join("ada.ticket").is_file());
    assert_eq!(desk.run(&["token", "--player", ""], &[]).code(), 2);
    assert_eq!(desk.run(&["token", "--player", "ada", "--addr", "0.0.0.0:1"], &[]).code(), 2);
}

#[test]
fn content_that_a_game_refuses_ends_with_exit_code_4() {
    let desk = Desk::new();
    std::fs::create_dir_all(desk.path().join("more/arena")).expect("a folder");
    let desk = desk.with_file("more/arena/broken.toml", "walls = 3\n");
    for folder in ["more", "nowhere"] {
        let run = desk.run(&["--udp", "127.0.0.1:0", "--set", &format!("content.folder={folder}")], &[]);
        assert_eq!(run.code(), 4, "{}", run.stderr());
        assert!(run.stderr().contains(folder) || run.stderr().contains("arena/broken"), "{}", run.stderr());
    }
}

#[test]
fn a_check_says_of_each_thing_how_it_is_and_leaves_nothing_behind() {
    let desk = Desk::new();
    let free = ["--udp", "127.0.0.1:0", "--http", "127.0.0.1:0", "--admin", "127.0.0.1:0"];
    let checked = desk.run(&[&["check"][..], &free].concat(), &[]);
    let text = String::from_utf8_lossy(&checked.0.stdout).into_owned();
    for what in
        ["cpu", "clock", "config", "data", "lock", "disk", "keys", "udp", "http", "admin", "redis", "files"]
    {
        let line = text.lines().find(|line| line.split_whitespace().nth(1) == Some(what));
        let word = line.and_then(|line| line.split_whitespace().next()).unwrap_or_default();
        assert!(["ok", "warn"].contains(&word), "{what}: {text}");
    }
    assert_eq!(checked.0.status.code(), Some(0), "{text}");
    assert_eq!(std::fs::read_dir(desk.path()).unwrap().count(), 0);
}

#[test]
fn a_check_fails_for_what_keeps_a_server_from_starting() {
    let desk = Desk::new().with_file("framekeep.toml", "[rooms]\ntick_rate_hz = 4\n");
    let checked = desk.run(&["check"], &[]);
    let text = String::from_utf8_lossy(&checked.0.stdout).into_owned();
    assert!(checked.0.status.code() == Some(4) && text.contains("fail  config"), "{text}");
    let taken = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let desk = Desk::new();
    let checked = desk.run(&["check", "--udp", &address, "--http", "off", "--admin", "off"], &[]);
    let text = String::from_utf8_lossy(&checked.0.stdout).into_owned();
    assert!(checked.0.status.code() == Some(5) && text.contains("fail  udp"), "{text}");
    assert!(text.contains("ok    http         off"), "{text}");
}
