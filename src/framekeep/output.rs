//! Standard output that may be closed by its reader.

use std::io::{self, Write};

use crate::CommandError;

/// Prints the text. A reader that went away, such as `head`, is not an error.
pub(crate) fn print(text: &str) -> Result<(), CommandError> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(CommandError::Write { what: "standard output".to_owned(), source: error })
        }
        _ => Ok(()),
    }
}
