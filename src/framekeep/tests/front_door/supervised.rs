//! Whoever supervises a server: systemd, a container engine, an operator who changes its configuration.

use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::{Command, Output};
use std::time::Duration;

use nix::sys::signal::Signal;
use serde_json::Value;

use crate::serving::{ADMIN_TOKEN, API_KEY, KEY, LONGEST, Serving};
use crate::stub::Stub;
use crate::web::{Web, open};

/// What systemd hears, until it hears something.
fn until_heard(socket: &UnixDatagram, words: &str) -> String {
    let mut all = String::new();
    let mut buffer = [0; 1_024];
    while !all.contains(words) {
        let length = socket.recv(&mut buffer).unwrap_or_else(|error| panic!("{error}: no {words} in {all}"));
        all.push_str(&String::from_utf8_lossy(&buffer[..length]));
    }
    all
}

#[test]
fn systemd_is_told_that_a_server_is_ready_lives_and_stops() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("notify");
    let socket = UnixDatagram::bind(&path).expect("a socket");
    socket.set_read_timeout(Some(LONGEST)).expect("a time-out");
    let address = path.to_string_lossy().into_owned();
    let serving = Serving::start(&[("NOTIFY_SOCKET", &address), ("WATCHDOG_USEC", "3000000")]);
    let first = until_heard(&socket, "READY=1");
    assert!(first.starts_with("READY=1\nMAINPID="), "{first}");
    until_heard(&socket, "WATCHDOG=1");
    let mut web = Web::enter(&serving, "ada");
    web.join("friday", 2);
    web.hear("joined");
    until_heard(&socket, "STATUS=1 rooms, 0 playing, 1 links");
    // A server that is stopped says nothing: the watchdog would kill it.
    serving.signal(Signal::SIGSTOP);
    let mut buffer = [0; 1_024];
    socket.set_nonblocking(true).expect("set");
    while socket.recv(&mut buffer).is_ok() {}
    socket.set_nonblocking(false).expect("set");
    socket.set_read_timeout(Some(Duration::from_millis(2_500))).expect("a time-out");
    assert!(socket.recv(&mut buffer).is_err(), "it says that it lives");
    socket.set_read_timeout(Some(LONGEST)).expect("a time-out");
    serving.signal(Signal::SIGCONT);
    until_heard(&socket, "WATCHDOG=1");
    serving.signal(Signal::SIGTERM);
    let last = until_heard(&socket, "STOPPING=1");
    assert!(last.contains("EXTEND_TIMEOUT_USEC=45000000"), "{last}");
    assert_eq!(serving.end(), 0);
    until_heard(&socket, "STATUS=stopped");
}

/// The name and the niceness of every thread of a process.
#[cfg(target_os = "linux")]
fn threads(process: u32) -> Vec<(String, i32)> {
    let tasks = std::fs::read_dir(format!("/proc/{process}/task")).expect("a process").flatten();
    let stats = tasks.filter_map(|task| std::fs::read_to_string(task.path().join("stat")).ok());
    let of = |stat: String| {
        let (front, fields) = stat.rsplit_once(')').expect("a name in brackets");
        let name = front.split_once('(').expect("a name in brackets").1.to_owned();
        // The 19th field; what follows the name begins with the third.
        (name, fields.split_whitespace().nth(16).expect("niceness").parse().expect("a number"))
    };
    stats.map(of).collect()
}

#[cfg(target_os = "linux")]
#[test]
fn the_front_door_gives_way_to_the_simulation() {
    let serving = Serving::start(&[]);
    let threads = threads(serving.id());
    let usual = threads.iter().find(|(name, _)| name == "framekeep").expect("the main thread").1;
    let doors: Vec<i32> =
        threads.iter().filter(|(name, _)| name == "framekeep-gate").map(|one| one.1).collect();
    assert_eq!(doors, [(usual + 5).min(19); 2], "{threads:?}");
}

