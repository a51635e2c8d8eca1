//! From a verification to its report.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};
use wsaudit_wire::Direction;

use super::excerpt::Excerpt;
use super::frames::{self, Frame};
use super::model::{
    Accepted, Connection, ConnectionRef, Evidence, Exception, Gap, Held, Location, Note, Reason,
    Recording, Report, Rule, Unread, Violation,
};
use super::moments::Moments;
use super::people::People;
use crate::engine::{ConnectionIx, RuleResult, SessionIx, UserIx, Verification};
use crate::finding::{self, Doubt, Place, Severity};
use crate::history::{self, Outline, Source, SourceError};
use crate::rules::{self, Pack};
use crate::verdict::Reason as Doubted;

/// The report of a verification of `packs` over `sources`: the same ones, in the same order.
pub fn report(
    packs: &[Pack],
    verification: &Verification,
    sources: &[Box<dyn Source>],
) -> Result<Report, SourceError> {
    let frames = frames::look_up(&frames::wanted(verification), verification, sources)?;
    let moments = sources.iter().zip(0..);
    let moments =
        moments.map(|(source, recording)| Moments::of(verification, recording, source.as_ref()));
    let builder = Builder {
        packs,
        verification,
        sources,
        frames,
        moments: moments.collect::<Result<_, _>>()?,
    };
    let violations: Vec<_> = verification
        .rules
        .iter()
        .map(|result| builder.violations(result))
        .collect();
    let people = People::new(packs, verification);
    Ok(Report {
        format: 1,
        verdict: verification.verdict.as_str(),
        reasons: builder.reasons(),
        rules: verification
            .rules
            .iter()
            .map(|result| builder.rule(result))
            .collect(),
        sessions: people.sessions(),
        users: people.users(&violations),
        violations: violations.into_iter().flatten().collect(),
        recordings: sources
            .iter()
            .map(|source| recording(source.as_ref()))
            .collect(),
        unread: verification
            .unread
            .iter()
            .map(|error| Unread {
                recording: error.recording.clone(),
                why: error.why.clone(),
            })
            .collect(),
        connections: builder.connections(),
        skew: verification.skew.as_secs_f64(),
        gaps: builder.gaps(),
        notes: verification
            .rules
            .iter()
            .flat_map(|result| builder.notes(result))
            .collect(),
        messages: verification.messages,
        baseline: None,
    })
}

struct Builder<'b> {
    packs: &'b [Pack],
    verification: &'b Verification,
    sources: &'b [Box<dyn Source>],
    frames: BTreeMap<Place, Frame>,
    /// By recording.
    moments: Vec<Moments>,
}

