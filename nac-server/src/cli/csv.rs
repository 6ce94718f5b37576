//! CSV files: a header that names the columns, and faults with their line numbers, all at once.
//!
//! Every row stands on one line: no cell of ours can hold a line break, and so a quote that is never
//! closed spoils its own line and not the rest of the file.

use std::cmp::Ordering;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use zeroize::Zeroizing;

use super::Failure;
use super::output::count;

/// A line that begins with this is passed over.
const COMMENT: u8 = b'#';

/// Larger files are refused, in bytes.
const MAX_LEN: u64 = 256 * 1024 * 1024;

/// How many faulty lines are shown one by one.
const FAULTS_SHOWN: usize = 50;

/// One row, by column.
pub(super) struct Row<'a> {
    header: &'a [String],
    record: &'a csv::StringRecord,
}

impl Row<'_> {
    /// The cell of a column without spaces around it; empty when the column is absent.
    pub(super) fn cell(&self, column: &str) -> &str {
        self.raw(column).trim()
    }

    /// The cell of a column exactly as it stands.
    pub(super) fn raw(&self, column: &str) -> &str {
        let position = self.header.iter().position(|name| name == column);
        position
            .and_then(|position| self.record.get(position))
            .unwrap_or_default()
    }
}

/// What a file held.
#[derive(Debug)]
pub(super) struct Parsed<T> {
    /// The good rows with their line numbers.
    pub(super) rows: Vec<(u64, T)>,
    /// The bad ones: line number and reason.
    pub(super) faults: Vec<(u64, String)>,
}

impl<T> Parsed<T> {
    /// Refuses the whole file when it has faults, unless they may be skipped.
    pub(super) fn accept(self, file: &Path, skip_bad: bool) -> Result<Self, Failure> {
        if self.faults.is_empty() || skip_bad {
            return Ok(self);
        }
        let mut lines: Vec<String> = self
            .faults
            .iter()
            .take(FAULTS_SHOWN)
            .map(|(line, fault)| format!("line {line}: {fault}"))
            .collect();
        if let Some(more) = self
            .faults
            .len()
            .checked_sub(FAULTS_SHOWN)
            .filter(|more| *more > 0)
        {
            lines.push(format!("and {more} more"));
        }
        let number = count(self.faults.len(), "bad line");
        Err(Failure::no(format!(
            "nothing was imported: {number} in {}",
            file.display()
        ))
        .place(lines.join("\n"))
        .fix("correct the lines, or import the others with --skip-bad"))
    }
}

