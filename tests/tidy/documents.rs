//! Documents tell the truth: paths and commands they name exist.

use super::assert_none;
use super::metadata::WORKSPACE;
use super::tree::{SourceFile, TREE, file, root};

#[test]
fn paths_named_in_documents_exist() {
    let mut offences = Vec::new();
    for document in documents() {
        for (number, line) in document.lines() {
            let missing = code_spans(line).filter(|span| is_path(span) && !path_exists(span));
            offences.extend(missing.map(|path| format!("{} names `{path}`", document.at(number))));
        }
    }
    assert_none("a path that a document names in code exists", &offences);
}

#[test]
fn links_between_documents_lead_somewhere() {
    let mut offences = Vec::new();
    for document in documents() {
        let folder = document.path.rsplit_once('/').map_or("", |(folder, _)| folder);
        for (number, line) in document.lines() {
            for target in line.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
                let target = target.split('#').next().unwrap_or_default();
                let local = !target.is_empty() && !target.contains("://");
                if local && !root().join(folder).join(target).exists() {
                    offences.push(format!("{} links to {target}", document.at(number)));
                }
            }
        }
    }
    assert_none("a link to a file leads to one", &offences);
}

#[test]
fn commands_in_documents_exist() {
    let mut offences = Vec::new();
    for document in documents() {
        for (number, command) in commands(document) {
            offences.extend(
                wrong_parts(&command).map(|part| format!("{}: {part}: {command}", document.at(number))),
            );
        }
    }
    assert_none("packages, chores, commands and flags that a document shows exist", &offences);
}

#[test]
fn the_readme_shows_how_to_begin() {
    let readme = file("README.md").expect("there is a README.md");
    let needed = [
        "cargo run --release",
        "cargo xtask test",
        "framekeep_swarm",
        "framekeep_replay",
        "docs/ARCHITECTURE.md",
    ];
    let missing = needed.iter().filter(|text| !readme.text.contains(**text));
    let offences: Vec<_> = missing.map(|text| format!("README.md does not show {text}")).collect();
    assert_none("the README shows the commands to start, play, verify and test with", &offences);
}

#[test]
fn text_that_documents_promise_is_there() {
    let missing = [
        "README.md",
        "CHANGELOG.md",
        "LICENSE-MIT",
        "LICENSE-APACHE",
        "docs/ARCHITECTURE.md",
        "docs/PROTOCOL.md",
    ]
    .into_iter()
    .filter(|path| file(path).is_none());
    let offences: Vec<_> = missing.map(|path| format!("{path} is missing")).collect();
    assert_none("the tree has these documents", &offences);
}

fn documents() -> impl Iterator<Item = &'static SourceFile> {
    TREE.iter().filter(|file| {
        file.path.ends_with(".md") && (file.path.starts_with("docs/") || !file.path.contains('/'))
    })
}

/// What stands between single backticks.
fn code_spans(line: &str) -> impl Iterator<Item = &str> {
    line.split('`').skip(1).step_by(2)
}

/// Whether the text is a path of the tree rather than a type, a flag or a pattern.
fn is_path(text: &str) -> bool {
    let plain = text.chars().all(|c| c.is_ascii_alphanumeric() || "_-./".contains(c));
    let first = text.split('/').next().unwrap_or_default();
    let placeholder =
        text.split(['/', '.']).any(|part| part.len() > 1 && part.chars().all(|c| c.is_ascii_uppercase()));
    let known = [".rs", ".md", ".toml"].iter().any(|end| text.ends_with(end));
    let made_when_run = text.starts_with("./") || text == "framekeep.toml";
    let in_tree = text.contains('/') && !first.is_empty() && root().join(first).is_dir() && first != "target";
    plain && !made_when_run && (file(text).is_some() || !placeholder && (known || in_tree))
}

/// From the root, or the end of one file's path, as in `frame.rs`.
fn path_exists(path: &str) -> bool {
    let end = format!("/{path}");
    root().join(path).exists() || TREE.iter().any(|file| file.path.ends_with(&end))
}

