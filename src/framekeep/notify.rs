//! `Notifier`, what systemd is told: that the server is ready, lives, and stops (`sd_notify(3)`).

use std::ffi::OsStr;
use std::io;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::Duration;

/// The variable with the address systemd listens at.
pub(crate) const SOCKET_ENV: &str = "NOTIFY_SOCKET";

/// The variables of the watchdog: its time in microseconds, and the process it is for.
pub(crate) const WATCHDOG_ENV: &str = "WATCHDOG_USEC";
pub(crate) const WATCHDOG_PID_ENV: &str = "WATCHDOG_PID";

/// The way to whoever started the server and wants to know how it is.
pub(crate) struct Notifier {
    socket: UnixDatagram,
    to: SocketAddr,
}

impl Notifier {
    /// The way to systemd, if it started this process and wants to be told.
    pub(crate) fn of_env() -> io::Result<Option<Self>> {
        std::env::var_os(SOCKET_ENV).map(|address| Self::new(&address)).transpose()
    }

    /// The way to an address: a path, or `@` and an abstract name.
    fn new(address: &OsStr) -> io::Result<Self> {
        let to = match address.as_bytes() {
            [b'@', name @ ..] => SocketAddr::from_abstract_name(name)?,
            _ => SocketAddr::from_pathname(address)?,
        };
        let socket = UnixDatagram::unbound()?;
        // Whoever listens and does not read must not stop the server.
        socket.set_nonblocking(true)?;
        Ok(Self { socket, to })
    }

    /// Says something; lines of `NAME=VALUE`.
    pub(crate) fn say(&self, what: &str) -> io::Result<()> {
        self.socket.send_to_addr(what.as_bytes(), &self.to).map(drop)
    }
}

/// How long systemd waits for a sign of life before it kills the server, if it does.
pub(crate) fn watchdog() -> Option<Duration> {
    let text = |name| std::env::var(name).ok();
    watchdog_of(text(WATCHDOG_ENV)?.as_str(), text(WATCHDOG_PID_ENV).as_deref(), std::process::id())
}

fn watchdog_of(usec: &str, pid: Option<&str>, own: u32) -> Option<Duration> {
    let is_meant = pid.is_none_or(|pid| pid.parse() == Ok(own));
    let usec = usec.parse().ok().filter(|usec| is_meant && *usec > 0)?;
    Some(Duration::from_micros(usec))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heard(socket: &UnixDatagram) -> String {
        let mut buffer = [0; 256];
        let length = socket.recv(&mut buffer).expect("something");
        String::from_utf8_lossy(&buffer[..length]).into_owned()
    }

    #[test]
    fn a_path_and_an_abstract_name_are_told() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("notify");
        let listener = UnixDatagram::bind(&path).expect("a socket");
        Notifier::new(path.as_os_str()).expect("a way").say("READY=1\n").expect("said");
        assert_eq!(heard(&listener), "READY=1\n");
        let name = format!("@framekeep-{}", std::process::id());
        let address = SocketAddr::from_abstract_name(&name.as_bytes()[1..]).expect("a name");
        let listener = UnixDatagram::bind_addr(&address).expect("a socket");
        Notifier::new(OsStr::new(&name)).expect("a way").say("STOPPING=1\n").expect("said");
        assert_eq!(heard(&listener), "STOPPING=1\n");
    }

    #[test]
    fn nobody_who_listens_is_an_error_and_no_panic() {
        let folder = tempfile::tempdir().expect("a folder");
        let notifier = Notifier::new(folder.path().join("nobody").as_os_str()).expect("a way");
        assert!(notifier.say("READY=1\n").is_err());
    }

    #[test]
    fn the_watchdog_is_for_one_process() {
        let five = Some(Duration::from_secs(5));
        assert_eq!(watchdog_of("5000000", None, 7), five);
        assert_eq!(watchdog_of("5000000", Some("7"), 7), five);
        assert_eq!(watchdog_of("5000000", Some("8"), 7), None);
        assert_eq!(watchdog_of("0", None, 7), None);
        assert_eq!(watchdog_of("soon", None, 7), None);
    }
}