/// Reads a file. `columns` are all that may occur; the first `required` of them must. `convert` turns a
/// row into a record, or says in a few words what is wrong with it.
pub(super) fn read<T>(
    file: &Path,
    columns: &[&str],
    required: usize,
    mut convert: impl FnMut(&Row<'_>) -> Result<T, String>,
) -> Result<Parsed<T>, Failure> {
    let text = whole(file)?;
    let mut lines = lines(&text);
    let first = lines
        .next()
        .map_or_else(|| Ok(csv::StringRecord::new()), |(_, line)| cells(line));
    let header: Vec<String> = first
        .map_err(|fault| {
            Failure::no(format!("the first line names no columns: {fault}"))
                .place(format!("{} line 1", file.display()))
                .fix(format!("begin the file with: {}", columns.join(",")))
        })?
        .iter()
        .map(|name| {
            name.trim()
                .trim_start_matches('\u{feff}')
                .to_ascii_lowercase()
        })
        .collect();
    check_header(file, &header, columns, required)?;
    let mut parsed = Parsed {
        rows: Vec::new(),
        faults: Vec::new(),
    };
    for (number, line) in lines {
        let converted = row(line, &header).and_then(|record| {
            convert(&Row {
                header: &header,
                record: &record,
            })
        });
        match converted {
            Ok(value) => parsed.rows.push((number, value)),
            Err(fault) => parsed.faults.push((number, fault)),
        }
    }
    Ok(parsed)
}

/// The lines that hold something, numbered from 1, without comments.
fn lines(text: &[u8]) -> impl Iterator<Item = (u64, &[u8])> {
    // Very old programs end lines with a carriage return alone.
    let end = if text.contains(&b'\n') { b'\n' } else { b'\r' };
    (1..)
        .zip(text.split(move |byte| *byte == end))
        .map(|(number, line)| (number, line.strip_suffix(b"\r").unwrap_or(line)))
        .filter(|(_, line)| line.first().is_some_and(|first| *first != COMMENT))
}

/// One line as a record with a cell for every column: with fewer, nobody knows which one is missing.
fn row(line: &[u8], header: &[String]) -> Result<csv::StringRecord, String> {
    let record = cells(line)?;
    let fault = format!(
        "it has {} for {}",
        count(record.len(), "cell"),
        count(header.len(), "column")
    );
    match record.len().cmp(&header.len()) {
        Ordering::Equal => Ok(record),
        Ordering::Greater => Err(fault),
        Ordering::Less => Err(fault + "; write the comma of an empty cell as well"),
    }
}

fn cells(line: &[u8]) -> Result<csv::StringRecord, String> {
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .buffer_capacity(line.len() + 1)
        .from_reader(line.chain(&b"\n"[..]));
    let mut record = csv::ByteRecord::new();
    // Reading from memory cannot fail, and rows of any length are allowed.
    let _ = reader.read_byte_record(&mut record);
    // The line's end belongs to a cell only when a quote is still open there.
    if record.iter().any(|cell| cell.contains(&b'\n')) {
        return Err("a quote is opened and not closed on this line".to_owned());
    }
    if reader
        .read_byte_record(&mut csv::ByteRecord::new())
        .unwrap_or(false)
    {
        return Err("there is a carriage return in the middle of it".to_owned());
    }
    csv::StringRecord::from_byte_record(record).map_err(|_| "it is not UTF-8 text".to_owned())
}

/// The whole file; it may hold passwords, so it is wiped afterwards.
fn whole(file: &Path) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let mut text = Zeroizing::new(Vec::new());
    let read = File::open(file).and_then(|open| open.take(MAX_LEN + 1).read_to_end(&mut text));
    read.map_err(|error| Failure::file("read", file, &error))?;
    if text.len() as u64 > MAX_LEN {
        return Err(
            Failure::no(format!("{} is larger than {MAX_LEN} bytes", file.display()))
                .fix("split it"),
        );
    }
    Ok(text)
}

/// Splits a cell with several words: `staff;vpn` or `staff vpn`.
pub(super) fn words(cell: &str) -> Vec<String> {
    cell.split([';', ' ', '\t'])
        .filter(|word| !word.is_empty())
        .map(str::to_owned)
        .collect()
}

/// One line of a file for a spreadsheet. A cell that the spreadsheet would take for a formula begins with an apostrophe.
pub(super) fn line(cells: &[String]) -> Result<String, Failure> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let safe = cells.iter().map(|cell| match cell.chars().next() {
        Some('=' | '+' | '-' | '@' | '\t' | '\r') => format!("'{cell}"),
        _ => cell.clone(),
    });
    let fault = |why: String| Failure::cannot(format!("a line cannot be written as CSV: {why}"));
    writer
        .write_record(safe)
        .map_err(|error| fault(error.to_string()))?;
    let octets = writer
        .into_inner()
        .map_err(|error| fault(error.to_string()))?;
    String::from_utf8(octets).map_err(|error| fault(error.to_string()))
}

