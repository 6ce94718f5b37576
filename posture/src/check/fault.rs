//! What is wrong with check files, in words that lead to the repair.

use std::fmt;

/// One thing that is wrong with a check file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckFault {
    /// The file.
    pub file: String,
    /// The field, or empty when the file as a whole is meant.
    pub field: String,
    /// What is wrong.
    pub problem: String,
    /// What to write instead.
    pub fix: String,
}

impl fmt::Display for CheckFault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            file,
            field,
            problem,
            fix,
        } = self;
        if field.is_empty() {
            write!(formatter, "{file}: {problem}; {fix}")
        } else {
            write!(formatter, "{file}: `{field}` {problem}; {fix}")
        }
    }
}

/// Everything that is wrong with the check files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckFaults(pub Vec<CheckFault>);

impl fmt::Display for CheckFaults {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, fault) in self.0.iter().enumerate() {
            if index > 0 {
                formatter.write_str("\n")?;
            }
            fault.fmt(formatter)?;
        }
        Ok(())
    }
}

impl std::error::Error for CheckFaults {}