impl Builder<'_> {
    fn violations(&self, result: &RuleResult) -> Vec<Violation> {
        let pack = &self.packs[result.pack];
        let rule = &pack.rules[result.rule];
        result
            .outcome
            .violations
            .iter()
            .map(|violation| Violation {
                rule: rule.id.clone(),
                pack: pack.name.clone(),
                fingerprint: fingerprint(&pack.name, &rule.id, &violation.roles),
                message: violation.message.clone(),
                offending: self.place(violation.offending),
                session: self.session(violation.subject.session),
                user: self.user(violation.subject.user),
                connection: violation
                    .subject
                    .connection
                    .map(|index| self.connection(index)),
                owner_session: self.session(violation.owner.session),
                owner_user: self.user(violation.owner.user),
                resource: violation.resource.clone(),
                expected: violation.expected.clone(),
                severity: match violation.severity {
                    Severity::Write => "write",
                    Severity::Read => "read",
                },
                evidence: violation
                    .evidence
                    .iter()
                    .map(|line| self.evidence(line))
                    .collect(),
                standing: None,
            })
            .collect()
    }

    fn evidence(&self, line: &finding::Evidence) -> Evidence {
        let frame = line.place.and_then(|place| self.frames.get(&place));
        let shown = frame.and_then(|frame| frame.excerpts.get(&line.value));
        let shown = shown.filter(|excerpt| !excerpt.text.is_empty());
        Evidence {
            text: line.text.clone(),
            recording: line.place.map(|place| self.recording(place)),
            seq: line.place.map(|place| place.seq),
            at: frame.map(|frame| self.seconds(frame.at)),
            direction: frame
                .and_then(|frame| frame.direction)
                .map(Direction::as_str),
            session: frame.and_then(|frame| frame.session.clone()),
            connection: frame.map(|frame| frame.connection),
            excerpt: shown.map(|Excerpt { text, .. }| text.clone()),
            mark: shown
                .and_then(|excerpt| excerpt.mark.as_ref())
                .map(|mark| (mark.start, mark.end)),
        }
    }

    /// Every doubt that nobody accepted; one that touches several rules is told once.
    fn reasons(&self) -> Vec<Reason> {
        let mut reasons: Vec<(&Doubt, Reason)> = Vec::new();
        let mut known = BTreeMap::new();
        for result in &self.verification.rules {
            let name = self.rule_name(result);
            for doubt in &result.outcome.doubts {
                let key = (doubt.reason, doubt.place, &doubt.message, &doubt.settle);
                let at = *known.entry(key).or_insert_with(|| {
                    reasons.push((doubt, self.reason(doubt)));
                    reasons.len() - 1
                });
                reasons[at].1.rules.push(name.clone());
            }
        }
        // Where nothing could be read, that is why nothing happened.
        if self.sources.is_empty() && reasons.iter().any(|(it, _)| it.reason == Doubted::Unread) {
            reasons.retain(|(doubt, _)| doubt.reason != Doubted::NotExercised);
        }
        reasons.sort_by_key(|(doubt, _)| doubt.reason);
        reasons.into_iter().map(|(_, reason)| reason).collect()
    }

    fn reason(&self, doubt: &Doubt) -> Reason {
        Reason {
            reason: doubt.reason.as_str(),
            rules: Vec::new(),
            message: doubt.message.clone(),
            settle: doubt.settle.clone(),
            recording: doubt.place.map(|place| self.recording(place)),
            seq: doubt.place.map(|place| place.seq),
        }
    }

    fn rule(&self, result: &RuleResult) -> Rule {
        let pack = &self.packs[result.pack];
        let rule = &pack.rules[result.rule];
        let outcome = &result.outcome;
        Rule {
            pack: pack.name.clone(),
            id: rule.id.clone(),
            title: rule.title.clone(),
            kind: rule.spec.kind(),
            location: location(&pack.name, &rule.location),
            state: result.state.as_str(),
            examined: outcome.examined,
            matched: outcome.opportunities,
            violations: outcome.violations.len(),
            known: 0,
            excepted: outcome
                .excepted
                .iter()
                .map(|(why, count)| Exception {
                    why: why.clone(),
                    count: *count,
                })
                .collect(),
            accepted: result
                .accepted
                .iter()
                .map(|(doubt, why)| Accepted {
                    reason: doubt.reason.as_str(),
                    message: doubt.message.clone(),
                    why: why.clone(),
                })
                .collect(),
            notes: outcome.notes.len(),
            reports: rule.reports,
        }
    }

    fn notes(&self, result: &RuleResult) -> impl Iterator<Item = Note> {
        let pack = &self.packs[result.pack];
        let rule = &pack.rules[result.rule];
        result.outcome.notes.iter().map(|note| Note {
            rule: rule.id.clone(),
            pack: pack.name.clone(),
            message: note.message.clone(),
            session: self.session(note.subject.session),
            recording: self.recording(note.place),
            seq: note.place.seq,
            at: self
                .frames
                .get(&note.place)
                .map(|frame| self.seconds(frame.at)),
        })
    }

    fn rule_name(&self, result: &RuleResult) -> String {
        let pack = &self.packs[result.pack];
        format!("{}/{}", pack.name, pack.rules[result.rule].id)
    }

    fn session(&self, session: Option<SessionIx>) -> Option<String> {
        session.map(|session| self.verification.sessions[session.0 as usize].id.clone())
    }

    fn user(&self, user: Option<UserIx>) -> Option<String> {
        user.map(|user| self.verification.users[user.0 as usize].clone())
    }

    fn connection(&self, connection: ConnectionIx) -> ConnectionRef {
        let stats = &self.verification.connections[connection.0 as usize];
        let source = &self.sources[usize::from(stats.recording)];
        ConnectionRef {
            recording: source.outline().name.clone(),
            number: stats.number,
        }
    }

    /// Every connection, in the order of recordings and of opening.
    fn connections(&self) -> Vec<Connection> {
        let known: BTreeMap<_, _> = self
            .verification
            .connections
            .iter()
            .map(|stats| ((stats.recording, stats.number), stats))
            .collect();
        let outlines = (0_u16..).zip(self.sources.iter().map(|source| source.outline()));
        outlines
            .flat_map(|(recording, outline)| {
                let each = outline.connections.iter();
                each.map(move |connection| (recording, outline, connection))
            })
            .map(|(recording, outline, connection)| {
                let stats = known.get(&(recording, connection.number));
                let mut held = stats.map_or_else(Vec::new, |stats| {
                    let lanes = stats.lanes.iter();
                    stats.sessions.iter().chain(lanes).copied().collect()
                });
                held.sort_unstable();
                held.dedup();
                Connection {
                    recording: outline.name.clone(),
                    number: connection.number,
                    opened: self.seconds(connection.opened.at),
                    closed: connection.closed.map(|moment| self.seconds(moment.at)),
                    status: connection.status,
                    user: self.user(stats.and_then(|stats| stats.user)),
                    sessions: held
                        .iter()
                        .enumerate()
                        .filter_map(|(number, (from, session))| {
                            let session = self.session(Some(*session))?;
                            let moments = &self.moments[usize::from(recording)];
                            let at = moments.until(*from).filter(|_| number > 0);
                            Some(Held {
                                from: *from,
                                session,
                                at: at.map(|at| self.seconds(at)),
                            })
                        })
                        .collect(),
                }
            })
            .collect()
    }

    fn gaps(&self) -> Vec<Gap> {
        let each = self.sources.iter().zip(&self.moments);
        each.flat_map(|(source, moments)| {
            let outline = source.outline();
            outline.gaps.iter().map(|gap| Gap {
                recording: outline.name.clone(),
                connection: gap.connection,
                from: gap.from,
                to: gap.to,
                from_at: moments.until(gap.from).map(|at| self.seconds(at)),
                to_at: moments.after(gap.to).map(|at| self.seconds(at)),
                frames: gap.frames,
                why: gap.why.clone(),
            })
        })
        .collect()
    }

    fn place(&self, place: Place) -> super::model::Place {
        super::model::Place {
            recording: self.recording(place),
            seq: place.seq,
            at: self.frames.get(&place).map(|frame| self.seconds(frame.at)),
        }
    }

    fn recording(&self, place: Place) -> String {
        self.sources[usize::from(place.recording)]
            .file_of(place.seq)
            .to_owned()
    }

    /// Seconds from the start of the history.
    fn seconds(&self, at: i64) -> f64 {
        let starts = self
            .sources
            .iter()
            .map(|source| source.outline().started_at);
        (at - starts.min().unwrap_or(at)) as f64 / 1e9
    }
}

