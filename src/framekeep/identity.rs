//! The key that signs and opens tickets: from the environment, a file, or made for development.

use std::fmt;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use crate::Exit;
use crate::config::Settings;

/// The environment variable with the key's hexadecimal digits.
pub(crate) const KEY_ENV: &str = "FRAMEKEEP_KEY";

/// The environment variable with the key of a game's back end.
pub(crate) const API_KEY_ENV: &str = "FRAMEKEEP_API_KEY";

/// The environment variable with the operators' token.
pub(crate) const ADMIN_TOKEN_ENV: &str = "FRAMEKEEP_ADMIN_TOKEN";

/// The environment variable with the secret that the nodes of a cluster share.
pub(crate) const CLUSTER_SECRET_ENV: &str = "FRAMEKEEP_CLUSTER_SECRET";

/// The environment variable that names the node at which the rooms of a dead node's data folder are to go on: set by
/// that node, for a server that ends then.
pub(crate) const HAND_ON_ENV: &str = "FRAMEKEEP_HAND_ON_TO";

/// The environment variable with the address of a cluster's Redis, password included.
pub(crate) const REDIS_URL_ENV: &str = "FRAMEKEEP_REDIS_URL";

/// The environment variables that hold secrets or are for one process only, and so are no keys of the configuration.
pub(crate) const SECRET_ENVS: &[&str] =
    &[KEY_ENV, API_KEY_ENV, ADMIN_TOKEN_ENV, CLUSTER_SECRET_ENV, REDIS_URL_ENV, HAND_ON_ENV];

/// The file of the development key within the data folder.
const DEVELOPMENT_KEY_FILE: &str = "development.key";

/// Longest text a key file may hold, in bytes.
const KEY_FILE_BYTES_MAX: u64 = 1024;

/// 32 secret bytes. Whoever has them can be any player.
#[derive(Clone, PartialEq, Eq)]
pub struct IdentityKey([u8; 32]);

/// Where a key came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeySource {
    /// The environment variable `FRAMEKEEP_KEY`.
    Environment,
    /// The file that `identity.key_file` names.
    File(PathBuf),
    /// The development key of a data folder.
    Development(PathBuf),
}

/// There is no usable key.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// An address that others can reach, without a configured key.
    #[error(
        "refusing to listen on {address} with the development key: everybody would trust a key that was never meant \
         to leave this machine.\n\
         Make a key with `framekeep key --out framekeep.key` and set identity.key_file = \"framekeep.key\", or put 64 \
         hexadecimal digits into the environment variable {KEY_ENV}.\n\
         To try things out, listen on loopback: --udp 127.0.0.1:7770"
    )]
    NotLoopback {
        /// The address that was to be bound.
        address: SocketAddr,
    },
    /// Text that is not a key.
    #[error("{origin} does not hold a key: a key is 64 hexadecimal digits, and not all the same")]
    NotAKey {
        /// The file or variable.
        origin: String,
    },
    /// A key file that cannot be read.
    #[error("cannot read the key file {path}: {source}", path = .path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// No server has made a development key in the data folder, and no other key is configured.
    #[error(
        "there is no {path}: start the server once, or name its data folder with --data; with a server that has a key \
         of its own, name the same key in identity.key_file or {KEY_ENV}",
        path = .path.display()
    )]
    NoDevelopmentKey {
        /// The file where the key would be.
        path: PathBuf,
    },
    /// The data folder cannot be made, or no file in it.
    #[error(
        "cannot use the data folder {folder}: {source}\nname a folder that can be written with --data (data.folder)",
        folder = .folder.display()
    )]
    DataFolder {
        /// The folder.
        folder: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A key file that cannot be made.
    #[error("cannot make the key file {path}: {source}", path = .path.display())]
    Unwritable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The system has no randomness.
    #[error("the system gives no random bytes: {0}")]
    NoRandomness(getrandom::Error),
}

impl IdentityError {
    /// The exit code of this error.
    #[must_use]
    pub fn exit(&self) -> Exit {
        match self {
            IdentityError::NotLoopback { .. } | IdentityError::NotAKey { .. } => Exit::Config,
            IdentityError::Unreadable { .. } | IdentityError::NoDevelopmentKey { .. } => Exit::Config,
            IdentityError::DataFolder { .. } => Exit::Failure,
            IdentityError::Unwritable { .. } | IdentityError::NoRandomness(_) => Exit::Failure,
        }
    }
}

impl IdentityKey {
    /// The secret bytes.
    #[must_use]
    pub fn bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Reads 64 hexadecimal digits, with white space around them; all-same digits are nobody's key.
    fn parse(text: &str) -> Option<Self> {
        let digits = text.trim().as_bytes();
        if digits.len() != 64 || digits.iter().all(|digit| *digit == digits[0]) {
            return None;
        }
        let mut key = [0; 32];
        for (byte, pair) in key.iter_mut().zip(digits.chunks_exact(2)) {
            let high = char::from(pair[0]).to_digit(16)?;
            let low = char::from(pair[1]).to_digit(16)?;
            *byte = u8::try_from(high << 4 | low).ok()?;
        }
        Some(Self(key))
    }
}

impl fmt::Debug for IdentityKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("IdentityKey(..)")
    }
}

impl fmt::Display for KeySource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            KeySource::Environment => write!(f, "{KEY_ENV}"),
            KeySource::File(path) => write!(f, "{}", path.display()),
            KeySource::Development(path) => write!(f, "{} (development, loopback only)", path.display()),
        }
    }
}

