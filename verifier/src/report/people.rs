//! What the findings mean for each session and each user.

mod reach;

use std::collections::BTreeMap;

use self::reach::{Holders, Reach};
use super::model::{Session, User, Violation};
use crate::engine::{ConnectionIx, RuleResult, SessionIx, UserIx, Verification};
use crate::finding::Measure;
use crate::rules::{Pack, ReportField};
use crate::verdict::{Reason, State};

/// Which judgements speak of one session's things in another one's hands.
const ISOLATION: [ReportField; 4] = [
    ReportField::AgentExecutionIsolated,
    ReportField::ThreadIsolationVerified,
    ReportField::WebsocketEventLeakage,
    ReportField::DatabaseSessionIsolation,
];

/// The sessions and users of a verification.
pub(super) struct People<'v> {
    verification: &'v Verification,
    holders: Holders,
    /// By rule.
    findings: Vec<Finding<'v>>,
}

/// What one rule says of people.
struct Finding<'v> {
    result: &'v RuleResult,
    field: Option<ReportField>,
    /// Whom its violations are about: those who received or did what they must not, and those whose it
    /// was.
    violated: Reach<'v>,
    /// Whom its open doubts are about.
    doubted: Reach<'v>,
}

/// Somebody whom findings are about.
#[derive(Clone, Copy)]
enum Person {
    Session(SessionIx),
    User(UserIx),
}

impl<'v> People<'v> {
    pub(super) fn new(packs: &[Pack], verification: &'v Verification) -> Self {
        let holders = Holders::new(verification);
        let findings = verification
            .rules
            .iter()
            .map(|result| {
                let (mut violated, mut doubted) = (Reach::default(), Reach::default());
                for violation in &result.outcome.violations {
                    for subject in [violation.subject, violation.owner] {
                        violated.extend(&holders, subject, &violation.message);
                    }
                }
                let doubts = result.outcome.doubts.iter();
                for doubt in doubts.filter(|doubt| doubt.reason != Reason::NotExercised) {
                    let known = doubted.extend(&holders, doubt.subject, &doubt.message);
                    doubted.extend_to_companions(&holders, doubt.subject, &doubt.message);
                    // Who nobody knows could be anybody; and what cannot be read may be anybody's,
                    // whoever received it.
                    if !known || doubt.reason == Reason::Undecodable {
                        doubted.extend_to_everybody(&doubt.message);
                    }
                }
                let field = packs[result.pack].rules[result.rule].reports;
                Finding {
                    result,
                    field,
                    violated,
                    doubted,
                }
            })
            .collect();
        Self {
            verification,
            holders,
            findings,
        }
    }

    /// Every session.
    pub(super) fn sessions(&self) -> Vec<Session> {
        let all = (0..).map(SessionIx).take(self.verification.sessions.len());
        all.map(|session| self.session(session)).collect()
    }

    /// Every user. `violations` are those of the report, by rule.
    pub(super) fn users(&self, violations: &[Vec<Violation>]) -> Vec<User> {
        let mut about: BTreeMap<UserIx, Vec<Violation>> = BTreeMap::new();
        for (finding, shown) in self.findings.iter().zip(violations) {
            for (violation, shown) in finding.result.outcome.violations.iter().zip(shown) {
                let mut users = self.holders.users(violation.subject);
                users.extend(self.holders.users(violation.owner));
                for user in users {
                    about.entry(user).or_default().push(shown.clone());
                }
            }
        }
        let all = (0..).map(UserIx).take(self.verification.users.len());
        all.map(|user| self.user(user, about.remove(&user).unwrap_or_default()))
            .collect()
    }

