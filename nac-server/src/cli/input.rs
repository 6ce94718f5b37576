//! What people hand in: secrets from files, standard input or a prompt, and their consent.

use std::fs::File;
use std::io::{BufRead, IsTerminal, Read, Write};
use std::path::Path;

use zeroize::Zeroizing;

use super::Failure;

/// More than this is no password and no shared secret, in bytes.
const MAX_SECRET_LEN: u64 = 4096;

/// Reads a secret from a file: its whole content without the end of the line.
pub(super) fn secret_from_file(path: &Path) -> Result<Zeroizing<String>, Failure> {
    let file = File::open(path).map_err(|error| Failure::file("read", path, &error))?;
    read_secret(file, &path.display().to_string())
}

/// Reads a secret from standard input: everything, without the end of the line.
pub(super) fn secret_from_stdin() -> Result<Zeroizing<String>, Failure> {
    read_secret(std::io::stdin().lock(), "standard input")
}

/// Asks for a password twice, without showing it.
pub(super) fn password_from_prompt(name: &str) -> Result<Zeroizing<String>, Failure> {
    let ask = |prompt: String| {
        rpassword::prompt_password(prompt)
            .map(Zeroizing::new)
            .map_err(|error| {
                Failure::usage(format!("a password cannot be asked for here: {error}"))
                    .fix("hand it in with: printf %s PASSWORD | nac … --password-stdin")
            })
    };
    let password = ask(format!("Password for {name}: "))?;
    let again = ask(format!("Again, for {name}: "))?;
    if password != again {
        return Err(Failure::usage("the two passwords differ").fix("run the command again"));
    }
    if password.is_empty() {
        return Err(Failure::usage("the password is empty"));
    }
    Ok(password)
}

/// Asks for consent on a terminal. Where nobody can answer, only `--yes` counts.
pub(super) fn confirm(question: &str, yes: bool) -> Result<(), Failure> {
    if yes {
        return Ok(());
    }
    if !std::io::stdin().is_terminal() {
        return Err(
            Failure::usage("this asks for consent, and standard input is not a terminal")
                .fix("look at what the command would do, then add --yes"),
        );
    }
    let mut err = std::io::stderr().lock();
    // A prompt that cannot be shown is answered with no below.
    let _ = write!(err, "{question} [y/N] ").and_then(|()| err.flush());
    let mut line = String::new();
    let read = std::io::stdin().lock().take(100).read_line(&mut line);
    if read.is_ok() && matches!(line.trim().to_ascii_lowercase().as_str(), "y" | "yes") {
        return Ok(());
    }
    Err(Failure::no("nothing was done"))
}

fn read_secret(from: impl Read, place: &str) -> Result<Zeroizing<String>, Failure> {
    let mut text = Zeroizing::new(String::new());
    from.take(MAX_SECRET_LEN + 1)
        .read_to_string(&mut text)
        .map_err(|_| {
            Failure::usage("the secret is not UTF-8 text")
                .place(place)
                .fix("write it as plain text")
        })?;
    if text.len() as u64 > MAX_SECRET_LEN {
        return Err(
            Failure::usage(format!("the secret has more than {MAX_SECRET_LEN} bytes")).place(place),
        );
    }
    let end = text.trim_end_matches(['\r', '\n']).len();
    text.truncate(end);
    if text.is_empty() {
        return Err(Failure::usage("the secret is empty").place(place));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_the_line_is_no_part_of_a_secret_but_spaces_are() {
        let read =
            |text: &str| read_secret(text.as_bytes(), "test").map(|secret| secret.to_string());
        assert_eq!(read("s3cret\r\n").ok().as_deref(), Some("s3cret"));
        assert_eq!(read(" s3 cret ").ok().as_deref(), Some(" s3 cret "));
        assert!(read("\n").is_err());
        assert!(read(&"x".repeat(5000)).is_err());
        assert!(read_secret(&[0xff, 0xfe][..], "test").is_err());
    }
}
