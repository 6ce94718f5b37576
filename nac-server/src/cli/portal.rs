//! `nac portal`: what the portal shows and asks, and what the network's other parts have to know of it.

mod dhcp;
mod retention;

use std::path::PathBuf;

use clap::{Args, Subcommand};
use nac_store::{PortalSettings, PortalSite, Store};
use serde_json::{Value, json};

use super::output::{Table, answer, local_time, print, print_json};
use super::{Answer, Context, Failure, Outcome};

const SET_EXAMPLES: &str = "\
Examples:
  nac portal set name 'Example Museum' language de
  nac portal set help.name 'Service desk' help.phone '+49 30 1234'
  nac portal set brand.accent '#7a1f5c' methods guest,voucher,devices,remedy
  nac portal set guest.sponsor_domains example.org guest.approval true
  nac portal set guest.fields name:required,email:required,company
  nac portal set terms.version 2026-11 terms.text.en @terms-en.txt
  nac portal set --site berlin name 'Berlin office'

A value that begins with @ is read from that file. `nac portal show` lists every key. A site is what `nac client add --site`
says; one without settings of its own has the default ones.";

#[derive(Debug, Subcommand)]
pub(super) enum PortalCommand {
    /// Show the settings of a site, or the default ones
    Show(SiteArguments),
    /// List the sites that have settings of their own
    Sites,
    /// Change settings: pairs of a key and a value, all or none
    #[command(after_help = SET_EXAMPLES)]
    Set(SetArguments),
    /// Set a site's logo, a PNG, JPEG or WebP file of at most 20 KiB, or take it away
    Logo(LogoArguments),
    /// Remove a site's settings, so that the default ones hold
    Remove(SiteArguments),
    /// Print what a DHCP server needs to tell devices of the portal (option 114, RFC 8910)
    DhcpSnippets,
    /// Show how long personal data is kept and what the last runs removed
    Retention(retention::RetentionArguments),
}

#[derive(Debug, Args)]
pub(super) struct SiteArguments {
    /// The site; the default settings unless named
    #[arg(long, default_value = "")]
    site: String,
}

#[derive(Debug, Args)]
pub(super) struct SetArguments {
    /// The site; the default settings unless named
    #[arg(long, default_value = "")]
    site: String,
    /// Keys and values in turn
    #[arg(value_name = "KEY VALUE", required = true, num_args = 2.., allow_hyphen_values = true)]
    pairs: Vec<String>,
}

#[derive(Debug, Args)]
pub(super) struct LogoArguments {
    /// The site; the default settings unless named
    #[arg(long, default_value = "")]
    site: String,
    /// The file
    #[arg(required_unless_present = "none", conflicts_with = "none")]
    file: Option<PathBuf>,
    /// Take the logo away
    #[arg(long)]
    none: bool,
}

pub(super) async fn run(context: &Context, command: PortalCommand) -> Outcome {
    match command {
        PortalCommand::Show(arguments) => show(context, &arguments.site).await,
        PortalCommand::Sites => sites(context).await,
        PortalCommand::Set(arguments) => set(context, arguments).await,
        PortalCommand::Logo(arguments) => logo(context, arguments).await,
        PortalCommand::Remove(arguments) => remove(context, &arguments.site).await,
        PortalCommand::DhcpSnippets => dhcp::run(context),
        PortalCommand::Retention(arguments) => retention::run(context, arguments).await,
    }
}

async fn show(context: &Context, site: &str) -> Outcome {
    let found = context.store().await?.portal_site(site).await?;
    if context.json() {
        print_json(&found)?;
        return Ok(Answer::Yes);
    }
    let mut table = Table::new(&["KEY", "VALUE"], "");
    for (key, value) in flat(&found.settings)? {
        table.row([key, value]);
    }
    table.row([
        "logo".to_owned(),
        if found.has_logo { "yes" } else { "" }.to_owned(),
    ]);
    print(&table.render())?;
    if found.site != site {
        super::output::note(&format!(
            "site {site} has no settings of its own; these are the default ones"
        ));
    }
    Ok(Answer::Yes)
}

