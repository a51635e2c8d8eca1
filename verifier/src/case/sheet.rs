//! From a Markdown text to a case: settings and expectations are read here, the history in `trace`.

mod marks;

use super::error::{CaseError, CaseErrors, Problem};
use super::expectation::{Expectation, Expected, RuleName};
use super::fence::{self, Block, Language};
use super::line::{self, Statement};
use super::trace::Trace;
use super::word::{self, Words};
use super::{Case, CaseHistory, PackChoice, Survives};
use crate::facts::{Fact, Facts};

/// Reads a case; everything that is wrong in it is told.
pub(super) fn read(file: &str, text: &str) -> Result<Case, CaseErrors> {
    let markdown = fence::read(text);
    let mut sheet = Sheet::new(file);
    if markdown.title.is_none() {
        sheet.problem(1, Problem::NoTitle);
    }
    for block in &markdown.blocks {
        sheet.block(block);
    }
    if !markdown
        .blocks
        .iter()
        .any(|block| block.language == Language::Trace)
    {
        sheet.problem(1, Problem::NoTrace);
    }
    sheet.finish(markdown.title.unwrap_or_default())
}

/// What was read so far.
struct Sheet<'f> {
    file: &'f str,
    errors: Vec<CaseError>,
    packs: Vec<PackChoice>,
    only: Vec<(RuleName, u32)>,
    expectations: Vec<Expectation>,
    survivors: Vec<Survives>,
    facts: Facts,
    trace: Trace,
    /// The recordings that are named, and the line.
    recordings: Option<(u32, Vec<String>)>,
    /// Places in recordings that could not be looked up yet.
    frames: Vec<FrameOf>,
    /// The first line of the first trace.
    trace_begins: Option<u32>,
}

/// `expect RULE at frame N of RECORDING`.
struct FrameOf {
    line: u32,
    rule: RuleName,
    frame: u64,
    recording: Option<String>,
}

impl<'f> Sheet<'f> {
    fn new(file: &'f str) -> Self {
        Self {
            file,
            errors: Vec::new(),
            packs: Vec::new(),
            only: Vec::new(),
            expectations: Vec::new(),
            survivors: Vec::new(),
            facts: Facts::default(),
            trace: Trace::default(),
            recordings: None,
            frames: Vec::new(),
            trace_begins: None,
        }
    }

    fn problem(&mut self, line: u32, problem: Problem) {
        self.errors.push(CaseError {
            file: self.file.to_owned(),
            line,
            problem,
        });
    }

    fn block(&mut self, block: &Block<'_>) {
        if let Some(fence) = block.unclosed {
            self.problem(block.line, Problem::Unclosed(fence.to_owned()));
        }
        match block.language {
            Language::Other => {}
            Language::Toml => {
                let above = "\n".repeat(block.line as usize);
                let text = format!("{above}{}\n", block.lines.join("\n"));
                self.packs.push(PackChoice::Inline {
                    text,
                    line: block.line + 1,
                });
            }
            Language::Trace => {
                self.trace_begins.get_or_insert(block.line);
                let (statements, problems) = line::statements(block);
                for (line, problem) in problems {
                    self.problem(line, problem);
                }
                for statement in &statements {
                    if let Err(problem) = self.statement(statement) {
                        self.problem(statement.first, problem);
                    }
                }
            }
        }
    }