/// The fingerprint of a violation: the first 16 hexadecimal digits of a SHA-256 over pack, rule and
/// roles.
pub fn fingerprint(pack: &str, rule: &str, roles: &str) -> String {
    let mut hash = Sha256::new();
    for part in ["wsaudit fingerprint 1", pack, rule, roles] {
        // Its length before each part: no two lists of parts give the same bytes.
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    let digest = hash.finalize();
    let first = digest.first_chunk().copied().unwrap_or_default();
    format!("{:016x}", u64::from_be_bytes(first))
}

fn location(pack: &str, location: &rules::Location) -> Location {
    Location {
        file: location.file.clone(),
        line: location.line,
        column: location.column,
        shipped: Pack::is_shipped_file(pack, &location.file),
    }
}

fn recording(source: &dyn Source) -> Recording {
    let outline = source.outline();
    Recording {
        name: outline.name.clone(),
        started_at: outline.started_at as f64 / 1e9,
        duration: (outline.ended_at - outline.started_at) as f64 / 1e9,
        closed_cleanly: outline.unclean.is_none() && outline.goes_on.is_none(),
        files: files(outline),
        connections: outline
            .connections
            .iter()
            .filter(|connection| connection.http.is_none())
            .count(),
        anomalies: outline.anomalies.len(),
    }
}

/// The files of the parts, where the recording is one of parts.
fn files(outline: &Outline) -> Vec<String> {
    let cut = |part: &history::Part| part.number > 1 || part.continued;
    let mut files = Vec::new();
    if outline.parts.iter().any(cut) {
        files.extend(outline.parts.iter().map(|part| part.file.clone()));
        // A run that was added to the last part is in one file with it.
        files.dedup();
    }
    files
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_depends_on_each_of_its_parts() {
        let base = fingerprint("p", "r", "roles");
        assert_eq!(base.len(), 16);
        assert_eq!(base, fingerprint("p", "r", "roles"));
        for other in [
            fingerprint("q", "r", "roles"),
            fingerprint("p", "s", "roles"),
            fingerprint("p", "r", "role"),
            fingerprint("pr", "", "roles"),
        ] {
            assert_ne!(base, other);
        }
    }
}
