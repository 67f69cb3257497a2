//! What things may be called, and small habits.

use super::assert_none;
use super::metadata::WORKSPACE;
use super::tree::{TREE, file, rust_files};

/// Names that say nothing of what is inside.
const EMPTY_NAMES: &[&str] = &[
    "common",
    "component",
    "components",
    "helper",
    "helpers",
    "manager",
    "misc",
    "system",
    "systems",
    "types",
    "util",
    "utils",
];

#[test]
fn there_is_no_mod_rs() {
    let offences: Vec<_> =
        TREE.iter().filter(|file| file.path.ends_with("/mod.rs")).map(|f| f.path.clone()).collect();
    assert_none("a module with children is NAME.rs beside NAME/, never NAME/mod.rs", &offences);
}

#[test]
fn files_are_called_after_what_is_inside() {
    let empty = |path: &str| {
        path.split('/').any(|part| EMPTY_NAMES.contains(&part.split('.').next().unwrap_or(part)))
    };
    let offences: Vec<_> =
        rust_files().filter(|file| empty(&file.path)).map(|file| file.path.clone()).collect();
    assert_none(
        &format!("a file or folder is called after the noun inside; none of {EMPTY_NAMES:?}"),
        &offences,
    );
}

#[test]
fn re_exports_are_explicit() {
    let mut offences = Vec::new();
    for file in rust_files() {
        let globs = file.lines().filter(|(_, line)| {
            let line = line.trim();
            line.starts_with("pub") && line.contains(" use ") && line.ends_with("*;")
        });
        offences.extend(globs.map(|(number, line)| format!("{}: {}", file.at(number), line.trim())));
    }
    assert_none("a re-export names what it exports", &offences);
}

#[test]
fn tests_never_sleep() {
    let words = [concat!("thread::", "sleep"), concat!("sleep", "_until"), concat!("sleep", "_ms(")];
    let mut offences = Vec::new();
    for file in rust_files() {
        let asleep = file.tests().filter(|(_, line)| words.iter().any(|word| line.contains(word)));
        offences.extend(asleep.map(|(number, line)| format!("{}: {}", file.at(number), line.trim())));
    }
    assert_none("tests wait for what they wait for, or move a virtual clock; they never sleep", &offences);
}

#[test]
fn every_package_takes_lints_and_versions_from_the_workspace() {
    let mut offences = Vec::new();
    for folder in WORKSPACE.members.values() {
        let path = format!("{folder}/Cargo.toml");
        let manifest = file(&path).unwrap_or_else(|| panic!("{path} is not in the tree"));
        if !manifest.text.contains("[lints]\nworkspace = true") {
            offences.push(format!("{path} has no `[lints] workspace = true`"));
        }
        let mut table = "";
        for (number, line) in manifest.lines() {
            if line.starts_with('[') {
                table = line;
            }
            let entry = line.contains('=') && !line.starts_with(['#', '[']);
            let dependency = table.contains("dependencies") && entry;
            if dependency && !line.contains("workspace = true") {
                offences.push(format!("{}: {line}", manifest.at(number)));
            }
        }
    }
    assert_none("there is one table of lints and one of versions, in the root's Cargo.toml", &offences);
}