    fn statement(&mut self, statement: &Statement) -> Result<(), Problem> {
        let mut words = Words::new(&statement.text);
        let Some(first) = words.peek() else {
            // A block that begins with an expectation was told already.
            return Ok(());
        };
        let line = statement.first;
        if first.starts_with(|first: char| first.is_ascii_digit()) {
            self.trace.timed(statement, &mut words)?;
            return self.marks(statement, words);
        }
        words.next();
        match first {
            "rules:" => {
                let names = list(&mut words, "a rule pack's name or path")?;
                self.packs.extend(
                    names
                        .into_iter()
                        .map(|name| PackChoice::Named { name, line }),
                );
            }
            "rules" => {
                let only = words.expect("`only:`, or `rules:`")?;
                if only != "only:" {
                    return Err(word::unknown(only, &["only:"], &[]));
                }
                let names = list(&mut words, "a rule's id")?.into_iter();
                self.only.extend(names.map(|name| (RuleName(name), line)));
            }
            "recording:" | "recordings:" => {
                let names = list(&mut words, "a recording's path")?;
                if let Some((first, _)) = self.recordings {
                    return Err(Problem::SetTwice {
                        setting: "recording",
                        first,
                    });
                }
                self.recordings = Some((line, names));
            }
            "expect" => self.expect(line, &mut words)?,
            "todo" => {
                let rule = rule(&mut words)?;
                self.expected(line, Expected::Todo { rule, lines: None });
            }
            "survives" => self.survives(line, None, words.free())?,
            "fact" => {
                let table = words.expect("a table's name")?;
                let resource = words.expect("the resource's id")?.to_owned();
                let owner = words.expect("the owner's id")?.to_owned();
                let origin = format!("{} line {line}", self.file);
                self.facts.extend(
                    table,
                    [Fact {
                        resource,
                        owner,
                        origin,
                    }],
                );
            }
            name if words.peek() == Some("=") => {
                words.next();
                self.trace.declare(line, name, words.free())?;
            }
            other => {
                const KNOWN: [&str; 7] = [
                    "rules:",
                    "rules only:",
                    "recording:",
                    "expect",
                    "todo",
                    "survives",
                    "fact",
                ];
                return Err(word::unknown(
                    other,
                    &KNOWN,
                    &["a time such as 0.250", "`NAME = session ...`"],
                ));
            }
        }
        match words.rest().trim() {
            "" => Ok(()),
            rest => Err(Problem::LeftOver(rest.to_owned())),
        }
    }

    /// `expect ...` on a line of its own, that stands for the whole case.
    fn expect(&mut self, line: u32, words: &mut Words<'_>) -> Result<(), Problem> {
        let what =
            words.expect("a rule, `none`, `clean`, `holds`, `not-exercised` or `undecided`")?;
        let each: fn(RuleName) -> Expected = match what {
            "none" | "clean" => {
                let expected = if what == "none" {
                    Expected::None
                } else {
                    Expected::Clean
                };
                self.expected(line, expected);
                return Ok(());
            }
            "holds" => Expected::Holds,
            "not-exercised" => Expected::NotExercised,
            "undecided" => Expected::Undecided,
            "noted" => |rule| Expected::Noted { rule, lines: None },
            rule => return self.expect_violation(line, RuleName(rule.to_owned()), words),
        };
        for name in list(words, "a rule's id")? {
            self.expected(line, each(RuleName(name)));
        }
        Ok(())
    }

    fn expect_violation(
        &mut self,
        line: u32,
        rule: RuleName,
        words: &mut Words<'_>,
    ) -> Result<(), Problem> {
        let no_place = || Problem::NoPlace(rule.0.clone());
        let how = words.next().ok_or_else(no_place)?;
        if how == "at" {
            match words.expect("`frame N`")? {
                "frame" => {}
                other => return Err(word::unknown(other, &["frame"], &[])),
            }
            let frame = word::number(words.expect("a frame's number")?, "frame's number")?;
            let recording = match words.next() {
                None => None,
                Some("of") => Some(words.expect("a recording's path")?.to_owned()),
                Some(other) => return Err(word::unknown(other, &["of"], &[])),
            };
            self.frames.push(FrameOf {
                line,
                rule,
                frame,
                recording,
            });
            return Ok(());
        }
        if !how.starts_with(|first: char| first.is_ascii_digit()) {
            const KNOWN: [&str; 6] = [
                "none",
                "clean",
                "holds",
                "not-exercised",
                "undecided",
                "noted",
            ];
            let meant = word::unknown(
                &rule.0,
                &KNOWN,
                &["a rule followed by `at frame N` or `N times`"],
            );
            return Err(meant);
        }
        let times = word::number(how, "number of violations")?;
        match words.expect("`times`")? {
            "times" | "time" => {}
            other => return Err(word::unknown(other, &["times"], &[])),
        }
        self.expected(line, Expected::Times { rule, times });
        Ok(())
    }

