//! A copy of the database while it is in use.

use std::path::Path;

use crate::{Store, StoreError, sql::Db};

impl Store {
    /// Whether the database is a SQLite file, which [`Store::copy_to`] copies. PostgreSQL has tools of its own for that.
    pub fn is_file(&self) -> bool {
        matches!(self.pools(), Db::Sqlite(_))
    }

    /// Writes the database as it is at one moment into a file that is empty or does not exist. Others go on reading and writing
    /// meanwhile (SQLite, `VACUUM INTO`).
    ///
    /// # Errors
    ///
    /// [`StoreError::Invalid`] on PostgreSQL; otherwise when the database fails or the file cannot be written.
    pub async fn copy_to(&self, file: &Path) -> Result<(), StoreError> {
        let Db::Sqlite(pools) = self.pools() else {
            return Err(StoreError::Invalid {
                what: "a PostgreSQL database is copied by pg_dump".to_owned(),
            });
        };
        let target = file.to_str().ok_or_else(|| StoreError::Invalid {
            what: format!("{} is not UTF-8", file.display()),
        })?;
        sqlx::query("VACUUM INTO $1")
            .bind(target)
            .execute(&pools.write)
            .await
            .map_err(|error| self.place().fault(error))?;
        Ok(())
    }
}
