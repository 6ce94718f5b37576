//! What belongs to an installation beside its database.

use std::path::{Path, PathBuf};

use crate::config::Settings;

/// The name of the configuration in every archive.
pub(super) const CONFIG: &str = "nac.toml";

/// A file to be put into the archive.
#[derive(Clone, Debug)]
pub(super) struct Item {
    /// Its name there: a path within the installation's folder.
    pub(super) name: String,
    /// Where it is.
    pub(super) source: PathBuf,
    /// Whether only its owner may read it.
    pub(super) secret: bool,
}

/// Everything that is put into an archive, and what is not.
#[derive(Debug, Default)]
pub(super) struct Contents {
    pub(super) items: Vec<Item>,
    /// The name of the database in the archive.
    pub(super) database: String,
    /// The name of the sealing key in the archive, or where it has to be put.
    pub(super) key: String,
    /// Files that the configuration names and that are not put into the archive, and why.
    pub(super) left_out: Vec<(String, String)>,
}

impl Contents {
    pub(super) fn of(config: &Path, settings: &Settings, with_key: bool) -> Self {
        let config = std::path::absolute(config).unwrap_or_else(|_| config.to_owned());
        let folder = config.parent().unwrap_or_else(|| Path::new("/")).to_owned();
        let key = &settings.secrets.sealing_key_file;
        let mut contents = Self {
            database: database_file(&settings.database.url)
                .and_then(|file| within(&folder, &file))
                .unwrap_or_else(|| "nac.db".to_owned()),
            key: within(&folder, key).unwrap_or_else(|| "sealing.key".to_owned()),
            ..Self::default()
        };
        contents.items.push(Item {
            name: CONFIG.to_owned(),
            source: config,
            secret: true,
        });

        let eap = &settings.eap;
        let portal = &settings.portal;
        let mail = settings.mail.as_ref();
        let mut public: Vec<PathBuf> = vec![folder.join("ca.crt"), eap.certificate.clone()];
        public.extend(eap.client_ca.iter().cloned());
        public.extend(eap.second_certificate.clone());
        public.extend(eap.revocation.issuers.iter().cloned());
        public.extend(portal.certificate.clone());
        let radsec = settings.radsec.as_ref();
        public.extend(radsec.and_then(|radsec| radsec.certificate.clone()));
        public.extend(
            radsec
                .into_iter()
                .flat_map(|radsec| radsec.client_ca.clone()),
        );
        public.extend(mail.and_then(|mail| mail.ca.clone()));
        public.extend(
            settings
                .posture
                .checks_dir
                .iter()
                .flat_map(|folder| files_in(folder)),
        );
        for file in public {
            contents.add(&folder, file, false);
        }
        let mut secret = vec![eap.key.clone(), folder.join("osquery-enroll-secret")];
        secret.extend(eap.second_key.clone());
        secret.extend(portal.key.clone());
        secret.extend(radsec.and_then(|radsec| radsec.key.clone()));
        secret.extend(mail.and_then(|mail| mail.password_file.clone()));
        for file in secret {
            if with_key {
                contents.add(&folder, file, true);
            } else if file.exists() {
                contents.leave_out(&file, "secret; --with-key takes it along");
            }
        }
        if with_key {
            let name = contents.key.clone();
            contents.put(name, key.clone(), true);
        } else {
            contents.leave_out(key, "the sealing key; --with-key takes it along");
        }
        contents
    }

    fn add(&mut self, folder: &Path, file: PathBuf, secret: bool) {
        if !file.is_file() {
            return;
        }
        match within(folder, &file) {
            Some(name) => self.put(name, file, secret),
            None => self.leave_out(
                &file,
                "it is outside the folder of nac.toml: back it up yourself",
            ),
        }
    }

    fn put(&mut self, name: String, source: PathBuf, secret: bool) {
        if self.items.iter().all(|item| item.name != name) {
            self.items.push(Item {
                name,
                source,
                secret,
            });
        }
    }

    fn leave_out(&mut self, file: &Path, why: &str) {
        let path = file.display().to_string();
        if self.left_out.iter().all(|(known, _)| *known != path) {
            self.left_out.push((path, why.to_owned()));
        }
    }
}

/// The SQLite file that a URL names.
pub(super) fn database_file(url: &str) -> Option<PathBuf> {
    if url.starts_with("postgres:") || url.starts_with("postgresql:") {
        return None;
    }
    let rest = url.strip_prefix("sqlite:").unwrap_or(url);
    let rest = rest.strip_prefix("//").unwrap_or(rest);
    let path = rest.split('?').next().unwrap_or(rest);
    Some(PathBuf::from(path))
}

/// The path within the folder, when it is in there and goes no detours.
fn within(folder: &Path, file: &Path) -> Option<String> {
    let rest = file.strip_prefix(folder).ok()?;
    is_plain(rest).then(|| rest.to_str().map(str::to_owned))?
}

/// Whether a path leads down from where one is, and nowhere else.
pub(super) fn is_plain(path: &Path) -> bool {
    let mut parts = path.components().peekable();
    parts.peek().is_some() && parts.all(|part| matches!(part, std::path::Component::Normal(_)))
}

fn files_in(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
    files.sort();
    files
}
