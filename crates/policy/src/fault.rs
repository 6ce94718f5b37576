//! What is wrong with a policy text, and where.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Everything that is wrong with a policy text, in the order of the text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub struct PolicyErrors(pub Vec<PolicyFault>);

impl fmt::Display for PolicyErrors {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, fault) in self.0.iter().enumerate() {
            if index > 0 {
                out.write_str("\n")?;
            }
            write!(out, "{fault}")?;
        }
        Ok(())
    }
}

/// One thing that is wrong, or doubtful, in a policy text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyFault {
    /// The `@id` of the policy, when the fault lies in one that can be named.
    pub policy: Option<String>,
    /// The line, counted from 1.
    pub line: usize,
    /// The column in that line, counted in characters from 1.
    pub column: usize,
    /// Where it starts, in bytes from the start of the text.
    pub offset: usize,
    /// How many bytes it covers; 0 when it is a place rather than a stretch.
    pub length: usize,
    /// What is wrong, in one sentence.
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
}

impl fmt::Display for PolicyFault {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}:{}: ", self.line, self.column)?;
        if let Some(policy) = &self.policy {
            write!(out, "policy {policy}: ")?;
        }
        out.write_str(&self.message)?;
        if let Some(help) = &self.help {
            write!(out, " (help: {help})")?;
        }
        Ok(())
    }
}

/// The candidate that a misspelt word most likely means, if any is near enough.
pub(crate) fn nearest<'a>(
    word: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let limit = word.chars().count() / 3 + 1;
    candidates
        .into_iter()
        .map(|candidate| (distance(word, candidate), candidate))
        .filter(|(distance, _)| *distance <= limit)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// How many characters have to be added, removed or changed (Levenshtein).
fn distance(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().take(64).collect();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (number, char) in from.chars().take(64).enumerate() {
        let mut next = vec![number + 1];
        for ((wanted, pair), left_over) in to.iter().zip(row.windows(2)).zip(1_usize..) {
            let (Some(diagonal), Some(above), Some(left)) =
                (pair.first(), pair.get(1), next.get(left_over - 1))
            else {
                break;
            };
            next.push(
                (diagonal + usize::from(*wanted != char))
                    .min(above + 1)
                    .min(left + 1),
            );
        }
        row = next;
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn misspelt_words_find_their_neighbour() {
        assert_eq!(distance("quarantine", "quarentine"), 1);
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(
            nearest("quarantin", ["staff", "quarantine"]),
            Some("quarantine")
        );
        assert_eq!(nearest("mod", ["order", "mode"]), Some("mode"));
        assert_eq!(nearest("printers", ["staff", "quarantine"]), None);
    }
}