/// The key of a server that listens on `settings.net.udp`; makes the development key where there is none.
pub(crate) fn of_server(settings: &Settings) -> Result<(IdentityKey, KeySource), IdentityError> {
    if let Some(found) = configured(settings, std::env::var_os(KEY_ENV).as_deref())? {
        return Ok(found);
    }
    let address = settings.net.udp;
    if !address.ip().to_canonical().is_loopback() {
        return Err(IdentityError::NotLoopback { address });
    }
    let path = settings.data.folder.join(DEVELOPMENT_KEY_FILE);
    if !path.exists() {
        let folder = &settings.data.folder;
        let unusable = |source| IdentityError::DataFolder { folder: folder.clone(), source };
        fs::create_dir_all(folder).map_err(unusable)?;
        match make_key_file(&path) {
            Err(IdentityError::Unwritable { source, .. })
                if source.kind() == io::ErrorKind::AlreadyExists => {}
            Err(IdentityError::Unwritable { source, .. }) => return Err(unusable(source)),
            made => made?,
        }
    }
    Ok((read_key_file(&path)?, KeySource::Development(path)))
}

/// Whether a server with these settings would have a key. Makes none.
pub(crate) fn check(settings: &Settings) -> Result<(), IdentityError> {
    let found = configured(settings, std::env::var_os(KEY_ENV).as_deref())?;
    let address = settings.net.udp;
    if found.is_none() && !address.ip().to_canonical().is_loopback() {
        return Err(IdentityError::NotLoopback { address });
    }
    Ok(())
}

/// The key that a server with the same settings uses. Makes none.
pub(crate) fn of_minter(settings: &Settings) -> Result<(IdentityKey, KeySource), IdentityError> {
    if let Some(found) = configured(settings, std::env::var_os(KEY_ENV).as_deref())? {
        return Ok(found);
    }
    let path = settings.data.folder.join(DEVELOPMENT_KEY_FILE);
    if !path.exists() {
        return Err(IdentityError::NoDevelopmentKey { path });
    }
    Ok((read_key_file(&path)?, KeySource::Development(path)))
}

/// Makes a file with a new key, mode 0600, complete or not at all.
///
/// # Errors
/// A file of that name exists already, or cannot be made.
pub(crate) fn make_key_file(path: &Path) -> Result<(), IdentityError> {
    let mut key = [0_u8; 32];
    getrandom::fill(&mut key).map_err(IdentityError::NoRandomness)?;
    let digits: String = key.iter().map(|byte| format!("{byte:02x}")).collect();
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.tmp", std::process::id()));
    let temporary = path.with_file_name(name);
    // A link refuses to replace a file, which a rename would do; so two servers that start at once agree on one key.
    let made = write_private(&temporary, &format!("{digits}\n"), false)
        .and_then(|()| fs::hard_link(&temporary, path));
    let _ = fs::remove_file(&temporary);
    made.map_err(|source| IdentityError::Unwritable { path: path.to_owned(), source })
}

fn configured(
    settings: &Settings,
    variable: Option<&std::ffi::OsStr>,
) -> Result<Option<(IdentityKey, KeySource)>, IdentityError> {
    if let Some(text) = variable {
        let key = text.to_str().and_then(IdentityKey::parse);
        let key = key.ok_or_else(|| IdentityError::NotAKey { origin: format!("the variable {KEY_ENV}") })?;
        return Ok(Some((key, KeySource::Environment)));
    }
    match &settings.identity.key_file {
        Some(path) => Ok(Some((read_key_file(path)?, KeySource::File(path.clone())))),
        None => Ok(None),
    }
}

fn read_key_file(path: &Path) -> Result<IdentityKey, IdentityError> {
    let unreadable = |source| IdentityError::Unreadable { path: path.to_owned(), source };
    let metadata = fs::metadata(path).map_err(unreadable)?;
    let not_a_key = || IdentityError::NotAKey { origin: path.display().to_string() };
    if !metadata.is_file() || metadata.len() > KEY_FILE_BYTES_MAX {
        return Err(not_a_key());
    }
    warn_if_open(path, &metadata);
    let bytes = fs::read(path).map_err(unreadable)?;
    std::str::from_utf8(&bytes).ok().and_then(IdentityKey::parse).ok_or_else(not_a_key)
}

#[cfg(unix)]
fn warn_if_open(path: &Path, metadata: &fs::Metadata) {
    use std::os::unix::fs::MetadataExt;

    if metadata.mode() & 0o077 != 0 {
        tracing::warn!(
            path = %path.display(),
            mode = format!("{:03o}", metadata.mode() & 0o777),
            "others can read the key file; chmod 600 it"
        );
    }
}

#[cfg(not(unix))]
fn warn_if_open(_path: &Path, _metadata: &fs::Metadata) {}

/// Writes a file that only its owner can read; `replace` says whether one that is there is replaced.
pub(crate) fn write_private(path: &Path, text: &str, replace: bool) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(!replace).create(replace).truncate(replace);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    let mut file = options.open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_64_digits_that_are_not_all_the_same() {
        let digits = "00112233445566778899aabbccddeeff".repeat(2);
        let key = IdentityKey::parse(&format!("  {digits}\n")).expect("a key");
        assert_eq!(key.bytes()[..3], [0x00, 0x11, 0x22]);
        assert_eq!(format!("{key:?}"), "IdentityKey(..)");
        for bad in
            ["", "00", &"0".repeat(64), &format!("{digits}0"), &digits.replace('7', "g"), &"é".repeat(32)]
        {
            assert!(IdentityKey::parse(bad).is_none(), "{bad}");
        }
    }
}
