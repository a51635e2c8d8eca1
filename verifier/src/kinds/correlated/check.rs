//! How `correlated` is checked: a table of what is open for each connection.

mod telling;

use hashbrown::HashMap;
use wsaudit_wire::Direction;

use super::Correlated;
use super::framing::{Framing, Speech};
use super::said::{Act, Acts, Key, Understood};
use super::table::{Moment, Standing, Table};
use crate::engine::{
    Breaches, Carried, Checker, Compiler, ConnectionIx, Cx, Event, Interest, nanoseconds,
};
use crate::finding::{Outcome, Place};
use crate::history::SourcePayload;
use crate::rules::Lifecycle;

impl Correlated {
    /// The checker.
    pub(crate) fn checker(&self, _compiler: &mut Compiler<'_>) -> Check {
        Check {
            framing: self.framing,
            from: self.from,
            grace: nanoseconds(self.cancel_grace),
            conversations: HashMap::new(),
            order: Vec::new(),
            acts: Vec::new(),
            breaches: Breaches::default(),
            examined: 0,
            unjudged: Vec::new(),
            unread: None,
        }
    }
}

/// The rule at work.
pub(crate) struct Check {
    framing: Option<Framing>,
    from: Option<Direction>,
    /// In nanoseconds.
    grace: i64,
    conversations: HashMap<ConnectionIx, Conversation>,
    /// The connections in the order in which they were opened.
    order: Vec<ConnectionIx>,
    acts: Vec<Act>,
    breaches: Breaches,
    examined: u64,
    unjudged: Vec<Unjudged>,
    unread: Option<Unread>,
}