    fn session(&self, session: SessionIx) -> Session {
        let stats = &self.verification.sessions[session.0 as usize];
        let person = Person::Session(session);
        // Of a session that never was connected, nothing was seen to be isolated.
        let judged = |field| {
            let holds = self.holds(person, &[field]);
            holds.filter(|holds| stats.connected || !holds)
        };
        let wrong = self.first(person, |finding| &finding.violated);
        let doubt = || self.first(person, |finding| &finding.doubted);
        Session {
            user_id: stats
                .user
                .map(|user| self.verification.users[user.0 as usize].clone()),
            session_id: stats.id.clone(),
            session_type: stats.device.clone(),
            websocket_connected: stats.connected,
            authentication_successful: judged(ReportField::AuthenticationSuccessful),
            agent_execution_isolated: judged(ReportField::AgentExecutionIsolated),
            websocket_events_received: stats.received.clone(),
            thread_isolation_verified: judged(ReportField::ThreadIsolationVerified),
            concurrent_operations_completed: self.completed(session),
            execution_time: self
                .took(session)
                .map(|nanoseconds| nanoseconds as f64 / 1e9),
            success: stats.connected && wrong.is_none(),
            error_message: wrong.or_else(doubt).map(str::to_owned),
        }
    }

    fn user(&self, user: UserIx, violations: Vec<Violation>) -> User {
        let person = Person::User(user);
        let own = self.holders.sessions(user);
        let connected = own
            .iter()
            .all(|session| self.verification.sessions[session.0 as usize].connected);
        let leaks = |fields: &[ReportField]| self.holds(person, fields).map(|holds| !holds);
        User {
            user_id: self.verification.users[user.0 as usize].clone(),
            session_count: own.len(),
            cross_session_interference: leaks(&ISOLATION),
            websocket_event_leakage: leaks(&[ReportField::WebsocketEventLeakage]),
            agent_context_isolation: self.holds(person, &[ReportField::AgentExecutionIsolated]),
            database_session_isolation: self
                .holds(person, &[ReportField::DatabaseSessionIsolation]),
            thread_isolation_maintained: self
                .holds(person, &[ReportField::ThreadIsolationVerified]),
            success: connected && !own.is_empty() && violations.is_empty(),
            violations,
        }
    }

    /// What the rules that report one of `fields` say of somebody: false if one was broken by it or
    /// at its cost; `None` where none was exercised, or one is in doubt, or none looked at one of its connections;
    /// else true.
    fn holds(&self, person: Person, fields: &[ReportField]) -> Option<bool> {
        let reporting = || {
            let reports = |field: ReportField| fields.contains(&field);
            self.findings
                .iter()
                .filter(move |finding| finding.field.is_some_and(reports))
        };
        if reporting().any(|finding| finding.violated.message(person).is_some()) {
            return Some(false);
        }
        let exercised = reporting().any(|finding| finding.result.state != State::NotExercised);
        let in_doubt = reporting().any(|finding| finding.doubted.message(person).is_some());
        let looked_at = |connection: &ConnectionIx| {
            reporting()
                .any(|finding| !self.verification.outside[finding.result.pack].contains(connection))
        };
        let is_seen = || {
            let any_outside = self.verification.outside.iter().any(|it| !it.is_empty());
            !any_outside
                || self
                    .holders
                    .connections(self.verification, person)
                    .iter()
                    .all(looked_at)
        };
        (exercised && !in_doubt && is_seen()).then_some(true)
    }

    /// The first thing that is said of somebody.
    fn first(
        &self,
        person: Person,
        of: for<'f> fn(&'f Finding<'v>) -> &'f Reach<'v>,
    ) -> Option<&'v str> {
        self.findings
            .iter()
            .find_map(|finding| of(finding).message(person))
    }

    fn measured(&self, session: SessionIx, field: ReportField) -> impl Iterator<Item = Measure> {
        let reporting = self
            .findings
            .iter()
            .filter(move |finding| finding.field == Some(field));
        reporting.filter_map(move |finding| finding.result.outcome.measured.get(&session).copied())
    }

    fn completed(&self, session: SessionIx) -> Option<u64> {
        let measured = self.measured(session, ReportField::ConcurrentOperationsCompleted);
        let counts = measured.filter_map(|measure| match measure {
            Measure::Count(count) => Some(count),
            Measure::Nanoseconds(_) => None,
        });
        counts.max()
    }

    fn took(&self, session: SessionIx) -> Option<i64> {
        let measured = self.measured(session, ReportField::ExecutionTime);
        let times = measured.filter_map(|measure| match measure {
            Measure::Nanoseconds(nanoseconds) => Some(nanoseconds),
            Measure::Count(_) => None,
        });
        times.max()
    }
}
