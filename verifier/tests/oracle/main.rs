//! Rules over random histories, against oracles that are slow and obviously right.
//!
//! Ids are few, so that they collide; sessions log in late, change, and have several connections.
//! `PROPTEST_CASES` raises the number of histories, `PROPTEST_RNG_SEED` makes the same ones again.

#![expect(
    clippy::double_ended_iterator_last,
    clippy::format_push_string,
    clippy::needless_continue,
    clippy::match_same_arms,
    clippy::struct_excessive_bools,
    clippy::too_many_lines,
    clippy::unused_self,
    reason = "what an oracle does must be seen at once, and may be slow"
)]

mod addressed;
mod correlated;
mod count;
mod duration;
mod handshake;
mod hidden;
mod lives;
mod members;
mod owned;
mod parties;
mod protocol;
mod random;
mod response;
mod sequence;
mod shared;
mod told;
mod window;
