//! `docs/writing-rules.md`, block by block: files are written, commands are typed, and what is shown is held
//! against what they print.

use std::fs;

use super::{Desk, commands_of, document};

const TUTORIAL: &str = "docs/writing-rules.md";

/// A fenced block: the word behind the fence, and what stands in it.
struct Block {
    word: String,
    text: String,
}

/// All fenced blocks, in order. One may hold shorter fences.
fn fenced(document: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut open: Option<(usize, Block)> = None;
    for line in document.lines() {
        let ticks = line.bytes().take_while(|byte| *byte == b'`').count();
        let word = &line[ticks..];
        match &mut open {
            None if ticks >= 3 => {
                let (word, text) = (word.to_owned(), String::new());
                open = Some((ticks, Block { word, text }));
            }
            Some((opened, _)) if ticks == *opened && word.is_empty() => {
                blocks.extend(open.take().map(|(_, block)| block));
            }
            Some((_, block)) => {
                block.text.push_str(line);
                block.text.push('\n');
            }
            None => {}
        }
    }
    blocks
}

/// Whether the numbers of a line are the same whatever was recorded: they count cases, mutants and rules, or
/// name a line of a case.
fn is_counted(line: &str) -> bool {
    let mut words = line.split_whitespace();
    let counts = [" mutants: ", " expectation", " warnings", " held)"];
    let is_row = words.next().is_some()
        && words.clone().count() > 1
        && words.all(|word| word.parse::<u32>().is_ok());
    is_row || line.starts_with("cases/") || counts.iter().any(|it| line.contains(it))
}

/// A line without what is another thing in each recording: ids, devices, numbers of what happened there, and how
/// wide columns are.
fn form(line: &str) -> String {
    let is_counted = is_counted(line);
    let mut line = line.to_owned();
    for device in [
        "LAPTOP_BROWSER",
        "MOBILE_BROWSER",
        "DESKTOP_APP",
        "TABLET_BROWSER",
    ] {
        line = line.replace(device, "DEVICE");
    }
    for kind in ["thr_", "s-", "run_"] {
        let parts = line.split(kind).enumerate();
        let is_digit = |it: char| it.is_ascii_hexdigit();
        let parts = parts.map(|(number, part)| match number {
            0 => part.to_owned(),
            _ => format!("{kind}{}", part.trim_start_matches(is_digit)),
        });
        line = parts.collect();
    }
    line.retain(|it| is_counted || !it.is_ascii_digit());
    let words: Vec<_> = line.split_whitespace().collect();
    // It is left out where there are as many opportunities.
    words.join(" ").replace(", events examined", "")
}

/// Whether each line that is shown was printed, in this order. What stands between them differs with the
/// schedule: whether a thread was asked for once or twice, say.
fn compare(shown: &str, printed: &str) {
    let mut rest = printed.lines();
    for line in shown
        .lines()
        .filter(|line| !line.is_empty() && *line != "…")
    {
        let wanted = form(line);
        let is_it = |other: &str| match wanted.strip_suffix('…') {
            Some(beginning) => form(other).starts_with(beginning),
            None => form(other) == wanted,
        };
        assert!(
            rest.any(is_it),
            "{TUTORIAL} shows\n{line}\nand this was printed:\n{printed}"
        );
    }
}

/// Where a block of TOML belongs: a pack is the rules, a rule is added to them, and the baseline is filled in.
fn write(desk: &Desk, block: &str) {
    let rules = desk.path("my-rules.toml");
    if block.starts_with("format = 1") {
        fs::write(desk.path("known.toml"), block).unwrap();
    } else if block.starts_with("[pack]") {
        fs::write(rules, block).unwrap();
    } else {
        let before = fs::read_to_string(&rules).unwrap();
        fs::write(rules, format!("{before}\n{block}")).unwrap();
    }
}

/// The mistake that the text speaks of.
fn misspelt(desk: &Desk) -> String {
    let elsewhere = desk.path("misspelt");
    fs::create_dir(&elsewhere).unwrap();
    let rules = fs::read_to_string(desk.path("my-rules.toml")).unwrap();
    let wrong = rules.replace("claimed-by =", "claimedby =");
    fs::write(elsewhere.join("my-rules.toml"), wrong).unwrap();
    let check = ["rules", "check", "my-rules.toml"].map(str::to_owned);
    let output = desk
        .wsaudit(&check)
        .current_dir(elsewhere)
        .output()
        .unwrap();
    String::from_utf8(output.stdout).unwrap()
}

/// What ends in another exit code than 0 says so beside the command.
#[test]
fn the_tutorial_does_and_shows_what_it_says() {
    let desk = Desk::new("");
    let (mut printed, mut compared) = (String::new(), 0);
    for Block { word, text } in fenced(&document(TUTORIAL)) {
        match word.as_str() {
            "toml" => write(&desk, &text),
            "md" => fs::write(desk.path("cases/refused.md"), text).unwrap(),
            "sh" => {
                for line in commands_of(&text) {
                    let (command, code) = line.split_once("# exit code ").unwrap_or((&line, "0"));
                    let code: i32 = code.trim().parse().expect("an exit code");
                    let ran = desk.follow(command.trim());
                    assert_eq!(ran.code, code, "`{command}`\n{}", ran.printed);
                    printed = ran.printed;
                }
            }
            "text" => {
                if text.starts_with("error: unknown key") {
                    printed = misspelt(&desk);
                    // Nothing of this is another each time.
                    let exactly = |line: &str| line == "…" || printed.contains(line);
                    assert!(text.lines().all(exactly), "{text}\n{printed}");
                }
                compare(&text, &printed);
                compared += 1;
            }
            other => panic!("{TUTORIAL}: a block of `{other}`"),
        }
    }
    assert!(compared >= 10, "{compared} blocks show what is printed");
}

#[test]
fn what_is_shown_is_compared_line_by_line() {
    let printed = "a frame 12  s-0f3a\n\nb\nc: 7 of 8 events\nd\n";
    compare("a frame 9 s-77e1\nb\n…", printed);
    compare("…\nc: 9 of…\nd", printed);
    let counted = "all  20  9  5  0  6\n1 clean case, 20 mutants: 6 survived\n";
    compare(
        "all 20 9 5 0 6\n1 clean case, 20 mutants: 6 survived",
        counted,
    );
    for wrong in ["all 20 8 5 0 7", "1 clean case, 20 mutants: 7 survived"] {
        let caught = std::panic::catch_unwind(|| compare(wrong, counted));
        assert!(caught.is_err(), "{wrong}");
    }
    for wrong in ["a frame s-0f3a of b", "c: 7 in 8 events", "d\nb", "b\nb"] {
        let caught = std::panic::catch_unwind(|| compare(wrong, printed));
        assert!(caught.is_err(), "{wrong}");
    }
}
