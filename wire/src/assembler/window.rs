//! The window that the compressed messages of one direction share (RFC 7692, section 7.1.1).

use crate::inflate::{Corrupt, Inflater};
use crate::{ContextTakeover, DeflateSide};

/// The sender's window, as far as it could be followed.
#[derive(Debug)]
pub(super) struct SharedWindow {
    takeover: ContextTakeover,
    state: State,
}

#[derive(Debug)]
enum State {
    /// Nothing was compressed yet. An inflater takes some 50 KiB, and many a direction needs none.
    Unused,
    Known(Box<Inflater>),
    /// A message did not reach the inflater, or broke it: what follows may refer to it.
    Lost,
}

impl SharedWindow {
    pub(super) const fn new(side: DeflateSide) -> Self {
        Self {
            takeover: side.takeover,
            state: State::Unused,
        }
    }

    /// Whether a further message can be inflated.
    pub(super) const fn is_lost(&self) -> bool {
        matches!(self.state, State::Lost)
    }

    pub(super) fn push(
        &mut self,
        bytes: &[u8],
        sink: &mut impl FnMut(&[u8]),
    ) -> Result<(), Corrupt> {
        match &mut self.state {
            State::Known(inflater) => inflater.push(bytes, sink),
            State::Unused => {
                let mut inflater = Box::new(Inflater::new());
                let result = inflater.push(bytes, sink);
                self.state = State::Known(inflater);
                result
            }
            State::Lost => Ok(()),
        }
    }

    pub(super) fn end_message(&mut self, sink: &mut impl FnMut(&[u8])) -> Result<(), Corrupt> {
        match &mut self.state {
            State::Known(inflater) => inflater.end_message(self.takeover, sink),
            State::Unused | State::Lost => Ok(()),
        }
    }

    /// A message was not inflated to its end.
    pub(super) fn lose(&mut self) {
        match (self.takeover, &mut self.state) {
            (ContextTakeover::Reset, State::Known(inflater)) => inflater.reset(),
            (ContextTakeover::Reset, State::Unused | State::Lost) => {}
            (ContextTakeover::Kept, state) => *state = State::Lost,
        }
    }
}
