//! How a command ends.

use std::process::ExitCode;

/// The exit codes, for `--help`.
pub(crate) const HELP: &str = "\
Exit codes:
  0  clean: everything holds, or the command did what it should
  1  violated: a rule is broken, or a case failed
  2  something could not be read or run, or the usage was wrong
  3  inconclusive: nothing is broken, but the recording cannot prove the rest";

/// How a command ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Everything holds, or the command did what it should.
    Clean,
    /// A rule is broken, or a case failed.
    #[cfg(feature = "verify")]
    Violated,
    /// Something could not be read or run.
    Failed,
    /// Nothing is broken, but the recording cannot prove the rest.
    #[cfg(feature = "verify")]
    Inconclusive,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(match exit {
            Exit::Clean => 0,
            #[cfg(feature = "verify")]
            Exit::Violated => 1,
            Exit::Failed => 2,
            #[cfg(feature = "verify")]
            Exit::Inconclusive => 3,
        })
    }
}

#[cfg(feature = "verify")]
impl From<wsaudit_verifier::verdict::Verdict> for Exit {
    fn from(verdict: wsaudit_verifier::verdict::Verdict) -> Self {
        use wsaudit_verifier::verdict::Verdict;
        match verdict {
            Verdict::Clean => Self::Clean,
            Verdict::Violated => Self::Violated,
            Verdict::Inconclusive => Self::Inconclusive,
        }
    }
}

#[cfg(feature = "verify")]
impl Exit {
    /// What a run asks for.
    pub(crate) fn of(audit: &wsaudit_verifier::report::Audit) -> Self {
        match audit.exit_code() {
            0 => Self::Clean,
            1 => Self::Violated,
            3 => Self::Inconclusive,
            _ => Self::Failed,
        }
    }
}