#[test]
fn the_webhook_the_page_the_metrics_and_the_log_are_told_of_an_alert() {
    let stub = Stub::start();
    let url = format!("http://{}/alerts?room=1", stub.address);
    let serving = Serving::start(&[("FRAMEKEEP__ALERTS__WEBHOOK", &url), ("FRAMEKEEP__NET__NAME", "node-7")]);
    assert_eq!(serving.get("/api/v1/alerts").json().as_array().map(Vec::len), Some(0));
    // The status file can no longer be written.
    std::fs::rename(serving.data(), serving.folder().join("elsewhere")).expect("renamed");
    serving.until("the webhook is told", |_| stub.count("/alerts?room=1") > 0);
    let asked = stub.heard().remove(0);
    let told: Value = serde_json::from_str(&asked.body).expect("JSON");
    assert_eq!((asked.method.as_str(), &told["state"]), ("POST", &"firing".into()));
    assert_eq!((&told["name"], &told["severity"]), (&"journal".into(), &"critical".into()));
    assert_eq!((&told["node"], told["value"].as_f64() > Some(0.0)), (&"node-7".into(), true));
    assert!(
        serving.get("/api/v1/alerts").json().as_array().unwrap().iter().any(|one| one["name"] == "journal")
    );
    let metrics = serving.get("/metrics").body;
    assert!(metrics.contains("framekeep_alert_firing{alert=\"journal\"} 1\n"), "{metrics}");
    assert!(metrics.contains("framekeep_alert_firing{alert=\"panics\"} 0\n"), "{metrics}");
    assert!(serving.log().contains("alert: records are lost"));
    serving.until("it is counted", |serving| {
        serving.get("/metrics").body.contains("\nframekeep_alerts_sent_total 1\n")
    });
    std::fs::rename(serving.folder().join("elsewhere"), serving.data()).expect("renamed");
}

#[test]
fn a_hang_up_reads_the_configuration_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let write = |path: &Path, text: &str| std::fs::write(path.join("framekeep.toml"), text).expect("a file");
    write(folder.path(), "[http]\norigins = \"https://old.example.org\"\n");
    let serving = Serving::start_in(folder, &[]);
    let may = |origin: &str| open(serving.http, &[("Origin", origin)]).is_ok();
    assert!(may("https://old.example.org") && !may("https://new.example.org"));
    let is_logged = |text: &str| serving.until(text, |serving| serving.log().contains(text));

    write(serving.folder(), "[http]\norigins = \"https://new.example.org\"\n[net]\nname = \"b\"\n");
    serving.signal(Signal::SIGHUP);
    is_logged("these keys are followed when the server starts next");
    assert!(!may("https://old.example.org") && may("https://new.example.org"));
    assert!(serving.log().contains("http.origins") && serving.log().contains("net.name"));

    write(serving.folder(), "[http]\norigin = \"https://third.example.org\"\n");
    serving.signal(Signal::SIGHUP);
    is_logged("did you mean http.origins?");
    assert!(may("https://new.example.org"), "nothing has changed");

    write(serving.folder(), "[http]\nguests = \"off\"\n");
    serving.signal(Signal::SIGHUP);
    serving.until("guests are not welcome", |serving| {
        serving.post("/api/v1/tickets", &[], "{\"name\":\"ada\"}").status == 401
    });
    serving.signal(Signal::SIGTERM);
    assert_eq!(serving.end(), 0);
}

/// The binary with arguments, in an environment without settings.
fn run(args: &[&str], env: &[(&str, &str)], folder: &Path) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_framekeep"));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("FRAMEKEEP") {
            command.env_remove(name);
        }
    }
    command.args(args).envs(env.iter().copied()).current_dir(folder).output().expect("the binary runs")
}

#[test]
fn a_health_check_is_an_exit_code() {
    let serving = Serving::start(&[]);
    let http = serving.http.to_string();
    let check = |more: &[&str]| {
        let args = [&["healthcheck", "--http", http.as_str()], more].concat();
        let output = run(&args, &[], serving.folder());
        (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned())
    };
    assert_eq!(check(&[]), (Some(0), "ok\n".to_owned()));
    assert_eq!(check(&["--ready"]), (Some(0), "ready\n".to_owned()));
    let _web = {
        let mut web = Web::enter(&serving, "ada");
        web.join("friday", 2);
        web.hear("joined");
        let mut other = Web::enter(&serving, "bob");
        other.join("friday", 2);
        other.hear("started");
        (web, other)
    };
    serving.signal(Signal::SIGTERM);
    serving.until("it is not ready", |_| check(&["--ready"]).0 == Some(1));
    assert_eq!(check(&[]).0, Some(0), "it turns");
    let top = run(&["top", "--once", "100x30", "--http", &http], &[], serving.folder());
    let picture = String::from_utf8_lossy(&top.stdout).into_owned();
    assert!(picture.contains("draining") && picture.contains("friday"), "{picture}");
    serving.signal(Signal::SIGTERM);
    let (_, folder) = serving.end_in_folder();
    for command in [&["healthcheck"][..], &["top", "--once", "80x24"]] {
        let gone = run(&[command, &["--http", &http]].concat(), &[], folder.path());
        assert_eq!(gone.status.code(), Some(5), "{command:?}");
        let off = run(&[command, &["--http", "off"]].concat(), &[], folder.path());
        assert_eq!(off.status.code(), Some(2), "{command:?}");
    }
}

