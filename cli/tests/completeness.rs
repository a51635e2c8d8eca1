//! What the recording holds, compared with what the peers received, when things go wrong.

mod disk;
mod kills;
mod peers;
mod power_loss;
mod strace;
mod trouble;
