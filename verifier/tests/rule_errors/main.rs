//! What somebody sees who made a mistake in a rule file: the place, what was expected, and the
//! nearest valid word.

use wsaudit_verifier::rules::Pack;

const HEAD: &str = r#"
[pack]
name   = "shop"
format = 1

[fields]
session = "/session_id"
thread  = ["/thread_id", "/thread/id"]

[events]
created = { from = "server", name = "thread_created" }
create  = { from = "client", name = "create_thread" }
opened  = { from = "client", name = "open_thread" }
thread  = { from = "server", name = "thread" }
refused = { from = "server", name = "error", where = { "/code" = "forbidden" } }
"#;

/// The errors of a pack that begins with [`HEAD`].
fn errors(rest: &str) -> String {
    raw_errors(&format!("{HEAD}{rest}"))
}

fn raw_errors(text: &str) -> String {
    Pack::from_texts(&[("shop.toml", text)])
        .expect_err("a mistake goes unnoticed")
        .to_string()
}

/// Compares what is printed with the snapshot of that name.
macro_rules! shows {
    ($name:literal, $errors:expr) => {
        insta::with_settings!({ prepend_module_to_snapshot => false, omit_expression => true }, {
            insta::assert_snapshot!($name, $errors);
        });
    };
}

mod files;
mod rules;
mod words;
