//! Faults with their place in a text, and how they are shown.

use std::fmt;
use std::io::IsTerminal;
use std::ops::Range;
use std::path::{Path, PathBuf};

use miette::{
    Diagnostic, GraphicalReportHandler, GraphicalTheme, LabeledSpan, MietteError,
    MietteSpanContents, SourceCode, SourceSpan, SpanContents,
};
use serde::Serialize;

/// One thing that is wrong, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// What is wrong, in one sentence.
    pub message: String,
    /// Where, in bytes of the text; `None` when something is missing altogether.
    pub span: Option<Range<usize>>,
    /// What to do about it.
    pub help: String,
}

impl Fault {
    /// A fault at a place in the text.
    #[must_use]
    pub fn at(span: Range<usize>, message: impl Into<String>, help: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            span: Some(span),
            help: help.into(),
        }
    }

    /// A fault without a place, such as something that is missing.
    #[must_use]
    pub fn missing(message: impl Into<String>, help: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            span: None,
            help: help.into(),
        }
    }
}

/// A text, its name, and the faults found in it so far.
#[derive(Clone, Debug)]
pub struct Source {
    /// The file that the text came from.
    pub file: PathBuf,
    /// The text, already without secrets; byte offsets of faults refer to it.
    pub text: String,
    /// The faults found so far.
    pub faults: Vec<Fault>,
}

impl Source {
    /// A text without faults.
    #[must_use]
    pub fn new(file: &Path, text: impl Into<String>) -> Self {
        Self {
            file: file.to_owned(),
            text: text.into(),
            faults: Vec::new(),
        }
    }

    /// Ends the search: the faults in the order of the text, those without a place last.
    #[must_use]
    pub fn into_errors(mut self) -> ConfigErrors {
        self.faults.sort_by_key(|fault| {
            fault
                .span
                .as_ref()
                .map_or((usize::MAX, usize::MAX), |span| (span.start, span.end))
        });
        ConfigErrors { source: self }
    }
}

/// Everything that is wrong with one text. `Display` shows each fault with its line underlined.
#[derive(Clone, Debug)]
pub struct ConfigErrors {
    source: Source,
}

impl ConfigErrors {
    /// The error for a file that cannot be read at all.
    pub(super) fn unreadable(file: &Path, why: &str, help: &str) -> Self {
        let mut source = Source::new(file, "");
        source
            .faults
            .push(Fault::missing(format!("{} {why}", file.display()), help));
        source.into_errors()
    }

    /// The file.
    #[must_use]
    pub fn file(&self) -> &Path {
        &self.source.file
    }

    /// The faults, in the order of the text.
    #[must_use]
    pub fn faults(&self) -> &[Fault] {
        &self.source.faults
    }

    /// Renders every fault with its line underlined; with colours when `colour` is set.
    #[must_use]
    pub fn render(&self, colour: bool) -> String {
        let theme = if colour {
            GraphicalTheme::unicode()
        } else {
            GraphicalTheme::unicode_nocolor()
        };
        let handler = GraphicalReportHandler::new_themed(theme)
            .with_context_lines(SHOWN)
            .with_width(100)
            .without_syntax_highlighting()
            .with_links(false);
        let mut text = String::new();
        for fault in &self.source.faults {
            let shown = Shown {
                fault,
                lines: Lines(&self.source),
            };
            if handler.render_report(&mut text, &shown).is_err() {
                text.push_str(&fault.message);
                text.push('\n');
            }
        }
        text
    }

    /// Renders for standard error as it is now: with colours on a terminal, unless `NO_COLOR` is set.
    #[must_use]
    pub fn render_for_stderr(&self) -> String {
        let wanted = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        self.render(wanted && std::io::stderr().is_terminal())
    }

    /// The faults as plain data, for `--json`.
    #[must_use]
    pub fn records(&self) -> Vec<impl Serialize + use<>> {
        let record = |fault: &Fault| {
            let place = fault
                .span
                .as_ref()
                .map(|span| line_and_column(&self.source.text, span.start));
            FaultRecord {
                file: self.source.file.display().to_string(),
                line: place.map(|(line, _)| line),
                column: place.map(|(_, column)| column),
                message: fault.message.clone(),
                help: fault.help.clone(),
            }
        };
        self.source.faults.iter().map(record).collect()
    }
}

impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render(false))
    }
}

impl std::error::Error for ConfigErrors {}

#[derive(Serialize)]
struct FaultRecord {
    file: String,
    line: Option<usize>,
    column: Option<usize>,
    message: String,
    help: String,
}

/// Both counted from 1; the column in characters.
fn line_and_column(text: &str, offset: usize) -> (usize, usize) {
    let before = text.get(..offset).unwrap_or(text);
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    let column = before.get(line_start..).unwrap_or_default().chars().count() + 1;
    (before.matches('\n').count() + 1, column)
}

/// One fault as miette wants to see it.
#[derive(Debug)]
struct Shown<'a> {
    fault: &'a Fault,
    lines: Lines<'a>,
}

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.fault.message)
    }
}

