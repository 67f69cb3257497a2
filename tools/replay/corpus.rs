//! `corpus`: a folder of replays.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::args::{CorpusVerifyArgs, VerifyArgs};
use crate::describe::counted;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::verify;

/// Deepest folder that is searched.
const DEPTH_MAX: u32 = 16;

pub(crate) fn verify(args: &CorpusVerifyArgs, out: &mut impl Write) -> Result<Exit, Failure> {
    let mut files = Vec::new();
    collect(&args.folder, DEPTH_MAX, &mut files)
        .map_err(|error| Failure::file("read", &args.folder, &error))?;
    if files.is_empty() {
        return Err(Failure::new(format!("there are no replays (*.fkr) in {}", args.folder.display())));
    }
    files.sort();
    let count = files.len();
    let exit =
        verify::run(&VerifyArgs { files, key: args.key, hashes: false, json: args.json, force: false }, out)?;
    if !args.json {
        let verdict = if exit == Exit::Ok { "all agree" } else { "not all agree" };
        writeln!(out, "{} in {}: {verdict}", counted(count as u64, "replay"), args.folder.display())?;
    }
    Ok(exit)
}

fn collect(folder: &Path, depth: u32, files: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            if depth > 0 {
                collect(&path, depth - 1, files)?;
            }
        } else if path.extension().is_some_and(|extension| extension == "fkr") {
            files.push(path);
        }
    }
    Ok(())
}
