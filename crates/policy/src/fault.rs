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