fn check_header(
    file: &Path,
    header: &[String],
    columns: &[&str],
    required: usize,
) -> Result<(), Failure> {
    let has = |name: &str| header.iter().any(|column| column == name);
    let missing: Vec<&str> = columns
        .iter()
        .take(required)
        .filter(|name| !has(name))
        .copied()
        .collect();
    let unknown: Vec<&str> = header
        .iter()
        .map(String::as_str)
        .filter(|name| !columns.contains(name))
        .collect();
    let what = if !missing.is_empty() {
        format!("the first line names no column {}", missing.join(", "))
    } else if !unknown.is_empty() {
        format!(
            "the first line names columns that are not known: {}",
            unknown.join(", ")
        )
    } else {
        return Ok(());
    };
    Err(Failure::no(what)
        .place(format!("{} line 1", file.display()))
        .fix(format!("begin the file with: {}", columns.join(","))))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Parsed<String>, Failure> {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("x.csv");
        std::fs::write(&file, text).expect("written");
        read(&file, &["mac", "owner", "labels"], 1, |row| {
            if row.cell("mac").is_empty() {
                Err("no mac".to_owned())
            } else {
                Ok(row.cell("mac").to_owned())
            }
        })
    }

    #[test]
    fn columns_come_in_any_order_and_may_be_absent() {
        let parsed = parse("\u{feff}Owner, MAC\nalice, aa \n# comment\n\nbob,bb\n").expect("good");
        let macs: Vec<_> = parsed
            .rows
            .iter()
            .map(|(line, mac)| (*line, mac.as_str()))
            .collect();
        assert_eq!(macs, [(2, "aa"), (5, "bb")]);
    }

    #[test]
    fn every_bad_line_is_named() {
        let parsed = parse("mac,owner\naa,x\n,y\nbb,x,z,1\ncc\ndd,\n").expect("read");
        let lines: Vec<u64> = parsed.faults.iter().map(|(line, _)| *line).collect();
        assert_eq!(lines, [3, 4, 5]);
        assert_eq!(parsed.rows.len(), 2);
        assert!(parsed.accept(Path::new("x.csv"), false).is_err());
    }

    #[test]
    fn an_open_quote_spoils_its_own_line_and_no_other() {
        let parsed = parse("mac,owner\r\naa,\"x\r\n\"bb\",\"y \"\"z\"\"\"\r\n\"cc,x\r\ndd,\"a,b\"")
            .expect("read");
        let lines: Vec<u64> = parsed.faults.iter().map(|(line, _)| *line).collect();
        assert_eq!(lines, [2, 4]);
        assert!(
            parsed
                .faults
                .iter()
                .all(|(_, fault)| fault.contains("quote"))
        );
        let macs: Vec<&str> = parsed.rows.iter().map(|(_, mac)| mac.as_str()).collect();
        assert_eq!(macs, ["bb", "dd"]);
    }

    #[test]
    fn lines_may_end_with_a_carriage_return_alone() {
        let parsed = parse("mac,owner\raa,x\rbb,\r").expect("read");
        assert_eq!((parsed.rows.len(), parsed.faults.len()), (2, 0));
        let mixed = parse("mac,owner\naa,x\rbb,y\n").expect("read");
        assert_eq!((mixed.rows.len(), mixed.faults.len()), (0, 1));
    }

    #[test]
    fn an_unknown_or_missing_column_is_refused() {
        assert!(parse("owner\nx\n").is_err());
        assert!(parse("mac,ownr\nx,y\n").is_err());
        assert!(parse("").is_err());
    }

    #[test]
    fn a_written_cell_is_never_a_formula() {
        let cells = ["=1+1", "a,b", "say \"x\"", "-1", ""].map(str::to_owned);
        assert_eq!(
            line(&cells).expect("text"),
            "'=1+1,\"a,b\",\"say \"\"x\"\"\",'-1,\"\"\n".replace(",\"\"\n", ",\n")
        );
    }

    #[test]
    fn words_are_separated_by_semicolons_or_spaces() {
        assert_eq!(words("staff; vpn  x"), ["staff", "vpn", "x"]);
        assert!(words(" ").is_empty());
    }
}
