//! The client side of a link.
