//! The buffer into which all connections of a thread read.
//!
//! A buffer per direction would be half a gigabyte at 4,000 connections; nearly all of them are idle
//! at any moment, and bytes leave the buffer before the thread turns to the next connection.

use std::cell::RefCell;

/// The most bytes that one read brings.
pub(crate) const SIZE: usize = 64 * 1024;

thread_local! {
    static SCRATCH: RefCell<Box<[u8]>> = RefCell::new(vec![0; SIZE].into_boxed_slice());
}

/// Lends the thread's buffer. Not to be nested: a read never happens inside another one.
pub(crate) fn with<T>(use_it: impl FnOnce(&mut [u8]) -> T) -> T {
    SCRATCH.with_borrow_mut(|buffer| use_it(buffer))
}
