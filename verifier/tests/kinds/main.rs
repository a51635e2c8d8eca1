//! Each kind of rule, over histories of a few lines: it fires, stays silent, is undecided, and is not
//! exercised.

mod addressed;
mod count;
mod duration;
mod exceptions;
mod handshake;
mod many;
mod never;
mod owned;
mod protocol;
mod response;
mod sequence;
mod sql;
mod trial;