#[test]
fn commands_find_a_server_by_its_data_folder_whatever_port_it_got() {
    let serving = Serving::start(&[]);
    let data = serving.data().display().to_string();
    for port in [&[][..], &["--http", "127.0.0.1:0"]] {
        let well = run(&[&["healthcheck", "--ready", "--data", &data], port].concat(), &[], serving.folder());
        assert_eq!(well.status.code(), Some(0), "{}", String::from_utf8_lossy(&well.stderr));
        let args = [&["top", "--once", "100x30", "--data", &data], port].concat();
        let top = run(&args, &[], serving.folder());
        let picture = String::from_utf8_lossy(&top.stdout).into_owned();
        assert!(picture.contains(&serving.http.to_string()), "{picture}");
    }
}

#[test]
fn operators_close_kick_and_drain_from_the_command_line() {
    let serving = Serving::start(&[]);
    let admin = serving.admin.to_string();
    let mut ada = Web::enter(&serving, "ada");
    ada.join("friday", 2);
    ada.hear("joined");
    let token = [("FRAMEKEEP_ADMIN_TOKEN", ADMIN_TOKEN)];
    let operate =
        |args: &[&str]| run(&[args, &["--admin", &admin]].concat(), &token, serving.folder()).status.code();
    assert_eq!(operate(&["close", "monday"]), Some(1), "there is no such room");
    assert_eq!(operate(&["kick", "nobody"]), Some(1));
    assert_eq!(operate(&["close", "friday"]), Some(0));
    assert_eq!(ada.event("closed")["reason"], "server");
    assert_eq!(operate(&["kick", &ada.player]), Some(0));
    assert_eq!(ada.until_closed(), "kicked");
    let wrong = [("FRAMEKEEP_ADMIN_TOKEN", "not-the-token-at-all")];
    assert_eq!(run(&["drain", "--admin", &admin], &wrong, serving.folder()).status.code(), Some(1));
    assert_eq!(run(&["drain", "--admin", &admin], &[], serving.folder()).status.code(), Some(4), "no token");
    assert_eq!(run(&["drain", "--admin", "off"], &token, serving.folder()).status.code(), Some(2));
    assert_eq!(operate(&["drain", "--grace", "5"]), Some(0));
    assert_eq!(serving.end(), 0);
}

#[test]
fn a_configuration_is_checked_without_starting() {
    let folder = tempfile::tempdir().expect("a folder");
    let check = |args: &[&str], env: &[(&str, &str)]| {
        let output = run(&[&["config", "check"], args].concat(), env, folder.path());
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    assert_eq!(check(&[], &[]), (Some(0), String::new()));
    assert_eq!(std::fs::read_dir(folder.path()).expect("a folder").count(), 0, "nothing is made");
    for (args, env, code) in [
        (&["--udp", "0.0.0.0:7770"][..], &[][..], 4),
        (&["--udp", "0.0.0.0:7770"], &[("FRAMEKEEP_KEY", KEY)], 4),
        (&["--udp", "0.0.0.0:7770", "--public", "192.0.2.7:7770"], &[("FRAMEKEEP_KEY", KEY)], 0),
        (&["--set", "identity.key_file=nowhere.key"], &[], 4),
        (&["--set", "http.api_key_file=nowhere.key"], &[], 4),
        (&["--set", "content.folder=nowhere"], &[], 4),
        (&["--admin", "0.0.0.0:7781"], &[], 4),
        (&[], &[("FRAMEKEEP_API_KEY", "short")], 4),
        (&["--set", "rooms.tick_rate=30"], &[], 4),
    ] {
        let (found, said) = check(args, env);
        assert_eq!(found, Some(code), "{args:?} {env:?}: {said}");
    }
    let env = [
        ("FRAMEKEEP_KEY", KEY),
        ("FRAMEKEEP_API_KEY", API_KEY),
        ("FRAMEKEEP_ADMIN_TOKEN", ADMIN_TOKEN),
        ("FRAMEKEEP_CLUSTER_SECRET", "canary-cluster-secret"),
        ("FRAMEKEEP__ALERTS__WEBHOOK", "http://127.0.0.1:1/hook?token=canary-webhook"),
        ("FRAMEKEEP_REDIS_URL", "redis://ada:canary-redis@127.0.0.1:1"),
    ];
    let secrets = [KEY, API_KEY, ADMIN_TOKEN, "canary-"];
    for args in [&["config", "show", "--origin"][..], &["config", "default"], &["config", "check"]] {
        let output = run(args, &env, folder.path());
        let text = [output.stdout, output.stderr].concat();
        let text = String::from_utf8_lossy(&text);
        assert!(secrets.iter().all(|secret| !text.contains(secret)), "{args:?}: {text}");
    }
}
