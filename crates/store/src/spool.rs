//! Where decisions wait on disk while the database is away or too slow: files of JSON lines.
//!
//! `decisions.jsonl` takes what comes in. To be replayed it is renamed to `decisions.replaying.jsonl`, read in pieces, and
//! removed when its last line is in the database; a crash in between only means that lines are offered twice, and the
//! database knows them by their ids. What the database will never take (and lines that a crash cut short) goes to
//! `decisions.refused.jsonl` for a person to look at.
//!
//! A spool belongs to one writer: two processes need two directories.

use std::{
    fs::{File, OpenOptions},
    io::{self, Write},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};

use crate::decision::{DecisionRecord, DecisionRow};

const INCOMING: &str = "decisions.jsonl";
const REPLAYING: &str = "decisions.replaying.jsonl";
const REFUSED: &str = "decisions.refused.jsonl";
/// A decision is some kilobytes; a longer line is not one.
const LINE_MAX: u64 = 4 << 20;

pub(crate) struct Spool {
    directory: PathBuf,
    incoming: Mutex<Incoming>,
}

#[derive(Default)]
struct Incoming {
    file: Option<File>,
    /// Written since the last fsync.
    dirty: bool,
    /// The last write failed half-way, so the file may end within a line.
    torn: bool,
}

/// A spool file on its way into the database.
pub(crate) struct Replay {
    path: PathBuf,
    reader: BufReader<tokio::fs::File>,
    /// Read, and not yet in the database.
    pub(crate) pending: Vec<Arc<DecisionRow>>,
    /// How many lines could not be read.
    pub(crate) unreadable: u64,
}

impl Spool {
    /// Uses a directory, which is made if it is not there.
    pub(crate) fn open(directory: PathBuf) -> io::Result<Self> {
        std::fs::create_dir_all(&directory)?;
        // Find out now whether it can be written, not in the middle of an outage.
        let incoming = Incoming {
            file: Some(private(&directory.join(INCOMING))?),
            ..Incoming::default()
        };
        Ok(Self {
            directory,
            incoming: Mutex::new(incoming),
        })
    }

    /// Appends decisions. They survive the death of the process at once, and a loss of power after [`Spool::sync`].
    pub(crate) fn append(&self, rows: &[Arc<DecisionRow>]) -> io::Result<()> {
        let mut lines = Vec::new();
        for row in rows {
            lines.extend_from_slice(row.record.as_bytes());
            lines.push(b'\n');
        }
        if lines.is_empty() {
            return Ok(());
        }
        let mut incoming = self.lock();
        if incoming.torn {
            lines.insert(0, b'\n');
        }
        if incoming.file.is_none() {
            incoming.file = Some(private(&self.directory.join(INCOMING))?);
        }
        let Some(file) = incoming.file.as_mut() else {
            return Err(io::ErrorKind::NotFound.into());
        };
        let written = file.write_all(&lines);
        incoming.torn = written.is_err();
        incoming.dirty = true;
        written
    }

    /// Puts on disk what was appended.
    pub(crate) async fn sync(&self) -> io::Result<()> {
        let file = {
            let mut incoming = self.lock();
            if !incoming.dirty {
                return Ok(());
            }
            incoming.dirty = false;
            incoming.file.as_ref().map(File::try_clone).transpose()?
        };
        match file {
            Some(file) => tokio::fs::File::from_std(file).sync_data().await,
            None => Ok(()),
        }
    }

    /// Begins a replay, when there is something to replay.
    pub(crate) async fn replay(&self) -> io::Result<Option<Replay>> {
        let path = self.directory.join(REPLAYING);
        // Left over from a crash: first that, then what came in since.
        if !path.exists() {
            let incoming_path = self.directory.join(INCOMING);
            let mut incoming = self.lock();
            match std::fs::metadata(&incoming_path) {
                Ok(metadata) if metadata.len() > 0 => {}
                Ok(_) => return Ok(None),
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
                Err(error) => return Err(error),
            }
            std::fs::rename(&incoming_path, &path)?;
            *incoming = Incoming::default();
        }
        let file = tokio::fs::File::open(&path).await?;
        Ok(Some(Replay {
            path,
            reader: BufReader::new(file),
            pending: Vec::new(),
            unreadable: 0,
        }))
    }

    /// Puts away a decision that the database will never take.
    pub(crate) fn refuse(&self, row: &DecisionRow) -> io::Result<()> {
        self.refuse_line(format!("{}\n", row.record).as_bytes())
    }

    fn refuse_line(&self, line: &[u8]) -> io::Result<()> {
        private(&self.directory.join(REFUSED))?.write_all(line)
    }

    fn lock(&self) -> MutexGuard<'_, Incoming> {
        // Every state in there is usable, whatever its holder did.
        self.incoming.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Replay {
    /// Fills `pending` up to `most` records. `false` when the file has no more and nothing is pending.
    pub(crate) async fn fill(&mut self, spool: &Spool, most: usize) -> io::Result<bool> {
        while self.pending.len() < most {
            let mut line = Vec::new();
            let read = (&mut self.reader)
                .take(LINE_MAX)
                .read_until(b'\n', &mut line)
                .await?;
            if read == 0 {
                break;
            }
            if line.iter().all(u8::is_ascii_whitespace) {
                continue;
            }
            match row_of(&line) {
                Some(row) => self.pending.push(Arc::new(row)),
                None => {
                    self.unreadable += 1;
                    if line.last() != Some(&b'\n') {
                        line.push(b'\n');
                    }
                    spool.refuse_line(&line)?;
                }
            }
        }
        Ok(!self.pending.is_empty())
    }

    /// Removes the file: everything in it is in the database.
    pub(crate) async fn finish(self) -> io::Result<()> {
        tokio::fs::remove_file(&self.path).await
    }
}

fn row_of(line: &[u8]) -> Option<DecisionRow> {
    let record: DecisionRecord = serde_json::from_slice(line).ok()?;
    DecisionRow::new(&record).ok()
}

/// Opens a file to append to, which only its owner may read: decisions name people.
fn private(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.append(true).create(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o600);
    }
    options.open(path)
}
