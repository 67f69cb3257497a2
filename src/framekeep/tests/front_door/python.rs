//! A client in another language, written from the schema alone.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use crate::serving::Serving;
use crate::udp::UdpBot;

/// Lets it play a match; gives what it has seen, or nothing where there is no Python.
fn play(settings: &[(&str, &str)], with: &[&str]) -> Option<(serde_json::Value, Serving)> {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..");
    let serving = Serving::start(settings);
    let client = Command::new("python3")
        .arg(root.join("tests/python/client.py"))
        .arg(root.join("src/gateway/framekeep.proto"))
        .args([&serving.http.to_string(), "friday", "2", "1.5"])
        .args(with)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let Ok(client) = client else {
        eprintln!("SKIPPED: there is no python3 to run tests/python/client.py with");
        return None;
    };
    serving.until("its room is there", |serving| serving.get("/api/v1/rooms/friday").status == 200);
    let bot = UdpBot::join(&serving, "friday");
    let output = client.wait_with_output().expect("it ends");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{said}; {}", serving.log());
    let seen: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let ended = if with.contains(&"brief") { "outcome" } else { "aborted" };
    assert_eq!((&seen["ended"], &seen["bits"]), (&ended.into(), &11.into()), "{seen}");
    let number = |name: &str| seen[name].as_u64().unwrap_or_default();
    assert!(number("views") > 10 && number("whole") >= 1, "{seen}");
    assert!(number("moved") > 0, "it saw itself move: {seen}");
    let events = seen["events"].as_array().expect("events");
    for kind in ["joined", "started", "chat"] {
        assert!(events.iter().any(|event| event == kind), "{kind}: {seen}");
    }
    assert!(bot.leave() > 0);
    Some((seen, serving))
}

#[test]
fn a_client_written_from_the_schema_alone_plays_a_match() {
    // Who offers to pack and is not answered goes on without.
    for with in [&[][..], &["deflate"]] {
        let Some((seen, _)) = play(&[], with) else { return };
        assert_eq!(seen["packed"], 0);
    }
}

#[test]
fn a_client_written_from_the_schema_alone_plays_a_match_to_its_outcome() {
    let folder = tempfile::tempdir().expect("a folder");
    let arenas = folder.path().join("arena");
    std::fs::create_dir(&arenas).expect("a folder");
    let pit = include_str!("../../../../assets/arenas/pit.toml");
    let brief = pit.replace("time_limit_s = 60", "time_limit_s = 5");
    std::fs::write(arenas.join("brief.toml"), brief).expect("a file");
    let content = folder.path().display().to_string();
    let Some((_, serving)) = play(&[("FRAMEKEEP__CONTENT__FOLDER", &content)], &["brief"]) else { return };
    let result = |serving: &Serving| serving.get("/api/v1/results").json()["results"][0].clone();
    serving.until("its result is kept", |serving| result(serving)["reason"] == "outcome");
    assert_eq!(result(&serving)["players"].as_array().map(Vec::len), Some(2));
}

#[test]
fn where_messages_are_packed_a_foreign_zlib_understands_them_and_is_understood() {
    let settings = [("FRAMEKEEP__WEBSOCKET__COMPRESSION", "deflate")];
    let Some((seen, serving)) = play(&settings, &["deflate"]) else { return };
    // The shortest are sent as they are.
    assert!(seen["packed"].as_u64() > Some(2), "{seen}");
    let metrics = serving.get("/metrics").body;
    let bytes = |state: &str| -> f64 {
        let name = format!("framekeep_websocket_deflated_bytes_total{{state=\"{state}\"}} ");
        metrics.lines().find_map(|line| line.strip_prefix(&name)).expect(state).parse().expect("a number")
    };
    assert!(0.0 < bytes("packed") && bytes("packed") < 0.8 * bytes("plain"), "{metrics}");
    // Who does not offer it is served as before.
    let Some((seen, _)) = play(&settings, &[]) else { return };
    assert_eq!(seen["packed"], 0);
}
