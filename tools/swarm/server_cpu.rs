//! The processor time of a process, and which process has a socket; from Linux's /proc.

use std::fs;
use std::net::SocketAddr;

/// Units of time in /proc/PID/stat per second (USER_HZ, 100 on every architecture Linux runs on today).
const USER_HZ: f64 = 100.0;

/// Processor time of a process so far, user and system, in seconds; `None` if it cannot be read.
pub(crate) fn cpu_seconds(pid: u32) -> Option<f64> {
    parse_stat(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
}

/// The process on this machine that has a UDP socket at the address, if it can be found.
pub(crate) fn find_server(addr: SocketAddr) -> Option<u32> {
    let table = if addr.is_ipv4() { "/proc/net/udp" } else { "/proc/net/udp6" };
    let table = fs::read_to_string(table).ok()?;
    let inode = find_inode(&table, addr)?;
    let wanted = format!("socket:[{inode}]");
    for entry in fs::read_dir("/proc").ok()?.flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else {
            continue;
        };
        let Ok(files) = fs::read_dir(entry.path().join("fd")) else { continue };
        let has_it =
            |file: fs::DirEntry| fs::read_link(file.path()).is_ok_and(|to| to.as_os_str() == wanted.as_str());
        if files.flatten().any(has_it) {
            return Some(pid);
        }
    }
    None
}

/// Fields 14 and 15; the name in field 2 may hold spaces and brackets.
fn parse_stat(text: &str) -> Option<f64> {
    let mut fields = text.get(text.rfind(')')? + 1..)?.split_whitespace().skip(11);
    let mut next = || fields.next()?.parse::<f64>().ok();
    Some((next()? + next()?) / USER_HZ)
}

fn find_inode(table: &str, addr: SocketAddr) -> Option<&str> {
    let port = format!(":{:04X}", addr.port());
    table.lines().skip(1).find_map(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let is_bound_there = fields.get(1)?.ends_with(&port);
        // A socket that is connected to somebody is a client's.
        let is_open = fields.get(2)?.ends_with(":0000");
        (is_bound_there && is_open).then(|| fields.get(9).copied())?
    })
}

#[cfg(test)]
mod tests {
    use super::{cpu_seconds, find_inode, parse_stat};

    #[test]
    fn a_name_with_brackets_does_not_confuse() {
        let stat = "42 (a b) c) S 1 42 42 0 -1 4194560 100 0 0 0 150 50 0 0 20 0 4 0 100 0 0";
        assert_eq!(parse_stat(stat), Some(2.0));
        assert_eq!(parse_stat("nonsense"), None);
    }

    #[test]
    fn a_server_is_found_by_its_port() {
        let table = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n\
             1: 0100007F:1E5A 0100007F:9999 01 00000000:00000000 00:00000000 00000000     0        0 111 2 0 0\n\
             2: 0100007F:1E5A 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 222 2 0 0\n";
        assert_eq!(find_inode(table, "127.0.0.1:7770".parse().unwrap()), Some("222"));
        assert_eq!(find_inode(table, "127.0.0.1:7771".parse().unwrap()), None);
    }

    #[test]
    fn own_time_can_be_read() {
        assert!(cpu_seconds(std::process::id()).is_some());
    }
}
