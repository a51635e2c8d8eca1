//! What a message says about requests and subscriptions, whatever its framing.

use std::borrow::Cow;

use wsaudit_wire::Direction;

/// One thing that a message does to a request or subscription. A message may do several (a batch), or
/// none (a notification).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Act {
    pub(super) what: What,
    pub(super) key: Key,
    /// How the framing calls it: `next`.
    pub(super) called: &'static str,
}

/// What is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum What {
    /// A request or subscription is made.
    Ask(Lasts),
    /// Whoever made it wants no more of it.
    Cancel,
    /// It is answered, and more may follow.
    Item,
    /// It is answered for the last time.
    Final,
}

/// How often something is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lasts {
    /// Once: two of one id at a time are answered twice.
    ForOneReply,
    /// Until it ends: what is there already is not made twice.
    UntilItsEnd,
}

/// Which request or subscription of a connection.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Key {
    /// The direction in which it was asked: each side counts its own.
    pub(super) asked: Direction,
    pub(super) space: Space,
    /// Where the id is one: a namespace, a topic; mostly empty.
    pub(super) within: Box<str>,
    pub(super) id: Box<str>,
}

/// What an id is the id of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Space {
    Request,
    Subscription,
    Topic,
    Namespace,
    Receipt,
}

impl Space {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Request => "request",
            Self::Subscription => "subscription",
            Self::Topic => "topic",
            Self::Namespace => "namespace",
            Self::Receipt => "receipt",
        }
    }
}

impl What {
    /// Whether whoever was asked does it.
    pub(super) const fn answers(self) -> bool {
        match self {
            Self::Ask(_) | Self::Cancel => false,
            Self::Item | Self::Final => true,
        }
    }
}

/// Collects what one message says.
#[derive(Debug)]
pub(super) struct Acts<'a> {
    sender: Direction,
    all: &'a mut Vec<Act>,
}

impl<'a> Acts<'a> {
    /// Of a message that travels that way.
    pub(super) fn new(sender: Direction, all: &'a mut Vec<Act>) -> Self {
        Self { sender, all }
    }

    /// The way in which the message travels.
    pub(super) fn sender(&self) -> Direction {
        self.sender
    }

    /// Whether the client sent it.
    pub(super) fn by_client(&self) -> bool {
        self.sender == Direction::ClientToServer
    }

    pub(super) fn add(&mut self, what: What, space: Space, id: Cow<'_, str>, called: &'static str) {
        self.add_within(what, space, "", id, called);
    }

    pub(super) fn add_within(
        &mut self,
        what: What,
        space: Space,
        within: &str,
        id: Cow<'_, str>,
        called: &'static str,
    ) {
        let asked = if what.answers() {
            self.sender.opposite()
        } else {
            self.sender
        };
        self.all.push(Act {
            what,
            key: Key {
                asked,
                space,
                within: within.into(),
                id: id.into(),
            },
            called,
        });
    }
}

/// What reading a message came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Understood {
    /// All that it says of requests is known; often nothing.
    Yes,
    /// It is a part of the framing that is not read here, and may have asked or answered.
    No,
    /// The connection goes on with what began elsewhere: on another transport, or another connection.
    GoesOn,
}
