//! `Target`, the file a command writes: there whole or not at all, and never in the place of another by mistake.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use crate::failure::Failure;

/// Where to write it.
#[derive(Debug, clap::Args)]
pub(crate) struct Target {
    /// Where to write it.
    #[arg(long)]
    pub(crate) out: PathBuf,
    /// Replace what is there.
    #[arg(long)]
    pub(crate) replace: bool,
}

impl Target {
    /// Refuses a file that is there, before any work is done for it.
    pub(crate) fn check(&self) -> Result<(), Failure> {
        if self.replace || fs::symlink_metadata(&self.out).is_err() {
            return Ok(());
        }
        let out = self.out.display();
        Err(Failure::new(format!(
            "{out} is there already: choose another name, or replace it with --replace"
        )))
    }

    /// Writes a file as a whole.
    pub(crate) fn write(&self, bytes: &[u8]) -> Result<(), Failure> {
        let mut unfinished = self.begin()?;
        unfinished.write_all(bytes).map_err(|error| self.failed(&error))?;
        self.finish(unfinished)
    }

    /// Begins the file beside its place.
    pub(crate) fn begin(&self) -> Result<Unfinished, Failure> {
        self.check()?;
        Unfinished::begin(&self.out).map_err(|error| self.failed(&error))
    }

    /// Puts the file in its place.
    pub(crate) fn finish(&self, mut unfinished: Unfinished) -> Result<(), Failure> {
        unfinished.file.flush().map_err(|error| self.failed(&error))?;
        // Somebody may have been quicker.
        self.check()?;
        fs::rename(&unfinished.path, &self.out).map_err(|error| self.failed(&error))
    }

    pub(crate) fn failed(&self, error: &dyn std::fmt::Display) -> Failure {
        Failure::file("write", &self.out, error)
    }
}

/// A file that is being written; removed when it is dropped before it was put in its place.
pub(crate) struct Unfinished {
    file: BufWriter<File>,
    path: PathBuf,
}

impl Unfinished {
    fn begin(out: &Path) -> io::Result<Self> {
        let mut name = out.file_name().unwrap_or_default().to_owned();
        name.push(format!(".{}.tmp", std::process::id()));
        let path = out.with_file_name(name);
        Ok(Self { file: BufWriter::new(File::create_new(&path)?), path })
    }
}

impl Write for Unfinished {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        // Where it was put in its place there is nothing to remove.
        let _ = fs::remove_file(&self.path);
    }
}
