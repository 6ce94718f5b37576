//! Many users by CSV. Passwords may be among them, so a text that holds any is never shown again.

use std::collections::HashSet;

use askama::Template;
use axum::Form;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use nac_store::user_key;
use serde::Deserialize;
use zeroize::Zeroizing;

use super::{Account, AdminState, Chrome, Place, Problem, render};
use crate::admin::Done;
use crate::admin::form::{Fault, filled};
use crate::admin::lines::{Layout, Lines, Plan};
use crate::input::user::{Listed, known};

/// Hashing a password takes a few hundredths of a second, on purpose.
const LAYOUT: Layout = Layout {
    columns: &["name", "password", "groups", "mschap"],
    required: "name",
    most: 200,
    command: "nac user import",
};

/// What the form sends.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct ImportForm {
    csv: Zeroizing<String>,
    confirmed: Option<String>,
}

#[derive(Template)]
#[template(path = "admin/users/import.html")]
struct ImportPage {
    chrome: Chrome,
    /// What was pasted, unless it holds passwords.
    csv: Zeroizing<String>,
    secret: bool,
    plan: Option<Plan>,
    fault: Fault,
    most: usize,
}

pub(super) async fn page(
    State(state): State<AdminState>,
    account: Account,
) -> Result<Response, Problem> {
    let empty = ImportForm::default();
    show(&state, &account, empty, false, None, Fault::default()).await
}

async fn show(
    state: &AdminState,
    account: &Account,
    form: ImportForm,
    secret: bool,
    plan: Option<Plan>,
    fault: Fault,
) -> Result<Response, Problem> {
    let page = ImportPage {
        chrome: Chrome::new(state, account, "Import users", Place::Users).await,
        csv: if secret {
            Zeroizing::default()
        } else {
            form.csv
        },
        secret,
        plan,
        fault,
        most: LAYOUT.most,
    };
    Ok(page.fault.on(render(&page)?))
}

pub(super) async fn run(
    State(state): State<AdminState>,
    account: Account,
    Form(form): Form<ImportForm>,
) -> Result<Response, Problem> {
    let Lines { rows, faults } = parse(&form.csv);
    let secret = names_passwords(&form.csv);
    let mut changed = 0;
    for user in &rows {
        changed += usize::from(known(&state.store, &user.name).await?.is_some());
    }
    let plan = Plan::new(rows.len() - changed, changed, faults);
    if form.confirmed.is_none() || !plan.is_good() {
        return show(&state, &account, form, secret, Some(plan), Fault::default()).await;
    }
    match store(&state, &account, rows, secret).await {
        Ok(()) => Ok(Done::at(
            "/users?sort=changed",
            format!("{} users are added, {} changed.", plan.added, plan.changed),
        )
        .into_response()),
        Err(problem) => {
            let fault = Fault::of(problem)?;
            show(&state, &account, form, secret, None, fault).await
        }
    }
}

async fn store(
    state: &AdminState,
    account: &Account,
    users: Vec<Listed>,
    secret: bool,
) -> Result<(), Problem> {
    if secret {
        account.confirmed("/users/import")?;
    }
    let mut records = Vec::with_capacity(users.len());
    for user in users {
        let (record, _) = user.record(&state.store, &state.passwords).await?;
        records.push(record);
    }
    account.store(state).user_put_many(records).await?;
    Ok(())
}

/// Whether the first line has a column for passwords.
fn names_passwords(text: &str) -> bool {
    text.lines()
        .find(|line| !line.trim().is_empty() && !line.starts_with('#'))
        .is_some_and(|header| header.to_lowercase().contains("password"))
}

fn parse(text: &str) -> Lines<Listed> {
    let mut seen = HashSet::new();
    LAYOUT.read(text, |cells| {
        let user = Listed {
            name: cells.get("name").to_owned(),
            password: filled(cells.get("password")).map(|text| Zeroizing::new(text.to_owned())),
            groups: filled(cells.get("groups")).map(|groups| {
                let words = groups.split([';', ' ']).filter(|word| !word.is_empty());
                words.map(str::to_owned).collect()
            }),
            mschap: match cells.get("mschap").to_lowercase().as_str() {
                "" | "no" | "false" | "0" => false,
                "yes" | "true" | "1" => true,
                _ => return Err("mschap is yes or no".to_owned()),
            },
        };
        user.check().map_err(|fault| fault.to_string())?;
        if !seen.insert(user_key(&user.name)) {
            return Err(format!("the user {} comes a second time", user.name));
        }
        Ok(user)
    })
}
