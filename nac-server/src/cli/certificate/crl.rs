//! `nac certificate crl`: what the revocation lists of other authorities say.

use serde::Serialize;

use crate::cli::output::{Table, local_time, now_us, print, print_json};
use crate::cli::{Answer, Context, Failure, Outcome, open_store};
use crate::config::Config;
use crate::revocation;
use crate::server::revocation::signers;

/// One list, or why there is none.
#[derive(Serialize)]
struct Found {
    source: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    list: Option<List>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fault: Option<String>,
}

#[derive(Serialize)]
struct List {
    issuer: String,
    revoked: usize,
    this_update_us: i64,
    next_update_us: i64,
    holds: bool,
}

pub(super) async fn run(context: &Context) -> Outcome {
    let config = Config::load(&context.existing_config_file()?)?;
    let store = open_store(&config.settings).await?;
    let signers = signers(&config, &store)
        .await
        .map_err(|error| Failure::cannot(error.to_string()))?;
    let now = now_us();
    let mut found = Vec::new();
    for source in &config.eap.revocation.sources {
        let name = source.to_string();
        let content = revocation::read(source, None).await;
        let lists = content.and_then(|content| match content {
            Some(content) => revocation::lists(&content, &signers),
            None => Ok(Vec::new()),
        });
        match lists {
            Ok(lists) => found.extend(lists.into_iter().map(|list| Found {
                source: name.clone(),
                list: Some(List {
                    holds: list.holds_at(now),
                    revoked: list.len(),
                    this_update_us: list.this_update_us,
                    next_update_us: list.next_update_us,
                    issuer: list.issuer,
                }),
                fault: None,
            })),
            Err(fault) => found.push(Found {
                source: name,
                list: None,
                fault: Some(fault),
            }),
        }
    }
    match context.json() {
        true => print_json(&found)?,
        false => print(&table(&found).render())?,
    }
    let all_hold = found
        .iter()
        .all(|found| found.list.as_ref().is_some_and(|list| list.holds));
    Ok(match all_hold {
        true => Answer::Yes,
        false => Answer::No,
    })
}

fn table(found: &[Found]) -> Table {
    let mut table = Table::new(
        &["SOURCE", "ISSUER", "REVOKED", "FROM", "UNTIL", "STATUS"],
        "no revocation list is configured; name one with crl in [eap]",
    );
    for found in found {
        let source = found.source.clone();
        match &found.list {
            Some(list) => {
                let status = match list.holds {
                    true => "in force",
                    false => "not in force now: get a newer one",
                };
                table.row([
                    source,
                    list.issuer.clone(),
                    list.revoked.to_string(),
                    local_time(list.this_update_us),
                    local_time(list.next_update_us),
                    status.to_owned(),
                ]);
            }
            None => {
                let fault = found.fault.clone().unwrap_or_default();
                let none = String::new;
                table.row([source, none(), none(), none(), none(), fault]);
            }
        }
    }
    table
}
