//! Many devices at once, from a list that is pasted or uploaded. Every line is looked at first, and nothing is stored while one is bad.

use std::collections::HashSet;

use askama::Template;
use axum::extract::{Multipart, State};
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Redirect, Response};
use nac_store::DeviceRefusal;

use super::register::{self, NewDevice, Refused, read_mac, read_name, read_type, takes_a_place};
use super::{devices_of, in_days, limit};
use crate::i18n::Message;
use crate::public::PublicState;
use crate::public::failure::PublicFailure;
use crate::public::layout::Shell;
use crate::public::sign_in::Employee;
use crate::web::Failure;

/// The most lines of a list.
const LINES_MAX: usize = 500;
/// The most faults that are shown one by one.
const FAULTS_MAX: usize = 50;

#[derive(Template)]
#[template(path = "public/device/many.html")]
struct Page {
    shell: Shell,
    text: String,
    faults: Vec<Message>,
    good: Option<Message>,
}

#[derive(Default)]
struct Form {
    list: String,
    store: bool,
}

pub(super) async fn ask(_: Employee, shell: Shell) -> Result<Response, PublicFailure> {
    page(shell, String::new(), Vec::new(), None)
}

pub(super) async fn take(
    State(state): State<PublicState>,
    employee: Employee,
    shell: Shell,
    multipart: Multipart,
) -> Result<Response, PublicFailure> {
    let form = read(multipart).await?;
    let (new, faults) = look(&state, &employee, &shell, &form.list).await?;
    if !faults.is_empty() {
        let answer = page(shell, form.list, faults, None)?;
        return Ok((StatusCode::UNPROCESSABLE_ENTITY, answer).into_response());
    }
    if !form.store {
        let good = shell.text("device-many-good").arg("count", new.len());
        return page(shell, form.list, Vec::new(), Some(good));
    }
    match register::register(&state, &shell, &employee, new, None).await? {
        Ok(()) => Ok(Redirect::to(&shell.link("/devices?done=many")).into_response()),
        Err(refused) => {
            let fault = match refused {
                Refused::Taken(taken) => taken.told(&shell),
                Refused::Places(DeviceRefusal::Full { left }) => {
                    shell.text("device-many-full").arg("left", left)
                }
                // Nothing is replaced here.
                Refused::Places(DeviceRefusal::Kept) => shell.text("device-full-kept"),
            };
            let faults = vec![fault];
            let answer = page(shell, form.list, faults, None)?;
            Ok((StatusCode::CONFLICT, answer).into_response())
        }
    }
}

/// A file counts where there is one, else what was pasted.
async fn read(mut multipart: Multipart) -> Result<Form, PublicFailure> {
    let wrong = |error: axum::extract::multipart::MultipartError| {
        PublicFailure::from(Failure::invalid("list", error.body_text()))
            .because("device-many-unreadable")
    };
    let mut form = Form::default();
    let mut file = String::new();
    while let Some(field) = multipart.next_field().await.map_err(wrong)? {
        let name = field.name().unwrap_or_default().to_owned();
        let octets = field.bytes().await.map_err(wrong)?;
        let text = String::from_utf8(octets.to_vec()).map_err(|_| {
            PublicFailure::from(Failure::invalid("file", "it is not UTF-8"))
                .because("device-many-unreadable")
        })?;
        match name.as_str() {
            "list" => form.list = text,
            "file" => file = text,
            "action" => form.store = text == "add",
            _ => {
                return Err(Failure::invalid("", "there is no such field").into());
            }
        }
    }
    if !file.trim().is_empty() {
        form.list = file;
    }
    Ok(form)
}

/// The devices of a list, or what is wrong with its lines.
async fn look(
    state: &PublicState,
    employee: &Employee,
    shell: &Shell,
    list: &str,
) -> Result<(Vec<NewDevice>, Vec<Message>), PublicFailure> {
    let (mut new, mut faults) = (Vec::new(), Vec::new());
    let mut seen = HashSet::new();
    let lines = (1_usize..)
        .zip(list.trim_start_matches('\u{feff}').lines())
        .filter(|(_, line)| !line.trim().is_empty() && !line.starts_with('#'));
    for (number, line) in lines {
        if new.len() + faults.len() >= LINES_MAX {
            faults.push(shell.text("device-many-too-long").arg("most", LINES_MAX));
            break;
        }
        let told = |what: Message| {
            shell
                .text("device-many-line")
                .arg("line", number)
                .arg("what", what)
        };
        // The names of the columns.
        if number == 1 && line.to_ascii_lowercase().starts_with("mac") {
            continue;
        }
        match device(shell, line) {
            Err(what) => faults.push(told(what)),
            Ok(device) if !seen.insert(device.mac) => {
                faults.push(told(shell.text("device-many-twice")));
            }
            Ok(device) => match register::free(state, employee, device.mac).await? {
                Err(taken) => faults.push(told(taken.told(shell))),
                Ok(()) => new.push(device),
            },
        }
    }
    if new.is_empty() && faults.is_empty() {
        faults.push(shell.text("device-many-empty"));
    }
    let own = devices_of(state, employee).await?;
    let taken = own.iter().filter(|device| takes_a_place(device)).count();
    let left = limit(shell, employee).saturating_sub(taken);
    if new.len() > left {
        faults.push(shell.text("device-many-full").arg("left", left));
    }
    faults.truncate(FAULTS_MAX);
    Ok((new, faults))
}

/// `MAC,name,type`, separated by commas, semicolons or tabs; the type may be left out.
fn device(shell: &Shell, line: &str) -> Result<NewDevice, Message> {
    let delimiter = [b',', b';', b'\t']
        .into_iter()
        .find(|octet| line.as_bytes().contains(octet))
        .unwrap_or(b',');
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .delimiter(delimiter)
        .from_reader(line.as_bytes());
    let mut record = csv::StringRecord::new();
    let read = reader.read_record(&mut record).unwrap_or(false);
    if !read || record.len() > 3 {
        return Err(shell.text("device-many-columns"));
    }
    let cell = |index: usize| record.get(index).unwrap_or_default().trim();
    let mac = read_mac(shell, cell(0))?;
    let name = match cell(1) {
        "" => mac.to_string(),
        name => read_name(shell, name)?,
    };
    let device_type = match cell(2) {
        "" => "other",
        word => read_type(shell, &word.to_lowercase())?,
    };
    Ok(NewDevice {
        mac,
        name,
        device_type,
        expires_us: in_days(shell, shell.settings().devices.days),
    })
}

fn page(
    shell: Shell,
    text: String,
    faults: Vec<Message>,
    good: Option<Message>,
) -> Result<Response, PublicFailure> {
    let page = Page {
        shell,
        text,
        faults,
        good,
    };
    Ok(Html(page.render()?).into_response())
}
