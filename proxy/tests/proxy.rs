//! The proxy from outside: real sockets on both sides, and the recording that they leave.

#![expect(clippy::unwrap_used, reason = "in a test, a panic is the report")]

mod harness;

mod admin;
mod bad_requests;
mod ends;
mod exchanges;
mod frames;
mod gaps;
mod heads;
mod hidden;
mod http;
mod limits;
mod listener;
mod logs;
mod pace;
mod pressure;
mod recording;
mod relay;
mod tags;
mod tls;
mod tungstenite;
