//! What the API can do, to read: made from the same document that programs get.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use axum::routing::get;
use serde_json::Value;

use super::{Account, AdminState, Chrome, Place, Problem, Route, render};
use crate::access::{Permission, authorize};

/// `/api/v1/docs`.
pub(super) fn routes() -> Vec<Route> {
    vec![Route::page("/api/v1/docs", Permission::Own, get(page))]
}

struct Group {
    tag: String,
    operations: Vec<Operation>,
}

struct Operation {
    id: String,
    method: String,
    path: String,
    summary: String,
    scope: String,
    roles: String,
    parameters: Vec<Parameter>,
    body: String,
}

struct Parameter {
    name: String,
    place: String,
    required: bool,
    description: String,
}

#[derive(Template)]
#[template(path = "admin/api/docs.html")]
struct DocsPage {
    chrome: Chrome,
    url: String,
    groups: Vec<Group>,
}

async fn page(State(state): State<AdminState>, account: Account) -> Result<Response, Problem> {
    let document = serde_json::to_value(crate::api::document()).unwrap_or_default();
    render(&DocsPage {
        chrome: Chrome::new(&state, &account, "The API", Place::Tokens).await,
        url: state.environment.url.clone(),
        groups: groups(&document),
    })
}

fn groups(document: &Value) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    let paths = document["paths"].as_object().into_iter().flatten();
    for (path, item) in paths {
        for (method, operation) in item.as_object().into_iter().flatten() {
            let tag = text(&operation["tags"][0]);
            let made = read(document, method, path, operation);
            match groups.iter_mut().find(|group| group.tag == tag) {
                Some(group) => group.operations.push(made),
                None => groups.push(Group {
                    tag,
                    operations: vec![made],
                }),
            }
        }
    }
    groups.sort_by(|left, right| left.tag.cmp(&right.tag));
    groups
}

fn read(document: &Value, method: &str, path: &str, operation: &Value) -> Operation {
    let scope = text(&operation["security"][0]["token"][0]);
    let roles = Permission::from_word(&scope).map(|permission| {
        nac_store::Role::ALL
            .iter()
            .filter(|role| authorize(**role, permission))
            .map(|role| role.as_str())
            .collect::<Vec<_>>()
            .join(", ")
    });
    let parameters = operation["parameters"].as_array().into_iter().flatten();
    let schema = &operation["requestBody"]["content"]["application/json"]["schema"];
    let body = schema["$ref"]
        .as_str()
        .and_then(|reference| document.pointer(reference.trim_start_matches('#')))
        .map(example)
        .and_then(|example| serde_json::to_string_pretty(&example).ok());
    Operation {
        id: text(&operation["operationId"]),
        method: method.to_uppercase(),
        path: path.to_owned(),
        summary: text(&operation["summary"]),
        roles: roles.unwrap_or_default(),
        scope,
        parameters: parameters
            .map(|parameter| Parameter {
                name: text(&parameter["name"]),
                place: text(&parameter["in"]),
                required: parameter["required"].as_bool().unwrap_or_default(),
                description: text(&parameter["description"]),
            })
            .collect(),
        body: body.unwrap_or_default(),
    }
}

/// A body as one would write it: each field with what it is for.
fn example(schema: &Value) -> Value {
    let fields = schema["properties"].as_object().into_iter().flatten();
    fields
        .map(|(name, field)| {
            let kind = match &field["type"] {
                Value::String(kind) => kind.clone(),
                Value::Array(kinds) => kinds
                    .iter()
                    .filter_map(Value::as_str)
                    .collect::<Vec<_>>()
                    .join(" or "),
                _ => "see the document".to_owned(),
            };
            let what = field["description"].as_str().unwrap_or_default();
            (name.clone(), Value::String(format!("{kind}: {what}")))
        })
        .collect::<serde_json::Map<_, _>>()
        .into()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
