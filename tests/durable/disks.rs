//! Disks that are slow, full or shut when a test wants it.

use std::fs::OpenOptions;
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex};

use framekeep_server::{Disk, DiskFile, SystemDisk};

/// A disk whose syncs wait while it is shut, and whose writes fail while it is full.
#[derive(Clone, Default)]
pub(crate) struct Gate(Arc<State>);

#[derive(Default)]
struct State {
    shut: Mutex<Shut>,
    changed: Condvar,
    full: AtomicBool,
}

#[derive(Default)]
struct Shut {
    is_shut: bool,
    /// Syncs that get through all the same.
    permits: u64,
    syncs: u64,
}

struct GateFile(Box<dyn DiskFile>, Gate);

impl Gate {
    pub(crate) fn set_shut(&self, shut: bool) {
        self.0.shut.lock().unwrap().is_shut = shut;
        self.0.changed.notify_all();
    }

    pub(crate) fn is_shut(&self) -> bool {
        self.0.shut.lock().unwrap().is_shut
    }

    /// Lets one sync through that waits, or is about to, and waits for it.
    pub(crate) fn let_one_through(&self) {
        let mut shut = self.0.shut.lock().unwrap();
        let before = shut.syncs;
        shut.permits += 1;
        self.0.changed.notify_all();
        drop(self.0.changed.wait_while(shut, |shut| shut.syncs == before).unwrap());
    }

    pub(crate) fn set_full(&self, full: bool) {
        self.0.full.store(full, Ordering::SeqCst);
    }

    fn is_full(&self) -> bool {
        self.0.full.load(Ordering::SeqCst)
    }

    fn check(&self) -> io::Result<()> {
        if self.is_full() { Err(io::ErrorKind::StorageFull.into()) } else { Ok(()) }
    }
}

impl Disk for Gate {
    fn create(&mut self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        self.check()?;
        Ok(Box::new(GateFile(SystemDisk.create(path)?, self.clone())))
    }
}

impl DiskFile for GateFile {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.1.check().and_then(|()| self.0.append(bytes))
    }

    fn sync(&mut self) -> io::Result<()> {
        let state = &self.1.0;
        let shut = state.shut.lock().unwrap();
        let mut shut = state.changed.wait_while(shut, |shut| shut.is_shut && shut.permits == 0).unwrap();
        shut.permits = shut.permits.saturating_sub(1);
        drop(shut);
        let synced = self.1.check().and_then(|()| self.0.sync());
        state.shut.lock().unwrap().syncs += 1;
        state.changed.notify_all();
        synced
    }
}

/// A disk whose files are the device that is always full, while the gate is.
pub(crate) struct DevFull(pub(crate) Gate);

struct DevFullFile {
    own: Box<dyn DiskFile>,
    full: Box<dyn DiskFile>,
    gate: Gate,
}

fn dev_full() -> io::Result<Box<dyn DiskFile>> {
    Ok(Box::new(OpenOptions::new().append(true).open("/dev/full")?))
}

impl Disk for DevFull {
    fn create(&mut self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        if self.0.is_full() {
            return dev_full();
        }
        let (own, gate) = (SystemDisk.create(path)?, self.0.clone());
        Ok(Box::new(DevFullFile { own, full: dev_full()?, gate }))
    }

    fn remove(&mut self, path: &Path) -> io::Result<()> {
        if self.0.is_full() { Ok(()) } else { SystemDisk.remove(path) }
    }
}

impl DiskFile for DevFullFile {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        if self.gate.is_full() { self.full.append(bytes) } else { self.own.append(bytes) }
    }

    fn sync(&mut self) -> io::Result<()> {
        self.own.sync()
    }
}
