//! The folder under construction: built beside its place, moved there whole, gone when anything fails.

use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use crate::cli::Failure;

/// Refuses a place where something is already.
pub(in crate::cli) fn refuse_existing(folder: &Path) -> Result<(), Failure> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) if error.kind() == ErrorKind::NotADirectory => {
            return Err(Failure::no(format!("{} is a file", folder.display()))
                .fix("name a folder that does not exist yet"));
        }
        Err(error) => return Err(Failure::file("read", folder, &error)),
    };
    let first = entries
        .flatten()
        .next()
        .map(|entry| entry.file_name().to_string_lossy().into_owned());
    let Some(first) = first else { return Ok(()) };
    if folder.join("nac.toml").exists() {
        return Err(Failure::no(format!(
            "{} holds an installation already",
            folder.display()
        ))
        .fix(format!(
            "use it with --config {}, or choose another folder; nothing was changed",
            folder.join("nac.toml").display()
        )));
    }
    Err(Failure::no(format!(
        "{} is not empty: it holds {first}",
        folder.display()
    ))
    .fix("choose a folder that is empty or does not exist; nothing was changed"))
}

/// A folder beside the wanted one. Unless it is moved, it disappears with this value.
pub(in crate::cli) struct Workshop {
    root: PathBuf,
    moved: bool,
}

impl Workshop {
    pub(in crate::cli) fn beside(folder: &Path) -> Result<Self, Failure> {
        let name = folder.file_name().ok_or_else(|| {
            Failure::usage(format!("{} names no folder", folder.display())).fix("name a new folder")
        })?;
        let parent = folder.parent().unwrap_or_else(|| Path::new("/"));
        fs::create_dir_all(parent).map_err(|error| Failure::file("create", parent, &error))?;
        let mut hidden = std::ffi::OsString::from(".");
        hidden.push(name);
        hidden.push(format!(".init-{}", std::process::id()));
        let root = parent.join(hidden);
        create_folder(&root, 0o700)?;
        Ok(Self { root, moved: false })
    }

    pub(in crate::cli) fn path(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    pub(in crate::cli) fn folder(&self, name: &str) -> Result<(), Failure> {
        create_folder(&self.path(name), 0o750)
    }

    pub(in crate::cli) fn write_public(&self, name: &str, text: &str) -> Result<(), Failure> {
        write_new(&self.path(name), text, 0o644)
    }

    pub(super) fn write_secret(&self, name: &str, text: &str) -> Result<(), Failure> {
        write_new(&self.path(name), text, 0o600)
    }

    /// Lets only the owner read these files; those that do not exist are passed over.
    pub(in crate::cli) fn protect(&self, names: &[&str]) -> Result<(), Failure> {
        for name in names {
            let path = self.path(name);
            if path.exists() {
                set_mode(&path, 0o600)?;
            }
        }
        Ok(())
    }

    pub(in crate::cli) fn move_to(mut self, folder: &Path) -> Result<(), Failure> {
        set_mode(&self.root, 0o750)?;
        // On Unix this replaces an empty folder and refuses any other.
        fs::rename(&self.root, folder).map_err(|error| Failure::file("create", folder, &error))?;
        self.moved = true;
        Ok(())
    }
}

impl Drop for Workshop {
    fn drop(&mut self) {
        if !self.moved {
            // The failure that brought us here is the one to report.
            let _ = fs::remove_dir_all(&self.root);
        }
    }
}

/// Writes a new file with this mode and makes sure that it is on the disk.
pub(in crate::cli) fn write_new(path: &Path, text: &str, mode: u32) -> Result<(), Failure> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(mode);
    }
    #[cfg(not(unix))]
    let _ = mode;
    let written = options.open(path).and_then(|mut file| {
        file.write_all(text.as_bytes())?;
        file.sync_all()
    });
    written.map_err(|error| Failure::file("write", path, &error))
}

fn create_folder(path: &Path, mode: u32) -> Result<(), Failure> {
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    {
        use std::os::unix::fs::DirBuilderExt;
        builder.mode(mode);
    }
    #[cfg(not(unix))]
    let _ = mode;
    builder
        .create(path)
        .map_err(|error| Failure::file("create", path, &error))
}

fn set_mode(path: &Path, mode: u32) -> Result<(), Failure> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(path, fs::Permissions::from_mode(mode))
            .map_err(|error| Failure::file("protect", path, &error))?;
    }
    #[cfg(not(unix))]
    let _ = (path, mode);
    Ok(())
}