    fn expected(&mut self, line: u32, expected: Expected) {
        self.expectations.push(Expectation { line, expected });
    }

    fn finish(mut self, title: &str) -> Result<Case, CaseErrors> {
        let line = self.trace_begins.unwrap_or(1);
        let history = self.history();
        if self.trace_begins.is_some() {
            if self.packs.is_empty() {
                self.problem(line, Problem::NoRules);
            }
            if self.expectations.is_empty() && self.errors.is_empty() {
                self.problem(line, Problem::NoExpectation);
            }
        }
        self.contradictions();
        if self.errors.is_empty() {
            self.expectations
                .sort_by_key(|expectation| expectation.line);
            return Ok(Case {
                file: self.file.to_owned(),
                title: title.to_owned(),
                packs: self.packs,
                only: self.only,
                expectations: self.expectations,
                history,
                facts: self.facts,
                survivors: self.survivors,
            });
        }
        self.errors.sort_by_key(|error| error.line);
        Err(CaseErrors(self.errors))
    }

    fn history(&mut self) -> CaseHistory {
        let frames = std::mem::take(&mut self.frames);
        if let Some((line, recordings)) = self.recordings.take() {
            if self.trace.is_used() {
                self.problem(line, Problem::TwoHistories);
            }
            for frame in frames {
                match place(&recordings, frame) {
                    Ok(expectation) => self.expectations.push(expectation),
                    Err((line, problem)) => self.problem(line, problem),
                }
            }
            return CaseHistory::Recordings(recordings);
        }
        for frame in frames {
            self.problem(frame.line, Problem::FrameInTrace(frame.rule.0));
        }
        let (source, problems) = std::mem::take(&mut self.trace).finish(self.file);
        for (line, problem) in problems {
            self.problem(line, problem);
        }
        CaseHistory::Trace(Box::new(source))
    }

    fn contradictions(&mut self) {
        let violation = self
            .expectations
            .iter()
            .find(|one| one.expected.is_violation());
        let none = self.expectations.iter().find_map(|one| match one.expected {
            Expected::None => Some((one.line, "none")),
            Expected::Clean => Some((one.line, "clean")),
            _ => None,
        });
        if let (Some(violation), Some((line, none))) = (violation, none) {
            let other = violation.line;
            self.problem(line, Problem::Contradiction { none, other });
        }
    }
}

fn place(recordings: &[String], frame: FrameOf) -> Result<Expectation, (u32, Problem)> {
    let FrameOf {
        line,
        rule,
        frame,
        recording,
    } = frame;
    let at = match &recording {
        None => Some(0),
        Some(name) => recordings.iter().position(|recording| recording == name),
    };
    let Some(recording) = at.and_then(|at| u16::try_from(at).ok()) else {
        let name = recording.unwrap_or_default();
        return Err((
            line,
            Problem::UnknownRecording {
                name,
                known: recordings.to_vec(),
            },
        ));
    };
    Ok(Expectation {
        line,
        expected: Expected::ViolationAt {
            rule,
            recording,
            frame,
        },
    })
}

fn rule(words: &mut Words<'_>) -> Result<RuleName, Problem> {
    Ok(RuleName(words.expect("a rule's id")?.to_owned()))
}

/// `a, b, c`.
fn list(words: &mut Words<'_>, what: &'static str) -> Result<Vec<String>, Problem> {
    let names: Vec<_> = words
        .free()
        .split(',')
        .map(|name| name.trim().to_owned())
        .collect();
    if names.iter().any(String::is_empty) {
        return Err(Problem::Missing(what));
    }
    Ok(names)
}
