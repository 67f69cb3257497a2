//! Every example of docs/REPLAYS.md is run.

use std::fs;
use std::path::Path;

use tempfile::TempDir;

use super::run;

const DOCUMENT: &str = include_str!("../../../docs/REPLAYS.md");
/// Stands for any number of lines.
const ANY_LINES: &str = "…";

/// A command of the document and what is printed below it.
struct Example {
    words: Vec<String>,
    exit: u8,
    /// Another program makes something else of what is printed.
    piped: bool,
    lines: Vec<String>,
}

/// The examples of all console blocks; other programs are not run.
fn examples(folder: &Path) -> Vec<Example> {
    let assets = concat!(env!("CARGO_MANIFEST_DIR"), "/../../assets/");
    let (mut examples, mut in_block): (Vec<Example>, _) = (Vec::new(), false);
    let mut ours = false;
    for line in DOCUMENT.lines() {
        if line.starts_with("```") {
            (in_block, ours) = (line == "```console", false);
        } else if let Some(command) = line.strip_prefix("$ ").filter(|_| in_block) {
            let (command, exit) = command.split_once(" # exit ").unwrap_or((command, "0"));
            let (command, piped) =
                command.split_once(" | ").map_or((command, false), |(first, _)| (first, true));
            let mut words = command.split_whitespace();
            ours = words.next() == Some("framekeep-replay");
            if ours {
                let place = |word: &str| match (word.strip_prefix("out/"), word.strip_prefix("assets/")) {
                    (Some(name), _) => folder.join(name).display().to_string(),
                    (_, Some(name)) => format!("{assets}{name}"),
                    _ => word.to_owned(),
                };
                let exit = exit.trim().parse().unwrap();
                examples.push(Example { words: words.map(place).collect(), exit, piped, lines: Vec::new() });
            }
        } else if let Some(example) = examples.last_mut().filter(|_| in_block && ours) {
            example.lines.push(line.to_owned());
        }
    }
    examples
}

/// A line without what differs from machine to machine and from rules to rules: words with a digit, and paths.
fn skeleton(line: &str) -> Vec<&str> {
    let same = |word: &&str| !word.contains(|c: char| c.is_ascii_digit() || c == '/');
    line.split_whitespace().map(|word| if same(&word) { word } else { "#" }).collect()
}

/// Whether the printed lines are the ones that are shown.
fn agree(shown: &[String], printed: &[&str]) -> bool {
    match shown.split_first() {
        None => printed.is_empty(),
        Some((line, rest)) if line == ANY_LINES => {
            (0..=printed.len()).any(|skip| agree(rest, &printed[skip..]))
        }
        // What goes to standard error is not seen here.
        Some((line, rest)) if line.starts_with("framekeep-replay: ") => agree(rest, printed),
        Some((line, rest)) => printed
            .split_first()
            .is_some_and(|(first, others)| skeleton(line) == skeleton(first) && agree(rest, others)),
    }
}

#[test]
fn every_example_of_the_document_runs_as_shown() {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("node.key"), "0123456789abcdef".repeat(4)).unwrap();
    let examples = examples(folder.path());
    assert!(examples.len() > 20, "{} examples", examples.len());
    for Example { words, exit, piped, lines } in examples {
        let words: Vec<_> = words.iter().map(String::as_str).collect();
        let (ended, text) = run(&words);
        let printed: Vec<_> = text.lines().collect();
        assert_eq!(ended as u8, exit, "{words:?}\n{text}");
        assert!(
            piped || agree(&lines, &printed),
            "{words:?} prints\n{text}\nand the document shows\n{}",
            lines.join("\n")
        );
    }
}

#[test]
fn every_command_is_in_the_document() {
    use clap::CommandFactory;
    for command in
        crate::args::Args::command().get_subcommands().filter(|command| command.get_name() != "help")
    {
        let name = command.get_name();
        assert!(DOCUMENT.contains(&format!("framekeep-replay {name} ")), "{name} is not in docs/REPLAYS.md");
    }
}
