//! What the recording holds, compared with what the peers received, when things go wrong.

pub(crate) mod disk;
mod kills;
mod parts;
mod peers;
mod power_loss;
pub(crate) mod strace;
mod trouble;