/// The commands of a document's shell blocks, continued lines joined.
fn commands(document: &SourceFile) -> Vec<(usize, String)> {
    let mut found: Vec<(usize, String)> = Vec::new();
    let (mut in_block, mut continued) = (false, false);
    for (number, line) in document.lines() {
        if let Some(language) = line.trim_start().strip_prefix("```") {
            in_block = !in_block && ["sh", "bash", "console", "shell"].contains(&language.trim());
            continue;
        }
        if !in_block {
            continue;
        }
        let command = line.trim().trim_start_matches("$ ").split(" #").next().unwrap_or_default();
        let text = command.trim_end_matches('\\').trim();
        match found.last_mut() {
            Some((_, last)) if continued => *last = format!("{last} {text}"),
            _ => found.push((number, text.to_owned())),
        }
        continued = command.ends_with('\\');
    }
    found
}

/// What is wrong with a command line that runs something of this workspace.
fn wrong_parts(command: &str) -> impl Iterator<Item = String> {
    let words: Vec<&str> = command.split_whitespace().skip_while(|word| word.contains('=')).collect();
    let mut wrong = Vec::new();
    match words.as_slice() {
        ["cargo", "xtask", chore, ..] => {
            if !file("tools/xtask/main.rs").is_some_and(|f| f.text.contains(&format!("\"{chore}\" =>"))) {
                wrong.push(format!("there is no chore {chore}"));
            }
        }
        ["cargo", "run", rest @ ..] => {
            let package = after(rest, &["-p", "--package"]).unwrap_or("framekeep");
            match WORKSPACE.members.get(package) {
                None => wrong.push(format!("there is no package {package}")),
                Some(folder) => {
                    wrong.extend(wrong_arguments(folder, rest.splitn(2, |word| *word == "--").nth(1)))
                }
            }
            let binary = after(rest, &["--bin"]);
            wrong.extend(
                binary.filter(|name| !WORKSPACE.binaries.contains(*name)).map(|n| format!("no binary {n}")),
            );
        }
        [program, rest @ ..] => {
            let name = program.rsplit('/').next().unwrap_or(program);
            let folder = match name {
                "framekeep" => Some("src/framekeep"),
                "framekeep-swarm" => Some("tools/swarm"),
                "framekeep-replay" => Some("tools/replay"),
                _ => None,
            };
            wrong.extend(folder.into_iter().flat_map(|folder| wrong_arguments(folder, Some(rest))));
        }
        [] => {}
    }
    wrong.into_iter()
}

fn after<'a>(words: &[&'a str], flags: &[&str]) -> Option<&'a str> {
    words.windows(2).find(|pair| flags.contains(&pair[0])).map(|pair| pair[1])
}

/// Flags that no source file of the folder declares: `--link-loss` is a field `link_loss` or the text itself.
fn wrong_arguments(folder: &str, words: Option<&[&str]>) -> Vec<String> {
    let sources: Vec<_> =
        TREE.iter().filter(|f| f.is_rust() && f.path.starts_with(&format!("{folder}/"))).collect();
    let declared = |flag: &str| {
        let field = format!(" {}:", flag.trim_start_matches("--").replace('-', "_"));
        sources.iter().any(|file| file.text.contains(&field) || file.text.contains(&format!("\"{flag}")))
    };
    let flags = words.unwrap_or_default().iter().filter(|word| word.starts_with("--") && word.len() > 2);
    let names = flags.map(|flag| flag.split('=').next().unwrap_or(flag));
    names
        .filter(|flag| !["--help", "--version"].contains(flag) && !declared(flag))
        .map(|flag| format!("{folder} has no flag {flag}"))
        .collect()
}

#[test]
fn paths_are_told_from_other_code() {
    for path in ["src/sim/lib.rs", "tests/nowhere", "Cargo.toml", "frame.rs"] {
        assert!(is_path(path), "{path} is a path");
    }
    for other in
        ["FrameOf", "--udp", "assets/arenas/NAME.toml", "io::Read", "bevy_app", "./framekeep-data", "and/or"]
    {
        assert!(!is_path(other), "{other} is no path");
    }
}
