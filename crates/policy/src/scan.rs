//! Where things stand in a policy text.
//!
//! Cedar's own syntax trees say what a policy means; this says where its annotations, its scope and
//! each part of its conditions stand, so that faults and explanations can point at the text. It
//! also refuses texts that are nested too deeply before any recursive code sees them.
//!
//! It never judges syntax. A text that Cedar refuses may be scanned into nonsense, but not into a
//! panic.

use std::ops::Range;

/// How deeply brackets may be nested.
const MAX_NESTING: usize = 64;
/// How many words and signs one policy may have. Chains of operators become trees as deep as the
/// chain is long, so that this bounds the recursion of everything that walks a policy. Strings and
/// commas do not count: a long list is not deep.
const MAX_WORDS: usize = 1_000;

/// One `permit` or `forbid`, with its annotations.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Statement {
    /// From the first annotation up to and including the semicolon.
    pub(crate) span: Range<usize>,
    /// The word `permit` or `forbid`.
    pub(crate) effect: Range<usize>,
    pub(crate) annotations: Vec<Annotation>,
    /// `principal …`, `action …` and `resource …`.
    pub(crate) scope: Vec<Range<usize>>,
    pub(crate) clauses: Vec<Clause>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Annotation {
    /// Its name, without the `@`.
    pub(crate) name: Range<usize>,
    /// Its value with the quotes, or the name again when it has no value.
    pub(crate) value: Range<usize>,
}

/// A `when` or `unless` clause.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Clause {
    pub(crate) unless: bool,
    /// What has to hold (`when`: split at `&&`) or has to fail (`unless`: split at `||`).
    pub(crate) parts: Vec<Range<usize>>,
}

/// A text that may not be handed to recursive code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TooDeep {
    pub(crate) at: Range<usize>,
    pub(crate) message: String,
}

/// Splits a text into its statements.
pub(crate) fn statements(text: &str) -> Result<Vec<Statement>, TooDeep> {
    let mut statements = Vec::new();
    let mut tokens: Vec<Token> = Vec::new();
    let mut depth = 0_usize;
    let mut words = 0_usize;
    for token in Tokens::new(text) {
        match token.kind {
            Kind::Open => depth += 1,
            Kind::Close => depth = depth.saturating_sub(1),
            _ => {}
        }
        words += usize::from(!matches!(token.kind, Kind::Text | Kind::Comma));
        if depth > MAX_NESTING {
            let message = format!("brackets are nested more than {MAX_NESTING} deep");
            return Err(TooDeep {
                at: token.span,
                message,
            });
        }
        let ends = depth == 0 && token.kind == Kind::Semicolon;
        tokens.push(token);
        if words > MAX_WORDS {
            let at = tokens.first().map_or(0..0, |first| first.span.clone());
            let message = format!("this policy has more than {MAX_WORDS} words and signs");
            return Err(TooDeep { at, message });
        }
        if ends {
            statements.push(statement(text, &tokens));
            tokens.clear();
            words = 0;
        }
    }
    if !tokens.is_empty() {
        statements.push(statement(text, &tokens));
    }
    Ok(statements)
}

fn statement(text: &str, tokens: &[Token]) -> Statement {
    let mut found = Statement {
        span: covering(tokens),
        ..Statement::default()
    };
    let mut rest = Cursor { text, tokens };
    while rest.take_sign("@") {
        let Some(name) = rest.take() else { break };
        let mut value = name.span.clone();
        if rest.peek_is(Kind::Open)
            && let Some(string) = rest.take_group().first()
        {
            value = string.span.clone();
        }
        found.annotations.push(Annotation {
            name: name.span.clone(),
            value,
        });
    }
    if let Some(effect) = rest.take() {
        found.effect = effect.span.clone();
    }
    found.scope = split(rest.take_group(), Kind::Comma)
        .into_iter()
        .map(covering)
        .collect();
    while let Some(word) = rest.take() {
        if !rest.peek_is(Kind::Open) {
            break;
        }
        let unless = text.get(word.span.clone()) == Some("unless");
        let body = rest.take_group();
        found.clauses.push(Clause {
            unless,
            parts: parts(text, body, unless),
        });
    }
    found
}

/// Splits the body of a clause into what can be judged one by one. `if` binds weaker than `||`,
/// and `||` weaker than `&&`, so that a body with a weaker sign at its top is not split.
fn parts(text: &str, body: &[Token], unless: bool) -> Vec<Range<usize>> {
    let conditional = body
        .first()
        .is_some_and(|first| text.get(first.span.clone()) == Some("if"));
    let pieces = match unless {
        _ if conditional => vec![body],
        true => split(body, Kind::Or),
        false if split(body, Kind::Or).len() > 1 => vec![body],
        false => split(body, Kind::And),
    };
    pieces
        .into_iter()
        .filter(|piece| !piece.is_empty())
        .map(covering)
        .collect()
}

