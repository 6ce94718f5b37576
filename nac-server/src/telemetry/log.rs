//! Logs: one line per event, as text for people or JSON for machines, to standard error.
//!
//! *Invariant*: an event is one line and moves no terminal's cursor, whatever a stranger chose for a user name. JSON escapes by
//! its nature; in text, control characters are written as escapes.

use std::fmt::{self, Debug, Write as _};
use std::io::IsTerminal as _;

use tracing::field::Field;
use tracing_appender::non_blocking::{NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::field::MakeExt as _;
use tracing_subscriber::fmt::format::{Writer, debug_fn};

use crate::config::LogFormat;

/// Lines that may wait for a slow reader of standard error; more are dropped, because RADIUS must not wait for a log.
const WAITING_LINES: usize = 65_536;

/// Keeps the writing thread; the last lines are written when it is dropped.
#[must_use = "dropping it ends logging"]
pub struct Logging(#[expect(dead_code, reason = "held for its drop")] WorkerGuard);

/// Starts logging for the whole process. A second call changes nothing.
pub fn start(format: LogFormat, level: &str) -> Logging {
    let filter = EnvFilter::try_from_env("NAC_LOG")
        // The database's notices are not for operators; its faults come with our own words.
        .or_else(|_| EnvFilter::try_new(format!("{level},sqlx=warn")))
        .unwrap_or_else(|_| EnvFilter::new("info,sqlx=warn"));
    let (writer, guard) = NonBlockingBuilder::default()
        .buffered_lines_limit(WAITING_LINES)
        .lossy(true)
        .finish(std::io::stderr());
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        // Colours are for people: a file or the journal gets plain text.
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(writer)
        .with_target(false);
    // Already started (tests, `nac demo`): the first one stays.
    let _ = match format {
        LogFormat::Text => builder
            .fmt_fields(debug_fn(field).delimited(" "))
            .try_init(),
        LogFormat::Json => builder.json().flatten_event(true).try_init(),
    };
    Logging(guard)
}

/// The message as it is, everything else as `name=value`, on one line.
fn field(writer: &mut Writer<'_>, field: &Field, value: &dyn Debug) -> fmt::Result {
    if field.name() != "message" {
        write!(writer, "{}=", field.name())?;
    }
    write!(OneLine(writer), "{value:?}")
}

/// Escapes what would begin a line, move a cursor or turn the direction of writing.
struct OneLine<'a, 'w>(&'a mut Writer<'w>);

impl fmt::Write for OneLine<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for character in text.chars() {
            match character {
                // Readable as they are; a value in quotes has escaped them already.
                '"' | '\'' | '\\' => self.0.write_char(character)?,
                _ => write!(self.0, "{}", character.escape_debug())?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Memory(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Memory {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().expect("no panic").extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn what_a_stranger_chose_stays_on_its_line() {
        let memory = Memory::default();
        let writer = memory.clone();
        let subscriber = tracing_subscriber::fmt()
            .fmt_fields(debug_fn(field).delimited(" "))
            .with_ansi(false)
            .with_target(false)
            .without_time()
            .with_writer(move || writer.clone())
            .finish();
        tracing::subscriber::with_default(subscriber, || {
            let name = "eve\nINFO forged\r\x1b[2J\0\u{202e}";
            tracing::info!(identity = %name, quoted = name, count = 3, "refused {name}");
        });
        let text = String::from_utf8(memory.0.lock().expect("no panic").clone());
        let text = text.expect("UTF-8");
        let safe = r"eve\nINFO forged\r\u{1b}[2J\0\u{202e}";
        let line = format!(" INFO refused {safe} identity={safe} quoted=\"{safe}\" count=3\n");
        assert_eq!(text, line);
    }
}
