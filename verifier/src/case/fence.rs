//! Markdown, as far as a case needs it: the first heading and the fenced blocks.
//!
//! Fences are those of `CommonMark` (<https://spec.commonmark.org/0.31.2/#fenced-code-blocks>): three
//! or more backticks or tildes, closed by at least as many of the same.

/// A Markdown text's title and blocks.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Markdown<'t> {
    pub(super) title: Option<&'t str>,
    pub(super) blocks: Vec<Block<'t>>,
}

/// A fenced block whose language a case knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Block<'t> {
    pub(super) language: Language,
    /// The line of its opening fence; the first one is 1.
    pub(super) line: u32,
    pub(super) lines: Vec<&'t str>,
    /// The fence that should have closed it, where none does.
    pub(super) unclosed: Option<&'t str>,
}

/// What a block is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Language {
    Trace,
    Toml,
    /// Part of the prose.
    Other,
}

impl Language {
    /// The language of a block, of what follows its opening fence.
    fn of(info: &str) -> Self {
        match info.split_whitespace().next() {
            Some("trace") => Self::Trace,
            Some("toml") => Self::Toml,
            Some(_) | None => Self::Other,
        }
    }
}

impl Block<'_> {
    /// The block that an opening fence begins.
    fn new(line: u32, info: &str) -> Self {
        Self {
            language: Language::of(info),
            line,
            lines: Vec::new(),
            unclosed: None,
        }
    }
}

pub(super) fn read(text: &str) -> Markdown<'_> {
    let mut markdown = Markdown::default();
    let mut open: Option<(&str, Block<'_>)> = None;
    for (number, line) in (1_u32..).zip(text.lines()) {
        let (run, rest) = fence(line);
        match &mut open {
            Some((fence, _)) if run.starts_with(*fence) && rest.trim().is_empty() => {
                markdown.blocks.extend(open.take().map(|(_, block)| block));
            }
            // Prose that goes on over a trace was meant to end before it.
            Some((fence, block))
                if block.language == Language::Other
                    && run.starts_with(*fence)
                    && Language::of(rest) != Language::Other =>
            {
                block.unclosed = Some(fence);
                markdown.blocks.extend(open.take().map(|(_, block)| block));
                open = Some((run, Block::new(number, rest)));
            }
            Some((_, block)) => block.lines.push(line),
            None if run.len() >= 3 => open = Some((run, Block::new(number, rest))),
            None => {
                let heading = line.strip_prefix("# ").map(str::trim);
                markdown.title = markdown.title.or(heading.filter(|title| !title.is_empty()));
            }
        }
    }
    if let Some((fence, mut block)) = open {
        block.unclosed = Some(fence);
        markdown.blocks.push(block);
    }
    markdown
}

/// The backticks or tildes that a line begins with, and what follows them.
fn fence(line: &str) -> (&str, &str) {
    let unindented = line.trim_start_matches(' ');
    if line.len() - unindented.len() > 3 {
        return ("", line);
    }
    let length = |mark: char| unindented.len() - unindented.trim_start_matches(mark).len();
    unindented.split_at(length('`').max(length('~')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_know_their_language_and_line() {
        let text = "# Title \n```sh\n# no title\n```\n~~~trace\n0 end\n~~~\n````toml\n```\n````\n";
        let markdown = read(text);
        assert_eq!(markdown.title, Some("Title"));
        let blocks: Vec<_> = markdown
            .blocks
            .iter()
            .map(|block| (block.language, block.line, block.lines.as_slice()))
            .collect();
        assert_eq!(
            blocks,
            [
                (Language::Other, 2, &["# no title"][..]),
                (Language::Trace, 5, &["0 end"]),
                (Language::Toml, 8, &["```"]),
            ]
        );
    }

    #[test]
    fn prose_ends_where_a_trace_begins() {
        let markdown = read("```sh\nls\n```trace\n0 end\n```\n````md\n```trace\n```\n````\n");
        let blocks: Vec<_> = markdown
            .blocks
            .iter()
            .map(|block| (block.language, block.line, block.unclosed))
            .collect();
        assert_eq!(
            blocks,
            [
                (Language::Other, 1, Some("```")),
                (Language::Trace, 3, None),
                (Language::Other, 6, None),
            ]
        );
    }

    #[test]
    fn an_open_block_says_what_would_close_it() {
        assert_eq!(read("```trace\n0 end").blocks[0].unclosed, Some("```"));
    }
}
