//! The archive: a compressed tar file that begins with a manifest. The manifest names every file with its size and SHA-256, and is
//! sealed with a key that is derived from the sealing key: who has that key notices a file that somebody put together anew.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use aws_lc_rs::{digest, hmac};
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use nac_store::SealingKey;
use serde::{Deserialize, Serialize};

use super::contents::{Contents, Item, is_plain};
use crate::cli::Failure;

/// What this version writes and reads.
const FORMAT: u32 = 1;
/// The first entry.
const MANIFEST: &str = "manifest.json";
/// Manifests are some kilobytes.
const MANIFEST_MAX: u64 = 4 * 1024 * 1024;
const PIECE: usize = 64 * 1024;

/// What an archive holds.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Manifest {
    pub(super) format: u32,
    /// The version of the program that wrote it.
    pub(super) nac: String,
    /// When, in microseconds since the Unix epoch.
    pub(super) made_us: i64,
    /// Whether the sealing key and the private keys are in it.
    pub(super) with_key: bool,
    /// The name of the SQLite database; `None` for PostgreSQL.
    pub(super) database: Option<String>,
    /// The name of the sealing key, whether it is in it or not.
    pub(super) key: String,
    /// The audit log of the database; `None` without one, or when it was broken.
    pub(super) audit: Option<Audit>,
    pub(super) files: Vec<Entry>,
    /// HMAC-SHA-256 over this manifest without it, in hexadecimal.
    #[serde(default)]
    seal: String,
}

/// How far the audit log goes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Audit {
    pub(super) rows: i64,
    /// The seal of the newest row.
    pub(super) seal: String,
}

/// A file in the archive.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Entry {
    pub(super) name: String,
    pub(super) size: u64,
    pub(super) sha256: String,
    /// Whether only its owner may read it.
    pub(super) secret: bool,
}

impl Manifest {
    pub(super) fn new(
        contents: &Contents,
        has_database: bool,
        with_key: bool,
        audit: Option<Audit>,
        made_us: i64,
    ) -> Self {
        Self {
            format: FORMAT,
            nac: env!("CARGO_PKG_VERSION").to_owned(),
            made_us,
            with_key,
            database: has_database.then(|| contents.database.clone()),
            key: contents.key.clone(),
            audit,
            files: Vec::new(),
            seal: String::new(),
        }
    }

    /// Whether it is as it was written by whoever had this key.
    pub(super) fn is_sealed_by(&self, key: &SealingKey) -> bool {
        let Ok(text) = self.unsealed() else {
            return false;
        };
        hex::decode(&self.seal).is_ok_and(|seal| hmac::verify(&sealer(key), &text, &seal).is_ok())
    }

    fn seal(&mut self, key: &SealingKey) -> Result<(), Failure> {
        let text = self.unsealed()?;
        self.seal = hex::encode(hmac::sign(&sealer(key), &text));
        Ok(())
    }

    fn unsealed(&self) -> Result<Vec<u8>, Failure> {
        let unsealed = Self {
            seal: String::new(),
            ..self.clone()
        };
        serde_json::to_vec(&unsealed)
            .map_err(|error| Failure::cannot(format!("the manifest cannot be written: {error}")))
    }
}

fn sealer(key: &SealingKey) -> hmac::Key {
    let derived = key.derived_key("backup");
    hmac::Key::new(hmac::HMAC_SHA256, derived.expose())
}

/// A hidden name beside a file, for what is under construction.
pub(super) fn beside(file: &Path, what: &str) -> Result<PathBuf, Failure> {
    let name = file.file_name().ok_or_else(|| {
        Failure::usage(format!("{} names no file", file.display())).fix("name a new file")
    })?;
    let hidden = format!(".{}.{what}-{}", name.to_string_lossy(), std::process::id());
    let file = std::path::absolute(file).map_err(|error| Failure::file("find", file, &error))?;
    Ok(file.with_file_name(hidden))
}

/// An archive under construction. Unless it is finished it disappears.
pub(super) struct Writer {
    target: PathBuf,
    part: PathBuf,
}

impl Writer {
    pub(super) fn new(target: &Path) -> Result<Self, Failure> {
        Ok(Self {
            target: target.to_owned(),
            part: beside(target, "part")?,
        })
    }

    /// Writes everything, and gives the manifest as it was written.
    pub(super) fn write(
        self,
        mut manifest: Manifest,
        items: &[Item],
        key: &SealingKey,
    ) -> Result<Manifest, Failure> {
        for item in items {
            manifest.files.push(entry(item)?);
        }
        manifest.seal(key)?;
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        {
            use std::os::unix::fs::OpenOptionsExt as _;
            options.mode(0o600);
        }
        let fault = |error: io::Error| Failure::file("write", &self.target, &error);
        let file = options.open(&self.part).map_err(fault)?;
        // A database is mostly text that was written by programs: more effort gains little.
        let mut tar = tar::Builder::new(GzEncoder::new(file, Compression::fast()));
        let text = serde_json::to_vec_pretty(&manifest).map_err(|error| fault(error.into()))?;
        append(&mut tar, MANIFEST, text.len() as u64, &manifest, &text[..]).map_err(fault)?;
        for (item, entry) in items.iter().zip(&manifest.files) {
            let source = File::open(&item.source)
                .map_err(|error| Failure::file("read", &item.source, &error))?;
            // A file that grew meanwhile is caught when it is restored, so it is caught here.
            let written = append(
                &mut tar,
                &entry.name,
                entry.size,
                &manifest,
                source.take(entry.size),
            );
            written.map_err(fault)?;
        }
        let file = tar
            .into_inner()
            .and_then(GzEncoder::finish)
            .map_err(fault)?;
        file.sync_all().map_err(fault)?;
        std::fs::rename(&self.part, &self.target).map_err(fault)?;
        Ok(manifest)
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        // It is not there any more when everything went well.
        let _ = std::fs::remove_file(&self.part);
    }
}

