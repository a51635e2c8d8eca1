//! The transparent recording proxy.