/// What is said on one connection.
struct Conversation {
    speech: Speech,
    table: Table,
    beginning: Beginning,
    stands: Stands,
    /// The first message that may have asked or answered, and was not read.
    hidden: Option<Place>,
    /// Its place in [`Check::unjudged`].
    unjudged: Option<usize>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Beginning {
    /// All that was asked was asked here.
    Here,
    /// Something was asked on another transport, or another connection.
    Elsewhere,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stands {
    Yes,
    NoMore,
}

/// Answers on one connection to what may have been asked unseen.
struct Unjudged {
    connection: ConnectionIx,
    act: Act,
    place: Place,
    count: u64,
    why: Why,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Why {
    /// Frames before them are missing, or were not read: what they answer may have been asked there.
    Hidden,
    /// The connection goes on with what began elsewhere.
    BegunElsewhere,
}

/// Messages on connections of known framing that were not recorded whole.
struct Unread {
    connection: ConnectionIx,
    place: Place,
    count: u64,
}

/// Where something that was answered on one connection is open.
struct Elsewhere {
    connection: ConnectionIx,
    asked: Place,
    stands: Stands,
    /// On how many others it is open, too.
    others: usize,
}

impl Checker for Check {
    fn observe(&mut self, cx: &Cx<'_>, event: &Event<'_>) {
        if event.is_step(Lifecycle::Accepted) {
            self.conversation(cx, event.connection);
        } else if event.is_step(Lifecycle::Closed)
            && let Some(conversation) = self.conversations.get_mut(&event.connection)
        {
            conversation.stands = Stands::NoMore;
            conversation.table.disconnect();
            conversation.speech = match &conversation.speech {
                Speech::Known(reading) => Speech::Ended(reading.framing()),
                Speech::NotKnownYet(_) | Speech::Foreign | Speech::Ended(_) => Speech::Foreign,
            };
        }
    }

    fn wants_carried(&self) -> bool {
        true
    }

    fn carried(&mut self, cx: &Cx<'_>, message: &Carried<'_>) {
        let info = cx.connection(message.connection).info;
        let mut acts = std::mem::take(&mut self.acts);
        acts.clear();
        let conversation = self.conversation(cx, message.connection);
        let understood = match message.payload {
            SourcePayload::Whole(bytes) => {
                conversation.speech.look(info, message.direction, bytes);
                let Speech::Known(reading) = &mut conversation.speech else {
                    self.acts = acts;
                    return;
                };
                let mut acts = Acts::new(message.direction, &mut acts);
                reading.read(message.opcode, bytes, &mut acts)
            }
            SourcePayload::Truncated { .. }
            | SourcePayload::Beginning { .. }
            | SourcePayload::Undecodable(_)
            | SourcePayload::Withheld(_) => Understood::No,
        };
        match understood {
            Understood::Yes => {}
            Understood::GoesOn => conversation.beginning = Beginning::Elsewhere,
            Understood::No => {
                conversation.hidden.get_or_insert(message.place);
                if matches!(conversation.speech, Speech::Known(_)) {
                    let unread = self.unread.get_or_insert(Unread {
                        connection: message.connection,
                        place: message.place,
                        count: 0,
                    });
                    unread.count += 1;
                }
            }
        }
        for act in &acts {
            self.note(cx, message, act);
        }
        self.acts = acts;
    }

    fn interest(&self) -> Interest {
        Interest::in_steps()
    }

    fn finish(mut self: Box<Self>, cx: &Cx<'_>) -> Outcome {
        let mut doubts: Vec<_> = self.unread.iter().map(|unread| unread.doubt(cx)).collect();
        doubts.extend(self.unjudged.iter().map(|unjudged| unjudged.doubt(cx)));
        Outcome {
            examined: self.examined,
            opportunities: self.examined,
            violations: std::mem::take(&mut self.breaches).into_violations(),
            doubts,
            ..Outcome::default()
        }
    }
}

impl Check {
    fn conversation(&mut self, cx: &Cx<'_>, connection: ConnectionIx) -> &mut Conversation {
        let (framing, order) = (self.framing, &mut self.order);
        self.conversations.entry(connection).or_insert_with(|| {
            order.push(connection);
            Conversation {
                speech: Speech::of(cx.connection(connection).info, framing),
                table: Table::default(),
                beginning: Beginning::Here,
                stands: Stands::Yes,
                hidden: None,
                unjudged: None,
            }
        })
    }

    fn note(&mut self, cx: &Cx<'_>, message: &Carried<'_>, act: &Act) {
        let now = Moment {
            place: message.place,
            at: message.at,
        };
        let (grace, from) = (self.grace, self.from);
        let conversation = self.conversation(cx, message.connection);
        let Some(standing) = conversation.table.note(act, now, grace) else {
            return;
        };
        if from.is_some_and(|from| from != message.direction) {
            return;
        }
        if standing == Standing::Due {
            self.examined += 1;
            return;
        }
        let (beginning, hidden) = (conversation.beginning, conversation.hidden);
        let mut elsewhere = self.elsewhere(message.connection, &act.key);
        let hidden = hidden.is_some() || cx.has_gap_before(message.connection, message.place);
        match beginning {
            Beginning::Here if hidden => {
                self.examined += 1;
                self.leave_unjudged(message, act, Why::Hidden);
                return;
            }
            Beginning::Here => {}
            Beginning::Elsewhere => {
                // What began on another connection is answered here once that one has ended.
                elsewhere = elsewhere.filter(|elsewhere| elsewhere.stands == Stands::Yes);
                if elsewhere.is_some() {
                    self.examined += 1;
                    self.leave_unjudged(message, act, Why::BegunElsewhere);
                }
                return;
            }
        }
        self.examined += 1;
        let violation = telling::unsolicited(cx, message, act, standing, elsewhere.as_ref());
        self.breaches.add(cx, violation);
    }

    /// Where else something is open: where it was asked last.
    fn elsewhere(&self, connection: ConnectionIx, key: &Key) -> Option<Elsewhere> {
        let framing = self.framing_of(connection);
        let others = self.order.iter().filter(|other| **other != connection);
        let mut open: Vec<_> = others
            .filter(|other| self.framing_of(**other) == framing)
            .filter_map(|other| {
                let conversation = &self.conversations[other];
                Some((conversation.table.open(key)?, *other, conversation.stands))
            })
            .collect();
        open.sort_by_key(|(asked, connection, stands)| {
            (*stands == Stands::Yes, *asked, *connection)
        });
        let (asked, connection, stands) = open.pop()?;
        Some(Elsewhere {
            connection,
            asked,
            stands,
            others: open.len(),
        })
    }

    fn framing_of(&self, connection: ConnectionIx) -> Option<Framing> {
        match &self.conversations.get(&connection)?.speech {
            Speech::Known(reading) => Some(reading.framing()),
            Speech::Ended(framing) => Some(*framing),
            Speech::NotKnownYet(_) | Speech::Foreign => None,
        }
    }

    fn leave_unjudged(&mut self, message: &Carried<'_>, act: &Act, why: Why) {
        let next = self.unjudged.len();
        let Some(conversation) = self.conversations.get_mut(&message.connection) else {
            return;
        };
        let number = *conversation.unjudged.get_or_insert(next);
        if number == next {
            self.unjudged.push(Unjudged {
                connection: message.connection,
                act: act.clone(),
                place: message.place,
                count: 0,
                why,
            });
        }
        self.unjudged[number].count += 1;
    }
}