fn append(
    tar: &mut tar::Builder<impl Write>,
    name: &str,
    size: u64,
    manifest: &Manifest,
    data: impl Read,
) -> io::Result<()> {
    let mut header = tar::Header::new_gnu();
    header.set_size(size);
    header.set_mode(0o600);
    header.set_mtime(u64::try_from(manifest.made_us / 1_000_000).unwrap_or(0));
    header.set_entry_type(tar::EntryType::Regular);
    tar.append_data(&mut header, name, data)
}

fn entry(item: &Item) -> Result<Entry, Failure> {
    let fault = |error: io::Error| Failure::file("read", &item.source, &error);
    let mut file = File::open(&item.source).map_err(fault)?;
    let (size, sha256) = copy(&mut file, &mut io::sink(), u64::MAX).map_err(fault)?;
    Ok(Entry {
        name: item.name.clone(),
        size,
        sha256,
        secret: item.secret,
    })
}

/// Copies at most `limit` octets; gives how many there were and their SHA-256.
fn copy(from: &mut impl Read, to: &mut impl Write, limit: u64) -> io::Result<(u64, String)> {
    let mut context = digest::Context::new(&digest::SHA256);
    let mut buffer = vec![0; PIECE];
    let mut from = from.take(limit);
    let mut size = 0;
    loop {
        let read = from.read(&mut buffer)?;
        let Some(piece) = buffer.get(..read).filter(|piece| !piece.is_empty()) else {
            return Ok((size, hex::encode(context.finish())));
        };
        context.update(piece);
        to.write_all(piece)?;
        size += read as u64;
    }
}

/// Unpacks an archive into an empty folder: exactly what its manifest names, each file as it was.
pub(super) fn unpack(archive: &Path, folder: &Path) -> Result<Manifest, Failure> {
    let wrong = |what: String| {
        Failure::no(what)
            .place(archive.display().to_string())
            .fix("restore from another backup; nothing was changed")
    };
    let unreadable = |error: io::Error| wrong(format!("this is no whole backup: {error}"));
    let file = File::open(archive).map_err(|error| Failure::file("read", archive, &error))?;
    let mut tar = tar::Archive::new(GzDecoder::new(file));
    let mut entries = tar.entries().map_err(unreadable)?;
    let first = entries
        .next()
        .ok_or_else(|| wrong("this is no backup: it is empty".to_owned()))?
        .map_err(unreadable)?;
    if first.path().map_err(unreadable)? != Path::new(MANIFEST) {
        return Err(wrong("this is no backup: it has no manifest".to_owned()));
    }
    let mut text = Vec::new();
    first
        .take(MANIFEST_MAX)
        .read_to_end(&mut text)
        .map_err(unreadable)?;
    let manifest: Manifest =
        serde_json::from_slice(&text).map_err(|error| unreadable(error.into()))?;
    if manifest.format != FORMAT {
        return Err(wrong(format!(
            "it was written by nac {} in a form that this version does not know",
            manifest.nac
        )));
    }
    let mut missing: Vec<&Entry> = manifest.files.iter().collect();
    for entry in entries {
        let entry = entry.map_err(unreadable)?;
        let path = entry.path().map_err(unreadable)?.into_owned();
        let place = missing
            .iter()
            .position(|known| Path::new(&known.name) == path)
            .filter(|_| is_plain(&path) && entry.header().entry_type().is_file())
            .ok_or_else(|| wrong(format!("{} does not belong into it", path.display())))?;
        let known = missing.remove(place);
        let target = folder.join(&path);
        let (size, sha256) = write(&mut Packed(entry), &target, known).map_err(|error| {
            if error.kind() == io::ErrorKind::InvalidData {
                unreadable(error)
            } else {
                Failure::file("write", &target, &error)
            }
        })?;
        if (size, &sha256) != (known.size, &known.sha256) {
            return Err(wrong(format!("{} is not as it was written", known.name)));
        }
    }
    if let Some(entry) = missing.first() {
        return Err(wrong(format!("{} is missing", entry.name)));
    }
    Ok(manifest)
}

/// What is packed. When it cannot be read the archive is at fault, and not the disk that is written to.
struct Packed<R>(R);

impl<R: Read> Read for Packed<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0
            .read(buffer)
            .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
    }
}

fn write(from: &mut impl Read, target: &Path, known: &Entry) -> io::Result<(u64, String)> {
    if let Some(parent) = target.parent() {
        std::fs::create_dir_all(parent)?;
    }
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(if known.secret { 0o600 } else { 0o644 });
    }
    let mut file = options.open(target)?;
    // One octet more than it should be shows that it is too long.
    let written = copy(from, &mut file, known.size.saturating_add(1))?;
    file.sync_all()?;
    Ok(written)
}
