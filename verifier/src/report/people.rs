//! What the findings mean for each session and each user.

use super::model::{Session, User, Violation};
use crate::engine::{RuleResult, SessionIx, UserIx, Verification};
use crate::finding::{Doubt, Measure, Subject};
use crate::rules::{Pack, ReportField};
use crate::verdict::{Reason, State};

/// Which of a user's judgements speak of one session's things in another one's hands.
const ISOLATION: [ReportField; 4] = [
    ReportField::AgentExecutionIsolated,
    ReportField::ThreadIsolationVerified,
    ReportField::WebsocketEventLeakage,
    ReportField::DatabaseSessionIsolation,
];

/// Every session.
pub(super) fn sessions(packs: &[Pack], verification: &Verification) -> Vec<Session> {
    let people = People {
        packs,
        verification,
    };
    (0..)
        .map(SessionIx)
        .take(verification.sessions.len())
        .map(|session| people.session(session))
        .collect()
}

/// Every user. `violations` are those of the report, by rule.
pub(super) fn users(
    packs: &[Pack],
    verification: &Verification,
    violations: &[Vec<Violation>],
) -> Vec<User> {
    let people = People {
        packs,
        verification,
    };
    (0..)
        .map(UserIx)
        .take(verification.users.len())
        .map(|user| people.user(user, violations))
        .collect()
}

/// Somebody whom findings are about.
#[derive(Clone, Copy)]
enum Person {
    Session(SessionIx),
    User(UserIx),
}

struct People<'p> {
    packs: &'p [Pack],
    verification: &'p Verification,
}

impl People<'_> {
    fn session(&self, session: SessionIx) -> Session {
        let stats = &self.verification.sessions[session.0 as usize];
        let person = Person::Session(session);
        let judged = |field| self.holds(person, &[field]).filter(|_| stats.connected);
        let (mut operations, mut time) = (None, None);
        for result in &self.verification.rules {
            let measured = result.outcome.measured.get(&session).copied();
            match (self.field(result), measured) {
                (Some(ReportField::ConcurrentOperationsCompleted), Some(Measure::Count(count))) => {
                    operations = Some(operations.unwrap_or(0).max(count));
                }
                (Some(ReportField::ExecutionTime), Some(Measure::Nanoseconds(taken))) => {
                    time = Some(time.unwrap_or(0).max(taken));
                }
                _ => {}
            }
        }
        let wrong = self.first_violation(person);
        Session {
            user_id: stats
                .user
                .map(|user| self.verification.users[user.0 as usize].clone()),
            session_id: stats.id.clone(),
            session_type: stats.device.clone(),
            websocket_connected: stats.connected,
            authentication_successful: self
                .holds(person, &[ReportField::AuthenticationSuccessful])
                .filter(|holds| stats.connected || !holds),
            agent_execution_isolated: judged(ReportField::AgentExecutionIsolated),
            websocket_events_received: stats.received.clone(),
            thread_isolation_verified: judged(ReportField::ThreadIsolationVerified),
            concurrent_operations_completed: operations,
            execution_time: time.map(|nanoseconds| nanoseconds as f64 / 1e9),
            success: stats.connected && wrong.is_none(),
            error_message: wrong.or_else(|| self.first_doubt(person)),
        }
    }

    fn user(&self, user: UserIx, violations: &[Vec<Violation>]) -> User {
        let person = Person::User(user);
        let own: Vec<_> = (0..)
            .map(SessionIx)
            .zip(&self.verification.sessions)
            .filter(|(_, stats)| stats.user == Some(user))
            .collect();
        let mut about = Vec::new();
        for (result, shown) in self.verification.rules.iter().zip(violations) {
            for (violation, shown) in result.outcome.violations.iter().zip(shown) {
                if self.concerns(person, violation.subject)
                    || self.concerns(person, violation.owner)
                {
                    about.push(shown.clone());
                }
            }
        }
        let connected = own.iter().all(|(_, stats)| stats.connected);
        User {
            user_id: self.verification.users[user.0 as usize].clone(),
            session_count: own.len(),
            cross_session_interference: self.holds(person, &ISOLATION).map(|holds| !holds),
            websocket_event_leakage: self
                .holds(person, &[ReportField::WebsocketEventLeakage])
                .map(|holds| !holds),
            agent_context_isolation: self.holds(person, &[ReportField::AgentExecutionIsolated]),
            database_session_isolation: self
                .holds(person, &[ReportField::DatabaseSessionIsolation]),
            thread_isolation_maintained: self
                .holds(person, &[ReportField::ThreadIsolationVerified]),
            success: connected && !own.is_empty() && about.is_empty(),
            violations: about,
        }
    }

    /// What the rules that report one of `fields` say of somebody: false if one was broken by it or
    /// at its cost; `None` where none was exercised, or one is in doubt; else true.
    fn holds(&self, person: Person, fields: &[ReportField]) -> Option<bool> {
        let reporting = self.verification.rules.iter().filter(|result| {
            self.field(result)
                .is_some_and(|field| fields.contains(&field))
        });
        let (mut exercised, mut in_doubt) = (false, false);
        for result in reporting {
            let mut violations = result.outcome.violations.iter();
            if violations.any(|violation| {
                self.concerns(person, violation.subject) || self.concerns(person, violation.owner)
            }) {
                return Some(false);
            }
            exercised |= result.state != State::NotExercised;
            in_doubt |= self.doubts(person, result).next().is_some();
        }
        (exercised && !in_doubt).then_some(true)
    }

    fn first_violation(&self, person: Person) -> Option<String> {
        self.verification
            .rules
            .iter()
            .flat_map(|result| &result.outcome.violations)
            .find(|violation| {
                self.concerns(person, violation.subject) || self.concerns(person, violation.owner)
            })
            .map(|violation| violation.message.clone())
    }

    fn first_doubt(&self, person: Person) -> Option<String> {
        self.verification
            .rules
            .iter()
            .flat_map(|result| self.doubts(person, result))
            .next()
            .map(|doubt| doubt.message.clone())
    }

    /// Open doubts about somebody, or about nobody in particular.
    fn doubts<'r>(
        &'r self,
        person: Person,
        result: &'r RuleResult,
    ) -> impl Iterator<Item = &'r Doubt> {
        result.outcome.doubts.iter().filter(move |doubt| {
            doubt.reason != Reason::NotExercised
                && (doubt.subject == Subject::default() || self.concerns(person, doubt.subject))
        })
    }

    fn concerns(&self, person: Person, subject: Subject) -> bool {
        let session = subject.session.or_else(|| {
            let connection = subject.connection?;
            self.verification.connections[connection.0 as usize].session
        });
        match person {
            Person::Session(own) => match session {
                Some(session) => session == own,
                // About a user as a whole: about each of its sessions.
                None => {
                    subject.user.is_some()
                        && self.verification.sessions[own.0 as usize].user == subject.user
                }
            },
            Person::User(own) => {
                let of_session =
                    session.and_then(|session| self.verification.sessions[session.0 as usize].user);
                subject.user == Some(own) || of_session == Some(own)
            }
        }
    }

    fn field(&self, result: &RuleResult) -> Option<ReportField> {
        self.packs[result.pack].rules[result.rule].reports
    }
}
