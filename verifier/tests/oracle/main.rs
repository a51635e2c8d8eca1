//! Rules over random histories, against oracles that are slow and obviously right.
//!
//! Ids are few, so that they collide; sessions log in late, change, and have several connections.
//! `PROPTEST_CASES` raises the number of histories.

mod addressed;
mod history;
mod owned;
