//! The SQLite recording: schema, writer, reader.
//!
//! [`Writer`] owns one file and one thread; [`Sender`] hands it records and never blocks;
//! [`Run`] numbers and times what is observed; [`Credit`] bounds what may wait. [`Reader`] reads a
//! recording in the order of observation, and has no method that writes.
//! `docs/recording-format.md` describes the file.

mod column;
mod credit;
#[doc(hidden)]
pub mod fuzzing;
mod header;
mod parts;
mod question;
mod reader;
mod record;
mod run;
mod schema;
mod writer;

pub use credit::{Budget, Credit, CreditGuard};
pub use header::{OpenError, SQLITE_MAGIC};
pub use parts::PartNames;
pub use question::{
    Answer, AskError, Checked, Incomplete, Named, Question, QuestionError, QuestionLimits,
    QuestionRow, Scratch,
};
pub use reader::{
    ClockStep, Connection, Connections, Counts, Exchange, Filter, FrameBytes, FrameQuery, FrameRow,
    FrameRows, HttpBodyRow, HttpMessageRow, HttpQuery, HttpRows, Message, MessagePayload,
    MessageQuery, MessageRow, MessageRows, ReadError, ReadPlace, Reader, ReaderOptions, RunInfo,
    TagSpan, Unclean,
};
pub use record::*;
pub use run::{Run, RunId};
pub use schema::{APPLICATION_ID, FormatVersion};
pub use writer::{
    Closed, CutError, Kept, Rotation, Sender, StartError, WriteError, Writer, WriterOptions,
    WriterState, WriterStats, cut,
};
