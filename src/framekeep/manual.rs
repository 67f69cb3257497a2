//! `framekeep completions` and `framekeep man`: what shells and readers of manuals want, made from the command line.

use std::io;
use std::path::Path;

use clap::CommandFactory;
use clap_complete::Shell;
use clap_mangen::Man;

use crate::args::Args;
use crate::{CommandError, output};

/// What completes commands and flags in a shell.
pub(crate) fn completions(shell: Shell) -> String {
    let mut out = Vec::new();
    clap_complete::generate(shell, &mut Args::command(), "framekeep", &mut out);
    String::from_utf8_lossy(&out).into_owned()
}

/// Prints the manual page, or writes those of all commands to a folder.
pub(crate) fn man(folder: Option<&Path>) -> Result<(), CommandError> {
    let mut command = Args::command();
    command.build();
    match folder {
        None => {
            let page = page(command).map_err(|source| failed("the manual page", source))?;
            output::print(&page)
        }
        Some(folder) => {
            write_pages(folder, command).map_err(|source| failed(&folder.display().to_string(), source))
        }
    }
}

fn write_pages(folder: &Path, command: clap::Command) -> io::Result<()> {
    std::fs::create_dir_all(folder)?;
    clap_mangen::generate_to(command, folder)
}

fn page(command: clap::Command) -> io::Result<String> {
    let mut out = Vec::new();
    Man::new(command).render(&mut out)?;
    Ok(String::from_utf8_lossy(&out).into_owned())
}

fn failed(what: &str, source: io::Error) -> CommandError {
    CommandError::Write { what: what.to_owned(), source }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shell_completes_every_command() {
        for shell in [Shell::Bash, Shell::Zsh, Shell::Fish, Shell::Elvish, Shell::PowerShell] {
            let text = completions(shell);
            for command in ["healthcheck", "why-alive", "results", "completions"] {
                assert!(text.contains(command), "{shell}: {command}");
            }
        }
    }

    #[test]
    fn every_command_has_a_page() {
        let folder = tempfile::tempdir().expect("a folder");
        let pages = folder.path().join("man1");
        man(Some(&pages)).expect("pages");
        for name in ["framekeep", "framekeep-serve", "framekeep-config-check", "framekeep-results-list"] {
            let text = std::fs::read_to_string(pages.join(format!("{name}.1"))).expect(name);
            assert!(text.contains(".SH SYNOPSIS"), "{name}");
        }
    }
}
