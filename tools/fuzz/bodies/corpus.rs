//! The kept findings of a target, and running it over them.

use std::fs;
use std::path::{Path, PathBuf};

/// The folder of a target's findings.
pub(super) fn folder(target: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tools/fuzz/corpus").join(target)
}

/// Runs a target over each of them, in the order of their names.
pub(super) fn run(target: &str, run: fn(&[u8])) {
    let mut files: Vec<_> = fs::read_dir(folder(target)).unwrap().map(|file| file.unwrap().path()).collect();
    files.sort();
    assert!(!files.is_empty() && files.len() < 50, "{} files of {target}", files.len());
    for file in files {
        eprintln!("{}", file.display());
        run(&fs::read(&file).unwrap());
    }
}
