//! Frames into messages.

mod fragments;
mod line;
mod permessage_deflate;
