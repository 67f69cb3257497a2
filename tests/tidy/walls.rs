//! Which crate may know of what.

use super::assert_none;
use super::metadata::WORKSPACE;
use super::tree::{SourceFile, is_comment, rust_files};

/// No clock, no socket, no file, no ECS, no runtime: what they need comes as an argument.
const PURE: &[&str] = &["sim", "games", "protocol", "journal", "rollback", "lobby", "matchmaking"];

/// Each meets the others in the binary only.
const SHELLS: &[&str] = &["server", "client", "gateway", "cluster", "relay"];

const SIM_MAY_USE: &[&str] =
    &["bincode", "bytemuck", "fixed", "safe_arch", "serde", "thiserror", "xxhash-rust"];

const NOT_PURE: &[&str] = &["bevy", "mio", "redis", "renet", "socket2", "tokio"];

/// Transport crates and the places that may name them.
const TRANSPORT: &[(&str, &[&str])] = &[
    ("renet::", &["src/link/"]),
    ("renetcode::", &["src/server/shard.rs", "src/client/"]),
    // The crate's root passes on what the folder has.
    ("redis::", &["src/cluster/redis", "src/cluster/lib.rs"]),
];

/// The models of a cluster, within a crate that is none.
const PURE_FILES: &[&str] = &[
    "src/cluster/board.rs",
    "src/cluster/board/ask.rs",
    "src/cluster/body.rs",
    "src/cluster/coordinator.rs",
    "src/cluster/lease.rs",
    "src/cluster/member.rs",
    "src/cluster/placement.rs",
    "src/cluster/table.rs",
];

/// The files that may allow `unsafe`.
const UNSAFE_FILES: &[&str] = &["benches/box2d.rs"];

/// Every place outside tests and comments where one of `words` is written, in the files that `of` picks.
fn named(words: &[&str], of: impl Fn(&SourceFile) -> bool) -> Vec<String> {
    let mut found = Vec::new();
    for file in rust_files().filter(|file| of(file)) {
        for (number, line) in file.production().filter(|(_, line)| !is_comment(line)) {
            found.extend(
                words
                    .iter()
                    .filter(|word| names(line, word))
                    .map(|word| format!("{} names {word}: {}", file.at(number), line.trim())),
            );
        }
    }
    found
}

/// Whether the word is in the line, on its own.
fn names(line: &str, word: &str) -> bool {
    let part = |c: char| c.is_alphanumeric() || c == '_';
    line.match_indices(word)
        .any(|(at, _)| !line[..at].ends_with(part) && !line[at + word.len()..].starts_with(part))
}

fn is_of(file: &SourceFile, crates: &[&str]) -> bool {
    let of_library = !file.path.contains("/examples/") && !file.path.contains("/benches/");
    of_library && crates.iter().any(|name| file.path.starts_with(&format!("src/{name}/")))
}

#[test]
fn the_simulation_stands_on_little() {
    let beyond = WORKSPACE.direct("framekeep_sim").into_iter().filter(|name| !SIM_MAY_USE.contains(name));
    let offences: Vec<_> = beyond.map(|name| format!("framekeep_sim depends on {name}")).collect();
    assert_none(&format!("sim depends on {SIM_MAY_USE:?} and nothing else"), &offences);
}

#[test]
fn pure_crates_reach_no_ecs_no_transport_and_no_runtime() {
    let mut offences = Vec::new();
    for name in PURE {
        for (reached, way) in WORKSPACE.reached(&format!("framekeep_{name}")) {
            if NOT_PURE.iter().any(|banned| reached.starts_with(banned)) {
                offences.push(way);
            }
        }
    }
    assert_none(&format!("pure crates {PURE:?} reach none of {NOT_PURE:?}, however far"), &offences);
}

#[test]
fn pure_crates_name_no_clock_no_socket_and_no_file() {
    let words = ["std::time", "std::net", "std::fs", "std::thread", "std::env", "Instant", "SystemTime"];
    assert_none(
        "pure crates take time, addresses and bytes as arguments (outside #[cfg(test)])",
        &named(&words, |file| is_of(file, PURE)),
    );
}

#[test]
fn the_models_of_a_cluster_name_no_clock_no_socket_and_no_store() {
    let words =
        ["std::time", "std::net", "std::fs", "std::thread", "Instant", "SystemTime", "tokio", "redis"];
    let missing = |path: &&&str| !rust_files().any(|file| file.path == **path);
    let gone: Vec<_> = PURE_FILES.iter().filter(missing).map(|path| format!("{path} is not there")).collect();
    assert_none("the models of a cluster are files of their own", &gone);
    assert_none(
        "the models of a cluster take time and answers as arguments",
        &named(&words, |file| PURE_FILES.contains(&file.path.as_str())),
    );
}

#[test]
fn what_is_simulated_has_no_order_of_hashing() {
    assert_none(
        "sim and games hold no HashMap and no HashSet: their order differs from run to run",
        &named(&["HashMap", "HashSet"], |file| is_of(file, &["sim", "games"])),
    );
}

#[test]
fn shells_do_not_know_each_other() {
    let mut offences = Vec::new();
    let there = |name: &&&str| WORKSPACE.members.contains_key(&format!("framekeep_{name}"));
    for shell in SHELLS.iter().filter(there) {
        let reached = WORKSPACE.reached(&format!("framekeep_{shell}"));
        for other in SHELLS.iter().filter(|other| *other != shell) {
            offences.extend(reached.get(format!("framekeep_{other}").as_str()).cloned());
        }
    }
    assert_none("shells never depend on each other; the binary wires them together", &offences);
}

#[test]
fn libraries_do_not_depend_on_tools() {
    let mut offences = Vec::new();
    for (name, folder) in &WORKSPACE.members {
        for dependency in WORKSPACE.direct(name) {
            let to = WORKSPACE.members.get(dependency).map_or("", String::as_str);
            if folder.starts_with("src/") && !to.is_empty() && !to.starts_with("src/") {
                offences.push(format!("{folder} depends on {to}"));
            }
        }
    }
    assert_none("what is in src/ depends on nothing of tools/, tests/, benches/, examples/", &offences);
}

#[test]
fn the_transport_crates_are_named_in_few_places() {
    for (path, places) in TRANSPORT {
        let elsewhere = |file: &SourceFile| !places.iter().any(|place| file.path.starts_with(place));
        assert_none(
            &format!("{path} is named in {places:?} only, so that it can be replaced"),
            &named(&[path], elsewhere),
        );
    }
}

#[test]
fn unsafe_code_is_allowed_in_named_files_only() {
    let words = ["allow(unsafe_code)", "expect(unsafe_code"];
    let mut offences = Vec::new();
    for file in rust_files().filter(|file| !UNSAFE_FILES.contains(&file.path.as_str())) {
        let allowed = file.production().filter(|(_, line)| words.iter().any(|word| line.contains(word)));
        offences.extend(allowed.map(|(number, line)| format!("{}: {}", file.at(number), line.trim())));
    }
    assert_none(&format!("outside tests, unsafe code is allowed in {UNSAFE_FILES:?} only"), &offences);
}