impl std::error::Error for Shown<'_> {}

impl Diagnostic for Shown<'_> {
    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        (!self.fault.help.is_empty()).then(|| Box::new(&self.fault.help) as Box<dyn fmt::Display>)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.fault
            .span
            .as_ref()
            .map(|_| &self.lines as &dyn SourceCode)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let span = visible(&self.lines.0.text, self.fault.span.clone()?);
        Some(Box::new(std::iter::once(LabeledSpan::underline(span))))
    }
}

/// A span that covers nothing, or only the end of a line, would underline nothing: it moves to the
/// character before.
fn visible(text: &str, span: Range<usize>) -> Range<usize> {
    let covered = text.get(span.clone()).unwrap_or_default();
    if !covered.trim_end().is_empty() {
        return span;
    }
    let next = text.get(span.start..).and_then(|rest| rest.chars().next());
    match next {
        Some(character) if !matches!(character, '\n' | '\r') => {
            span.start..span.start + character.len_utf8()
        }
        _ => {
            let before = text.get(..span.start).unwrap_or(text);
            let last = before.trim_end_matches(['\r', '\n']);
            let start = last
                .char_indices()
                .next_back()
                .map_or(0, |(position, _)| position);
            start..last.len().max(start + 1)
        }
    }
}

/// What miette is told to show around a span; [`Lines`] only tells its two questions apart by it.
const SHOWN: usize = 1;

/// Shows the whole of the lines that a span touches, and no others. Miette's own sources show either
/// the span alone or the neighbouring lines as well.
#[derive(Debug)]
struct Lines<'a>(&'a Source);

impl SourceCode for Lines<'_> {
    fn read_span<'a>(
        &'a self,
        span: &SourceSpan,
        before_lines: usize,
        _after: usize,
    ) -> Result<Box<dyn SpanContents<'a> + 'a>, MietteError> {
        let text = self.0.text.as_bytes();
        let start = span.offset().min(text.len());
        let end = (span.offset() + span.len()).clamp(start, text.len());
        let (before, within) = (text.get(..start).unwrap_or_default(), text.get(start..end));
        let newline = |byte: &u8| *byte == b'\n';
        let first = before
            .iter()
            .rposition(newline)
            .map_or(0, |position| position + 1);
        // A span that ends with a line's newline does not touch the line behind it.
        let touched = within.unwrap_or_default();
        let inner = touched.strip_suffix(b"\n").unwrap_or(touched);
        let rest = text.get(start + inner.len()..).unwrap_or_default();
        let last = rest
            .iter()
            .position(newline)
            .map_or(text.len(), |length| start + inner.len() + length);
        let lines = text.get(first..last).unwrap_or_default();
        // Without context, miette asks for the place to print above the lines; with it, for the lines.
        let column = if before_lines == SHOWN {
            0
        } else {
            String::from_utf8_lossy(before.get(first..).unwrap_or_default())
                .chars()
                .count()
        };
        Ok(Box::new(MietteSpanContents::new_named(
            self.0.file.display().to_string(),
            lines,
            SourceSpan::from((first, lines.len())),
            before.iter().filter(|byte| newline(byte)).count(),
            column,
            lines.iter().filter(|byte| newline(byte)).count() + 1,
        )))
    }
}

/// Replaces the password in every database URL by as many stars, so that offsets stay true.
pub(super) fn without_passwords(text: &str) -> String {
    let mut masked = text.to_owned();
    let mut from = 0;
    while let Some(found) = masked.get(from..).and_then(|rest| rest.find("://")) {
        let start = from + found + 3;
        let rest = masked.get(start..).unwrap_or_default();
        let length = rest.find(['"', '\'', '\n', ' ']).unwrap_or(rest.len());
        let url = rest.get(..length).unwrap_or_default();
        if let (Some(colon), Some(at)) = (url.find(':'), url.rfind('@'))
            && colon < at
        {
            masked.replace_range(start + colon + 1..start + at, &"*".repeat(at - colon - 1));
        }
        from = start + length;
    }
    masked
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_at_the_end_of_a_line_underlines_the_character_before() {
        assert_eq!(visible("ab = \nx", 5..5), 4..5);
        assert_eq!(visible("garbage\n", 7..7), 6..7);
        assert_eq!(visible("gü", 3..3), 1..3);
        assert_eq!(visible("abc", 1..1), 1..2);
        assert_eq!(visible("abc", 0..2), 0..2);
        assert_eq!(visible("", 0..0), 0..1);
        assert_eq!(visible("x", 9..12), 0..1);
    }

    #[test]
    fn passwords_in_urls_become_stars_of_the_same_length() {
        let text = "url = \"postgres://nac:s3cr@et@db/nac\" # x\nother = 'sqlite://nac.db'\n";
        let masked = without_passwords(text);
        assert_eq!(
            masked,
            "url = \"postgres://nac:*******@db/nac\" # x\nother = 'sqlite://nac.db'\n"
        );
        assert_eq!(masked.len(), text.len());
        assert_eq!(without_passwords("://:ü@"), "://:**@");
    }
}