async fn sites(context: &Context) -> Outcome {
    let found = context.store().await?.portal_site_list().await?;
    if context.json() {
        print_json(&found)?;
        return Ok(Answer::Yes);
    }
    let mut table = Table::new(
        &["SITE", "NAME", "LANGUAGE", "LOGO", "CHANGED"],
        "no site has settings of its own yet; begin with: nac portal set name 'Example Museum'",
    );
    for PortalSite {
        site,
        settings,
        updated_us,
        has_logo,
    } in found
    {
        table.row([
            if site.is_empty() {
                "(default)".to_owned()
            } else {
                site
            },
            settings.name,
            settings.language,
            if has_logo { "yes" } else { "no" }.to_owned(),
            local_time(updated_us),
        ]);
    }
    print(&table.render())?;
    Ok(Answer::Yes)
}

async fn set(context: &Context, arguments: SetArguments) -> Outcome {
    let store = acting(context).await?;
    let site = &arguments.site;
    let mut document = serde_json::to_value(store.portal_site(site).await?.settings)
        .map_err(|error| Failure::cannot(error.to_string()))?;
    let (pairs, odd) = arguments.pairs.as_chunks::<2>();
    if let [key] = odd {
        return Err(Failure::usage(format!("{key} has no value"))
            .fix("write each key with its value; an empty one is ''"));
    }
    for [key, text] in pairs {
        let text = match text.strip_prefix('@') {
            Some(path) => std::fs::read_to_string(path)
                .map_err(|error| Failure::file("read", path.as_ref(), &error))?,
            None => text.clone(),
        };
        place(&mut document, key, &text)?;
    }
    let settings: PortalSettings = serde_json::from_value(document).map_err(|error| {
        Failure::usage(error.to_string()).fix("see the keys with: nac portal show")
    })?;
    store.portal_site_put(site, &settings).await?;
    let sentence = match site.as_str() {
        "" => "the default settings are changed".to_owned(),
        site => format!("the settings of site {site} are changed"),
    };
    answer(context.json(), &store.portal_site(site).await?, &sentence)?;
    Ok(Answer::Yes)
}

async fn logo(context: &Context, arguments: LogoArguments) -> Outcome {
    let store = acting(context).await?;
    let logo = match &arguments.file {
        Some(path) => {
            Some(std::fs::read(path).map_err(|error| Failure::file("read", path, &error))?)
        }
        None => None,
    };
    store
        .portal_logo_put(&arguments.site, logo.as_deref())
        .await?;
    let sentence = match logo {
        Some(_) => "the logo is set",
        None => "the logo is gone",
    };
    answer(
        context.json(),
        &json!({ "site": arguments.site, "logo": logo.is_some() }),
        sentence,
    )?;
    Ok(Answer::Yes)
}

async fn remove(context: &Context, site: &str) -> Outcome {
    acting(context).await?.portal_site_remove(site).await?;
    answer(
        context.json(),
        &json!({ "removed": site }),
        "the settings are removed",
    )?;
    Ok(Answer::Yes)
}

async fn acting(context: &Context) -> Result<Store, Failure> {
    let operator = context.operator();
    Ok(context.store().await?.acting(nac_store::Actor {
        kind: nac_store::ActorKind::Cli,
        name: operator
            .strip_prefix("cli:")
            .unwrap_or(&operator)
            .to_owned(),
        source: String::new(),
    }))
}

