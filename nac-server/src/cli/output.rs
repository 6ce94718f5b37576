//! What commands print: sentences, tables, JSON, and notes beside them.

use std::io::{ErrorKind, IsTerminal, Write};

use serde::Serialize;

use super::Failure;

/// Prints text to standard output. A reader that has gone away (`nac user list | head`) is no failure.
pub(super) fn print(text: &str) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    let written = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    match written {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(Failure::cannot(format!(
            "standard output cannot be written: {error}"
        ))),
        _ => Ok(()),
    }
}

/// Prints one JSON document on a line of its own.
pub(super) fn print_json(value: &impl Serialize) -> Result<(), Failure> {
    let text = serde_json::to_string(value).map_err(|error| {
        Failure::cannot(format!("the result cannot be written as JSON: {error}"))
    })?;
    print(&(text + "\n"))
}

/// Says something beside the result, on standard error.
pub(super) fn note(text: &str) {
    // Nobody is left to tell when standard error is closed.
    let _ = writeln!(std::io::stderr().lock(), "nac: {text}");
}

/// Prints a sentence, or the record as JSON.
pub(super) fn answer(json: bool, record: &impl Serialize, sentence: &str) -> Result<(), Failure> {
    if json {
        print_json(record)
    } else {
        print(&format!("{sentence}\n"))
    }
}

/// Prints labelled lines, aligned; lines without a value are left out.
pub(super) fn lines(pairs: &[(&str, String)]) -> String {
    let shown = || pairs.iter().filter(|(_, value)| !value.is_empty());
    let width = shown()
        .map(|(label, _)| label.chars().count())
        .max()
        .unwrap_or(0);
    shown()
        .map(|(label, value)| format!("{label:width$}  {value}\n"))
        .collect()
}

/// An aligned table. Without rows it is a sentence that says what to do next.
pub(super) struct Table {
    rows: Vec<Vec<String>>,
    when_empty: String,
}

impl Table {
    pub(super) fn new(header: &[&str], when_empty: impl Into<String>) -> Self {
        let header = header.iter().map(|title| (*title).to_owned()).collect();
        Self {
            rows: vec![header],
            when_empty: when_empty.into(),
        }
    }

    pub(super) fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.rows.push(cells.into_iter().collect());
    }

    pub(super) fn render(&self) -> String {
        if self.rows.len() == 1 {
            return format!("{}\n", self.when_empty);
        }
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let width = |column: usize| {
            self.rows
                .iter()
                .filter_map(|row| row.get(column))
                .map(|cell| cell.chars().count())
                .max()
        };
        let widths: Vec<usize> = (0..columns)
            .map(|column| width(column).unwrap_or(0))
            .collect();
        let mut text = String::new();
        for row in &self.rows {
            let mut line = String::new();
            for (cell, width) in row.iter().zip(&widths) {
                line.push_str(&format!("{:<width$}  ", shown(cell)));
            }
            text.push_str(line.trim_end());
            text.push('\n');
        }
        text
    }
}

/// An empty cell would look like a mistake of alignment. Control characters could move the cursor.
fn shown(cell: &str) -> String {
    if cell.is_empty() {
        return "-".to_owned();
    }
    cell.chars()
        .map(|c| if c.is_control() { '\u{fffd}' } else { c })
        .collect()
}

/// Progress of long work: a line that replaces itself on a terminal, else a line per tenth.
pub(super) struct Progress {
    what: &'static str,
    total: usize,
    tenths: usize,
    silent: bool,
}

impl Progress {
    pub(super) const fn new(what: &'static str, total: usize, silent: bool) -> Self {
        Self {
            what,
            total,
            tenths: 0,
            silent,
        }
    }

    pub(super) fn reached(&mut self, done: usize) {
        if self.silent || self.total == 0 {
            return;
        }
        let mut err = std::io::stderr().lock();
        let tenths = done * 10 / self.total;
        // Nobody is left to tell when standard error is closed.
        let _ = if err.is_terminal() {
            let end = if done >= self.total { "\n" } else { "" };
            write!(err, "\r{}: {done} of {}{end}", self.what, self.total).and_then(|()| err.flush())
        } else if tenths > self.tenths {
            writeln!(err, "{}: {done} of {}", self.what, self.total)
        } else {
            Ok(())
        };
        self.tenths = tenths;
    }
}

/// A time as people here write it, in this machine's time zone.
pub(super) fn local_time(us: i64) -> String {
    jiff::Timestamp::from_microsecond(us).map_or_else(
        |_| "never".to_owned(),
        |time| {
            time.to_zoned(jiff::tz::TimeZone::system())
                .strftime("%Y-%m-%d %H:%M:%S")
                .to_string()
        },
    )
}

/// Now, in microseconds since the Unix epoch.
pub(super) fn now_us() -> i64 {
    jiff::Timestamp::now().as_microsecond()
}

/// `1 user`, `2 users`, `2 policies`.
pub(super) fn count(number: usize, one: &str) -> String {
    match (number, one.strip_suffix('y')) {
        (1, _) => format!("1 {one}"),
        (_, Some(stem)) => format!("{number} {stem}ies"),
        _ => format!("{number} {one}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned_and_empty_cells_are_marked() {
        let mut table = Table::new(&["NAME", "GROUPS"], "none");
        table.row(["jürgen".to_owned(), String::new()]);
        table.row(["a\x1b[2J".to_owned(), "staff".to_owned()]);
        assert_eq!(
            table.render(),
            "NAME    GROUPS\njürgen  -\na\u{fffd}[2J   staff\n"
        );
    }

    #[test]
    fn an_empty_table_is_a_sentence() {
        let table = Table::new(&["NAME"], "there is none; add one");
        assert_eq!(table.render(), "there is none; add one\n");
    }

    #[test]
    fn plurals_are_english() {
        assert_eq!(count(1, "policy"), "1 policy");
        assert_eq!(count(0, "policy"), "0 policies");
        assert_eq!(count(2, "user"), "2 users");
    }

    #[test]
    fn labelled_lines_leave_out_what_is_empty() {
        let text = lines(&[
            ("name", "a".into()),
            ("owner", String::new()),
            ("status", "b".into()),
        ]);
        assert_eq!(text, "name    a\nstatus  b\n");
    }
}
