//! Records, segments and sealed replay files.
