//! The wire: control messages, hot-lane packets, bit-packed inputs, delta-coded frames.
