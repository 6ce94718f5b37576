//! What a user's name, groups and password may be.

use super::InputFault;

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