/// Splits tokens at the signs of one kind that stand outside brackets.
fn split(tokens: &[Token], at: Kind) -> Vec<&[Token]> {
    let mut depth = 0_usize;
    let cut = |token: &Token| {
        match token.kind {
            Kind::Open => depth += 1,
            Kind::Close => depth = depth.saturating_sub(1),
            kind => return depth == 0 && kind == at,
        }
        false
    };
    tokens.split(cut).collect()
}

/// The stretch of text from the first token to the last.
fn covering(tokens: &[Token]) -> Range<usize> {
    match (tokens.first(), tokens.last()) {
        (Some(first), Some(last)) => first.span.start..last.span.end,
        _ => 0..0,
    }
}

struct Cursor<'a> {
    text: &'a str,
    tokens: &'a [Token],
}

impl<'a> Cursor<'a> {
    fn take(&mut self) -> Option<&'a Token> {
        let (first, rest) = self.tokens.split_first()?;
        self.tokens = rest;
        Some(first)
    }

    fn peek_is(&self, kind: Kind) -> bool {
        self.tokens.first().is_some_and(|token| token.kind == kind)
    }

    fn take_sign(&mut self, sign: &str) -> bool {
        let here = self
            .tokens
            .first()
            .is_some_and(|token| self.text.get(token.span.clone()) == Some(sign));
        if here {
            self.take();
        }
        here
    }

    /// Takes a bracketed group and returns what stands between its brackets.
    fn take_group(&mut self) -> &'a [Token] {
        if !self.peek_is(Kind::Open) {
            return &[];
        }
        let mut depth = 0_usize;
        for (index, token) in self.tokens.iter().enumerate() {
            match token.kind {
                Kind::Open => depth += 1,
                Kind::Close => depth = depth.saturating_sub(1),
                _ => {}
            }
            if depth == 0 {
                let inside = self.tokens.get(1..index).unwrap_or_default();
                self.tokens = self.tokens.get(index + 1..).unwrap_or_default();
                return inside;
            }
        }
        std::mem::take(&mut self.tokens)
            .get(1..)
            .unwrap_or_default()
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Word,
    Text,
    Open,
    Close,
    Comma,
    Semicolon,
    And,
    Or,
    Sign,
}

#[derive(Clone, Debug)]
struct Token {
    kind: Kind,
    span: Range<usize>,
}

/// Words, strings and signs; comments and white space are skipped.
struct Tokens<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Tokens<'a> {
    fn new(text: &'a str) -> Self {
        Self {
            bytes: text.as_bytes(),
            at: 0,
        }
    }

    /// How many of the bytes from here on satisfy `wanted`.
    fn run(&self, wanted: impl Fn(u8) -> bool) -> usize {
        self.bytes
            .iter()
            .skip(self.at)
            .take_while(|byte| wanted(**byte))
            .count()
    }

    fn starts_with(&self, sign: &[u8]) -> bool {
        self.bytes
            .get(self.at..)
            .is_some_and(|rest| rest.starts_with(sign))
    }

    /// The length of the string literal that starts here, quotes included.
    fn string_len(&self) -> usize {
        let mut escaped = false;
        for (index, byte) in self.bytes.iter().skip(self.at).enumerate().skip(1) {
            match byte {
                _ if escaped => escaped = false,
                b'\\' => escaped = true,
                b'"' => return index + 1,
                _ => {}
            }
        }
        self.bytes.len() - self.at
    }
}

impl Iterator for Tokens<'_> {
    type Item = Token;

    fn next(&mut self) -> Option<Token> {
        loop {
            self.at += self.run(|byte| byte.is_ascii_whitespace());
            if !self.starts_with(b"//") {
                break;
            }
            self.at += self.run(|byte| byte != b'\n' && byte != b'\r');
        }
        let first = *self.bytes.get(self.at)?;
        let (kind, length) = match first {
            b'"' => (Kind::Text, self.string_len()),
            b'(' | b'[' | b'{' => (Kind::Open, 1),
            b')' | b']' | b'}' => (Kind::Close, 1),
            b',' => (Kind::Comma, 1),
            b';' => (Kind::Semicolon, 1),
            _ if self.starts_with(b"&&") => (Kind::And, 2),
            _ if self.starts_with(b"||") => (Kind::Or, 2),
            _ if is_word(first) => (Kind::Word, self.run(is_word)),
            _ => (Kind::Sign, 1),
        };
        let start = self.at;
        self.at += length;
        Some(Token {
            kind,
            span: start..self.at,
        })
    }
}

/// Bytes of a word. Whatever is not ASCII counts, so that spans never cut a character.
fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || !byte.is_ascii()
}

#[cfg(test)]
mod tests;