/// Every key with its value, as `set` takes them.
fn flat(settings: &PortalSettings) -> Result<Vec<(String, String)>, Failure> {
    fn walk(prefix: &str, value: &Value, into: &mut Vec<(String, String)>) {
        match value {
            Value::Object(fields) if !fields.is_empty() => {
                for (name, value) in fields {
                    let key = if prefix.is_empty() {
                        name.clone()
                    } else {
                        format!("{prefix}.{name}")
                    };
                    walk(&key, value, into);
                }
            }
            Value::Object(_) => into.push((prefix.to_owned(), String::new())),
            Value::Array(items) => {
                let items: Vec<String> = items.iter().map(item).collect();
                into.push((prefix.to_owned(), items.join(",")));
            }
            Value::String(text) => {
                let line = text.lines().next().unwrap_or_default();
                let more = if line.len() < text.len() { " …" } else { "" };
                into.push((prefix.to_owned(), format!("{line}{more}")));
            }
            other => into.push((prefix.to_owned(), other.to_string())),
        }
    }
    fn item(value: &Value) -> String {
        match (value.as_str(), value["field"].as_str()) {
            (Some(text), _) => text.to_owned(),
            (None, Some(field)) if value["required"] == true => format!("{field}:required"),
            (None, Some(field)) => field.to_owned(),
            _ => value.to_string(),
        }
    }
    let document =
        serde_json::to_value(settings).map_err(|error| Failure::cannot(error.to_string()))?;
    let mut keys = Vec::new();
    walk("", &document, &mut keys);
    Ok(keys)
}

/// Puts a value at a key, in the form that the document has there.
fn place(document: &mut Value, key: &str, text: &str) -> Result<(), Failure> {
    let unknown = || {
        Failure::usage(format!("there is no setting {key}"))
            .fix("see the keys with: nac portal show")
    };
    if let Some(language) = key.strip_prefix("terms.text.") {
        let texts = document["terms"]["text"]
            .as_object_mut()
            .ok_or_else(unknown)?;
        match text {
            "" => drop(texts.remove(language)),
            text => drop(texts.insert(language.to_owned(), text.into())),
        }
        return Ok(());
    }
    let pointer = format!("/{}", key.replace('.', "/"));
    let place = document.pointer_mut(&pointer).ok_or_else(unknown)?;
    *place = match place {
        Value::String(_) => text.into(),
        Value::Bool(_) => match text {
            "true" | "yes" | "on" => true.into(),
            "false" | "no" | "off" => false.into(),
            _ => {
                return Err(Failure::usage(format!(
                    "{key} is true or false, not {text}"
                )));
            }
        },
        Value::Number(_) => {
            let number = text.parse::<u32>();
            number
                .map_err(|_| Failure::usage(format!("{key} is a whole number, not {text}")))?
                .into()
        }
        Value::Array(_) => {
            let items = text
                .split(',')
                .map(str::trim)
                .filter(|item| !item.is_empty());
            if key == "guest.fields" {
                items
                    .map(|item| {
                        let (field, required) = item.split_once(':').unwrap_or((item, ""));
                        json!({ "field": field, "required": required == "required" })
                    })
                    .collect()
            } else {
                items.map(Value::from).collect()
            }
        }
        Value::Object(_) | Value::Null => return Err(unknown()),
    };
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn placed(pairs: &[(&str, &str)]) -> Result<PortalSettings, Failure> {
        let mut document = serde_json::to_value(PortalSettings::default()).expect("a document");
        for (key, text) in pairs {
            place(&mut document, key, text)?;
        }
        serde_json::from_value(document).map_err(|error| Failure::usage(error.to_string()))
    }

    #[test]
    fn what_show_prints_set_takes() {
        let before = placed(&[
            ("name", "Example"),
            ("guest.fields", "name:required, company"),
            ("guest.verify_email", "no"),
            ("methods", "voucher,guest"),
            ("device_limit", "3"),
            ("brand.accent", "#7a1f5c"),
        ])
        .expect("settings");
        assert_eq!((before.device_limit, before.guest.fields.len()), (3, 2));
        let pairs = flat(&before).expect("pairs");
        let pairs: Vec<(&str, &str)> = pairs
            .iter()
            .filter(|(key, _)| key != "terms.text")
            .map(|(key, value)| (key.as_str(), value.as_str()))
            .collect();
        assert_eq!(placed(&pairs).expect("settings"), before);
    }

    #[test]
    fn a_key_or_value_that_does_not_fit_is_refused() {
        for pair in [
            ("nonsense", "x"),
            ("guest", "x"),
            ("device_limit", "many"),
            ("guest.approval", "perhaps"),
            ("methods", "magic"),
            ("brand.accent", "red"),
            ("", "x"),
        ] {
            assert!(placed(&[pair]).is_err(), "{pair:?}");
        }
    }
}
