//! Any bytes as a report of a desync, then the same bytes with lengths and digest made right, to get behind them.

use framekeep_journal::DesyncReport;

/// Magic, version and both lengths.
const HEAD_BYTES: usize = 18;
const CHECK_BYTES: usize = 32;

pub(crate) fn run(data: &[u8]) {
    read(data);
    if data.len() < HEAD_BYTES + CHECK_BYTES {
        return;
    }
    let mut sealed = data.to_vec();
    let end = data.len() - CHECK_BYTES;
    sealed[14..HEAD_BYTES].copy_from_slice(&((end - HEAD_BYTES) as u32).to_le_bytes());
    let check = blake3::hash(&sealed[..end]);
    sealed[end..].copy_from_slice(check.as_bytes());
    read(&sealed);
}

fn read(data: &[u8]) {
    let Ok(report) = DesyncReport::read(data) else { return };
    assert_eq!(report.validate(), Ok(()));
    let again = report.write().map(|bytes| DesyncReport::read(&bytes));
    assert_eq!(again, Ok(Ok(report)));
}
