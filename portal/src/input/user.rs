//! What a user's name, groups and password may be.

use nac_store::{SecretBytes, Store, StoreError, UserRecord};
use zeroize::Zeroizing;

use super::InputFault;
use crate::web::{Failure, PasswordPool};

/// RADIUS can carry 253 octets of User-Name (RFC 2865 section 5.1).
const NAME_MAX: usize = 253;
/// Longer passwords fit into no method that we serve, in bytes.
const PASSWORD_MAX: usize = 256;

/// Whether a user may have this name.
///
/// # Errors
///
/// What is wrong with it.
pub fn check_name(name: &str) -> Result<(), InputFault> {
    let fault =
        |what: String| InputFault::new("name", what, "write it as it is typed at the login");
    if name.trim().is_empty() {
        Err(fault("a user needs a name".to_owned()))
    } else if name.len() > NAME_MAX {
        Err(fault(format!("the name has more than {NAME_MAX} bytes")))
    } else if name.trim() != name || name.chars().any(char::is_control) {
        Err(fault(format!(
            "\"{}\" cannot be a user's name",
            name.escape_debug()
        )))
    } else {
        Ok(())
    }
}

/// Whether a group may have this name.
///
/// # Errors
///
/// What is wrong with it.
pub fn check_group(group: &str) -> Result<(), InputFault> {
    let plain = |c: char| !c.is_control() && !c.is_whitespace() && c != ';' && c != ',';
    if !group.is_empty() && group.len() <= 128 && group.chars().all(plain) {
        return Ok(());
    }
    Err(InputFault::new(
        "groups",
        format!("\"{}\" cannot be a group's name", group.escape_debug()),
        "write up to 128 characters without spaces, commas and semicolons",
    ))
}

/// Whether this can be a password.
///
/// # Errors
///
/// What is wrong with it.
pub fn check_password(password: &str) -> Result<(), InputFault> {
    let fault = |what: String| InputFault::new("password", what, "choose another one");
    if password.len() > PASSWORD_MAX {
        return Err(fault(format!(
            "the password has more than {PASSWORD_MAX} bytes"
        )));
    }
    if password.contains('\0') {
        return Err(fault("the password holds a NUL character".to_owned()));
    }
    Ok(())
}

/// A user of a list, as it is handed in. What is left out stays as it is where the user is known.
#[derive(Debug)]
pub(crate) struct Listed {
    /// The name.
    pub(crate) name: String,
    /// A password.
    pub(crate) password: Option<Zeroizing<String>>,
    /// Groups.
    pub(crate) groups: Option<Vec<String>>,
    /// Whether the password itself is kept, sealed, for CHAP and MS-CHAPv2.
    pub(crate) mschap: bool,
}

impl Listed {
    /// Whether it can be stored.
    pub(crate) fn check(&self) -> Result<(), InputFault> {
        check_name(&self.name)?;
        self.groups
            .iter()
            .flatten()
            .try_for_each(|group| check_group(group))?;
        match &self.password {
            Some(password) => check_password(password),
            None if self.mschap => Err(InputFault::new(
                "password",
                "MS-CHAPv2 needs a password",
                "write one beside it",
            )),
            None => Ok(()),
        }
    }

    /// What to store, and whether the user is known already. Hashing takes its time.
    pub(crate) async fn record(
        self,
        store: &Store,
        passwords: &PasswordPool,
    ) -> Result<(UserRecord, bool), Failure> {
        let known = known(store, &self.name).await?;
        let is_known = known.is_some();
        let mut record = known.unwrap_or(UserRecord {
            name: self.name,
            password: None,
            cleartext: None,
            enabled: true,
            groups: Vec::new(),
        });
        if let Some(groups) = self.groups {
            record.groups = groups;
        }
        if let Some(password) = self.password {
            record.cleartext = self.mschap.then(|| SecretBytes::new(password.as_bytes()));
            record.password = Some(passwords.hash(password).await?);
        }
        Ok((record, is_known))
    }
}

/// What is stored of the user of this name.
pub(crate) async fn known(store: &Store, name: &str) -> Result<Option<UserRecord>, StoreError> {
    match store.user_fetch(name).await {
        Ok(user) => Ok(Some(UserRecord {
            name: user.name,
            password: user.password,
            cleartext: user.cleartext,
            enabled: user.enabled,
            groups: user.groups,
        })),
        Err(StoreError::NotFound { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}
