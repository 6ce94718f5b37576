//! Many things at once by CSV: the first line names the columns, and every line is checked before any is stored.

/// How many faulty lines are shown one by one.
const FAULTS_SHOWN: usize = 50;

/// What may be pasted.
pub(crate) struct Layout {
    /// The columns there are.
    pub(crate) columns: &'static [&'static str],
    /// The one that must be there.
    pub(crate) required: &'static str,
    /// The most lines.
    pub(crate) most: usize,
    /// The command that takes more.
    pub(crate) command: &'static str,
}

/// What a text holds.
#[derive(Debug)]
pub(crate) struct Lines<T> {
    /// The good lines.
    pub(crate) rows: Vec<T>,
    /// The others, by number.
    pub(crate) faults: Vec<(u64, String)>,
}

/// One line.
pub(crate) struct Cells<'a> {
    header: &'a [String],
    row: &'a csv::StringRecord,
}

impl Cells<'_> {
    /// What stands in this column; nothing where the text does not have it.
    pub(crate) fn get(&self, column: &str) -> &str {
        self.header
            .iter()
            .position(|name| name == column)
            .and_then(|position| self.row.get(position))
            .unwrap_or_default()
    }
}

impl Layout {
    /// Reads a text line by line.
    pub(crate) fn read<T>(
        &self,
        text: &str,
        mut line: impl FnMut(&Cells<'_>) -> Result<T, String>,
    ) -> Lines<T> {
        let mut lines = Lines {
            rows: Vec::new(),
            faults: Vec::new(),
        };
        // Each row stands on a line of its own, so that a quote that is never closed spoils no other, and lines count as in an editor.
        let mut numbered = (1..)
            .zip(text.lines())
            .filter(|(_, line)| !line.trim().is_empty() && !line.starts_with('#'));
        let header = match self.header(numbered.next().map_or("", |(_, line)| line)) {
            Ok(header) => header,
            Err(fault) => {
                lines.faults.push((1, fault));
                return lines;
            }
        };
        for (index, (number, text)) in numbered.enumerate() {
            if index == self.most {
                let fault = format!(
                    "at most {} lines at once: use `{}` for more",
                    self.most, self.command
                );
                lines.faults.push((0, fault));
                break;
            }
            let read = cells(text).and_then(|row| {
                if row.len() > header.len() {
                    return Err(format!(
                        "it has {} cells and the first line names {}",
                        row.len(),
                        header.len()
                    ));
                }
                line(&Cells {
                    header: &header,
                    row: &row,
                })
            });
            match read {
                Ok(read) => lines.rows.push(read),
                Err(fault) => lines.faults.push((number, fault)),
            }
        }
        lines
    }

    fn header(&self, line: &str) -> Result<Vec<String>, String> {
        let header: Vec<String> = cells(line)?.iter().map(str::to_lowercase).collect();
        let unknown = |name: &&String| !self.columns.contains(&name.as_str());
        if let Some(unknown) = header.iter().find(unknown) {
            let unknown: String = unknown.chars().take(40).collect();
            return Err(format!(
                "`{unknown}` is no column: the first line names some of {}",
                self.columns.join(", ")
            ));
        }
        if !header.iter().any(|name| name == self.required) {
            return Err(format!(
                "the first line must name the column {}",
                self.required
            ));
        }
        Ok(header)
    }
}

/// The cells of one line.
fn cells(line: &str) -> Result<csv::StringRecord, String> {
    let mut row = csv::StringRecord::new();
    csv::ReaderBuilder::new()
        .trim(csv::Trim::All)
        .has_headers(false)
        .from_reader(line.as_bytes())
        .read_record(&mut row)
        .map_err(|error| error.to_string())?;
    Ok(row)
}

/// What would be done, after the first look.
pub(crate) struct Plan {
    /// New ones.
    pub(crate) added: usize,
    /// Those that are there already.
    pub(crate) changed: usize,
    /// The first lines that cannot be used.
    pub(crate) faults: Vec<(u64, String)>,
    /// How many more of them there are.
    pub(crate) unshown: usize,
}

impl Plan {
    /// Of so many, with these faults.
    pub(crate) fn new(added: usize, changed: usize, mut faults: Vec<(u64, String)>) -> Self {
        let unshown = faults.len().saturating_sub(FAULTS_SHOWN);
        faults.truncate(FAULTS_SHOWN);
        Self {
            added,
            changed,
            faults,
            unshown,
        }
    }

    /// Whether it can be done, and is worth it.
    pub(crate) fn is_good(&self) -> bool {
        self.faults.is_empty() && self.added + self.changed > 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LAYOUT: Layout = Layout {
        columns: &["name", "note"],
        required: "name",
        most: 3,
        command: "nac thing import",
    };

    fn faults(text: &str) -> Vec<(u64, String)> {
        let names = LAYOUT.read(text, |cells| match cells.get("name") {
            "" => Err("no name".to_owned()),
            name => Ok(name.to_owned()),
        });
        names.faults
    }

    #[test]
    fn a_faulty_line_has_the_number_that_an_editor_shows_however_lines_end() {
        for end in ["\n", "\r\n"] {
            let text = ["name,note", "a,", "# a comment", ",x", "b,c,d"].join(end);
            let lines: Vec<u64> = faults(&text).iter().map(|(line, _)| *line).collect();
            assert_eq!(lines, [4, 5], "{end:?}");
        }
    }

    #[test]
    fn too_many_lines_and_unknown_columns_are_told_with_the_remedy() {
        assert!(
            faults("name\na\nb\nc\nd\n")[0]
                .1
                .contains("`nac thing import`")
        );
        assert!(faults("nmae\na\n")[0].1.contains("name, note"));
        assert!(faults("note\na\n")[0].1.contains("column name"));
        assert!(faults("name\n").is_empty());
    }
}
