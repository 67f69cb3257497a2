//! How large things may be.

use super::assert_none;
use super::metadata::WORKSPACE;
use super::tree::{SourceFile, file, is_comment, rust_files};

const FILE_LINES_MAX: usize = 600;
const LINE_CHARS_MAX: usize = 120;
const FUNCTION_LINES_MAX: usize = 70;
const CRATE_ROOT_LINES_MAX: usize = 120;

#[test]
fn files_are_short() {
    let mut offences = Vec::new();
    for file in rust_files().filter(|file| !file.path.starts_with("tests/")) {
        let lines = file.production().count();
        if lines > FILE_LINES_MAX {
            offences.push(format!("{} has {lines} lines apart from tests", file.path));
        }
    }
    assert_none(&format!("a file has at most {FILE_LINES_MAX} lines apart from tests"), &offences);
}

#[test]
fn lines_are_short() {
    let mut offences = Vec::new();
    for file in rust_files() {
        let long = file.lines().filter(|(_, line)| line.chars().count() > LINE_CHARS_MAX);
        offences.extend(
            long.map(|(number, line)| format!("{}: {} characters", file.at(number), line.chars().count())),
        );
    }
    assert_none(&format!("a line has at most {LINE_CHARS_MAX} characters"), &offences);
}

#[test]
fn functions_are_short() {
    let mut offences = Vec::new();
    for file in rust_files() {
        for (number, name, lines) in functions(file) {
            if lines > FUNCTION_LINES_MAX {
                offences.push(format!("{}: fn {name} has {lines} lines", file.at(number)));
            }
        }
    }
    assert_none(&format!("a function has at most {FUNCTION_LINES_MAX} lines of code"), &offences);
}

#[test]
fn crate_roots_are_maps() {
    let mut offences = Vec::new();
    // An example may be one file, as long as it is no longer than any other.
    for path in WORKSPACE.crate_roots.iter().filter(|path| !path.starts_with("examples/")) {
        let root = file(path).unwrap_or_else(|| panic!("{path} is not in the tree"));
        let lines = root.production().count();
        if lines > CRATE_ROOT_LINES_MAX {
            offences.push(format!("{path} has {lines} lines"));
        }
    }
    assert_none(&format!("a crate root has at most {CRATE_ROOT_LINES_MAX} lines"), &offences);
}

/// Every function: its line, name and lines of code between its braces. Relies on rustfmt's indentation.
fn functions(file: &SourceFile) -> Vec<(usize, String, usize)> {
    let lines: Vec<_> = file.lines().collect();
    let mut found = Vec::new();
    for (index, (number, line)) in lines.iter().enumerate() {
        let Some(name) = function_name(line) else { continue };
        let indent = line.len() - line.trim_start().len();
        let closing = format!("{}}}", " ".repeat(indent));
        let body = lines[index + 1..].iter().map(|(_, line)| *line).take_while(|line| *line != closing);
        let ends_here = line.ends_with(['}', ';']);
        let code = body.filter(|line| !line.trim().is_empty() && !is_comment(line)).count();
        found.push((*number, name.to_owned(), if ends_here { 0 } else { code }));
    }
    found
}

fn function_name(line: &str) -> Option<&str> {
    let (before, after) = line.split_once("fn ")?;
    let modifiers = ["pub", "const", "async", "unsafe", "extern", "\"C\""];
    let is_modifier =
        |word: &str| modifiers.contains(&word) || word.starts_with("pub(") || word.ends_with(')');
    if is_comment(line) || !before.split_whitespace().all(is_modifier) {
        return None;
    }
    after.split(['(', '<']).next()
}

#[test]
fn functions_are_found_and_measured() {
    assert_eq!(function_name("    pub(crate) const fn name<T>(a: T) {"), Some("name"));
    assert_eq!(function_name("let f = \"fn x\";"), None);
    assert_eq!(function_name("// fn x() {"), None);
}
