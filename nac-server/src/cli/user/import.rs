//! `nac user import`: many users at once, all lines checked before the first is stored.

use std::collections::HashSet;
use std::path::Path;

use nac_store::{UserRecord, user_key};
use serde_json::json;
use zeroize::Zeroizing;

use super::{check_group, check_name, check_password, cleartext};
use crate::cli::csv::{self, Row};
use crate::cli::output::{Progress, answer, count};
use crate::cli::password::hash_passwords;
use crate::cli::{Answer, Context, Failure, Outcome};

const COLUMNS: [&str; 4] = ["name", "password", "groups", "mschap"];
/// Name and password must be there; the other columns may be absent.
const REQUIRED: usize = 2;

/// How many users one transaction stores.
const CHUNK: usize = 500;

/// One good line.
struct Candidate {
    name: String,
    password: Option<Zeroizing<String>>,
    groups: Vec<String>,
    mschap: bool,
}

pub(super) async fn run(context: &Context, file: &Path, skip_bad: bool) -> Outcome {
    let mut seen = HashSet::new();
    let parsed = csv::read(file, &COLUMNS, REQUIRED, |row| {
        let candidate = candidate(row)?;
        if seen.insert(user_key(&candidate.name)) {
            Ok(candidate)
        } else {
            Err(format!("the user {} comes a second time", candidate.name))
        }
    })?;
    let parsed = parsed.accept(file, skip_bad)?;
    let (candidates, skipped) = (parsed.rows, parsed.faults);

    let store = context.store().await?;
    let total = candidates.len();
    let mut progress = Progress::new("users imported", total, context.json());
    let mut done = 0;
    for chunk in candidates.chunks(CHUNK) {
        let stored = async {
            let records = records(chunk)?;
            store.user_put_many(records).await.map_err(Failure::from)
        };
        stored
            .await
            .map_err(|failure| interrupted(failure, done, total))?;
        done += chunk.len();
        progress.reached(done);
    }
    let without = candidates
        .iter()
        .filter(|(_, user)| user.password.is_none())
        .count();
    let record = json!({
        "imported": total,
        "without_password": without,
        "skipped": skipped.iter().map(|(line, fault)| json!({ "line": line, "fault": fault }))
            .collect::<Vec<_>>(),
    });
    answer(context.json(), &record, &summary(total, without, &skipped))?;
    Ok(Answer::Yes)
}

fn candidate(row: &Row<'_>) -> Result<Candidate, String> {
    let name = row.cell("name");
    check_name(name).map_err(|fault| fault.what)?;
    let password = row.raw("password");
    check_password(password).map_err(|fault| fault.what)?;
    let groups = csv::words(row.cell("groups"));
    for group in &groups {
        check_group(group).map_err(|fault| fault.what)?;
    }
    let mschap = yes_or_no(row.cell("mschap"))?;
    if mschap && password.is_empty() {
        return Err("mschap needs a password".to_owned());
    }
    Ok(Candidate {
        name: name.to_owned(),
        password: (!password.is_empty()).then(|| Zeroizing::new(password.to_owned())),
        groups,
        mschap,
    })
}

fn yes_or_no(cell: &str) -> Result<bool, String> {
    match cell.to_ascii_lowercase().as_str() {
        "yes" | "true" | "1" | "y" => Ok(true),
        "" | "no" | "false" | "0" | "n" => Ok(false),
        other => Err(format!(
            "mschap is yes or no, not \"{}\"",
            other.escape_debug()
        )),
    }
}

/// Hashes the passwords of one chunk on all cores.
fn records(chunk: &[(u64, Candidate)]) -> Result<Vec<UserRecord>, Failure> {
    let passwords: Vec<_> = chunk
        .iter()
        .map(|(_, user)| user.password.clone())
        .collect();
    let hashes = hash_passwords(&passwords)?;
    let record = |((_, user), password): (&(u64, Candidate), Option<String>)| UserRecord {
        name: user.name.clone(),
        password,
        cleartext: user
            .password
            .as_ref()
            .filter(|_| user.mschap)
            .map(|password| cleartext(password)),
        enabled: true,
        groups: user.groups.clone(),
    };
    Ok(chunk.iter().zip(hashes).map(record).collect())
}

fn interrupted(failure: Failure, done: usize, total: usize) -> Failure {
    if done == 0 {
        return failure;
    }
    failure.fix(format!(
        "{done} of {total} users were imported; run the same command again, it replaces them"
    ))
}

fn summary(total: usize, without: usize, skipped: &[(u64, String)]) -> String {
    let mut text = format!("{} imported", count(total, "user"));
    if without > 0 {
        text.push_str(&format!(
            ", {without} of them without a password (certificates only)"
        ));
    }
    if !skipped.is_empty() {
        text.push_str(&format!("; {} skipped:", count(skipped.len(), "bad line")));
        for (line, fault) in skipped {
            text.push_str(&format!("\nline {line}: {fault}"));
        }
    }
    text
}
