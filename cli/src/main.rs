//! wsaudit.
fn main() {}
