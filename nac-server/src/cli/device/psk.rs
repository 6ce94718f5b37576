//! `nac device psk`: the Wi-Fi keys that one device has for itself.

use clap::Subcommand;
use nac_store::{DevicePsk, PskState, Store, now_us};
use serde_json::json;

use super::find;
use crate::cli::output::{Table, answer, local_time, print, print_json};
use crate::cli::{Answer, Context, Failure, Outcome};
use crate::config::parse_duration;

const CREATE_EXAMPLES: &str = "\
Examples:
  nac device psk create lobby-tv --ssid devices
  nac device psk rotate lobby-tv --ssid devices --overlap 3d
  nac device psk revoke lobby-tv

The key is shown once. The access point asks with the device's MAC address and is told the key, in the words of
its vendor profile (hostapd, Aruba, Cisco, Meraki, MikroTik, generic), if the policy lets the device in.";

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum PskCommand {
    /// Give a device a key of its own for a Wi-Fi network; it is shown once
    #[command(after_help = CREATE_EXAMPLES)]
    Create {
        /// MAC address, name or id
        device: String,
        /// The network's name
        #[arg(long)]
        ssid: String,
    },
    /// Show which keys a device has and until when they are right, never the keys
    ShowState {
        /// MAC address, name or id
        device: String,
    },
    /// Give a device a new key, shown once; the present one stays right for a while
    Rotate {
        /// MAC address, name or id
        device: String,
        /// The network's name
        #[arg(long)]
        ssid: String,
        /// For how long both keys are right, such as 12h or 7d; 0s ends the present one now
        #[arg(long, value_name = "TIME", default_value = "7d")]
        overlap: String,
    },
    /// End a device's keys now; a live session with one is ended too
    Revoke {
        /// MAC address, name or id
        device: String,
        /// Only for this network
        #[arg(long)]
        ssid: Option<String>,
    },
}

pub(super) async fn run(context: &Context, command: PskCommand) -> Outcome {
    let store = context.store().await?;
    let by = context.operator();
    match command {
        PskCommand::Create { device, ssid } => {
            let device = find(&store, &device).await?;
            let psk = store
                .device_psk_create(device.id, &ssid, DevicePsk::passphrase()?, &by)
                .await?;
            show_once(context, &device.name, &psk)
        }
        PskCommand::Rotate {
            device,
            ssid,
            overlap,
        } => {
            let overlap = parse_duration(&overlap).map_err(Failure::usage)?;
            let overlap_us = i64::try_from(overlap.as_micros())
                .map_err(|_| Failure::usage("an overlap of that length"))?;
            let device = find(&store, &device).await?;
            let psk = store
                .device_psk_rotate(device.id, &ssid, DevicePsk::passphrase()?, overlap_us, &by)
                .await?;
            show_once(context, &device.name, &psk)
        }
        PskCommand::ShowState { device } => show_state(context, &store, &device).await,
        PskCommand::Revoke { device, ssid } => {
            let device = find(&store, &device).await?;
            let revoked = store
                .device_psk_revoke(device.id, ssid.as_deref(), &by)
                .await?;
            let record = json!({ "device": device.name, "id": device.id, "revoked": revoked });
            let sentence = format!("{} has no valid key any more", device.name);
            answer(context.json(), &record, &sentence)?;
            Ok(Answer::Yes)
        }
    }
}

fn show_once(context: &Context, device: &str, psk: &DevicePsk) -> Outcome {
    let passphrase = psk.passphrase.as_ref().map(|secret| secret.expose());
    let passphrase = String::from_utf8_lossy(passphrase.unwrap_or_default());
    let wifi = psk.wifi();
    let wifi = wifi.as_deref().map_or("", |text| text.as_str());
    if context.json() {
        print_json(&json!({
            "device": device, "id": psk.device_id, "ssid": psk.ssid, "passphrase": passphrase, "wifi": wifi,
        }))?;
    } else {
        print(&format!(
            "{device} joins {} with this key, which is shown only now:\n\n  {passphrase}\n\nfor a QR code: {wifi}\n",
            psk.ssid
        ))?;
    }
    Ok(Answer::Yes)
}

async fn show_state(context: &Context, store: &Store, device: &str) -> Outcome {
    let device = find(store, device).await?;
    let psks = store.device_psk_list(device.id).await?;
    let now = now_us();
    if context.json() {
        let records: Vec<_> = psks
            .iter()
            .map(|psk| {
                let mut record = json!(psk);
                if let Some(fields) = record.as_object_mut() {
                    fields.insert("state".to_owned(), json!(psk.state(now)));
                }
                record
            })
            .collect();
        print_json(&records)?;
    } else {
        let when_empty = format!(
            "{} has no key of its own; give it one with: nac device psk create {} --ssid SSID",
            device.name, device.id
        );
        let mut table = Table::new(&["SSID", "STATE", "CREATED", "BY", "ENDS"], when_empty);
        for psk in &psks {
            table.row([
                psk.ssid.clone(),
                psk.state(now).to_string(),
                local_time(psk.created_us),
                psk.created_by.clone(),
                psk.ends_us.map_or_else(String::new, local_time),
            ]);
        }
        print(&table.render())?;
    }
    let valid = psks
        .iter()
        .any(|psk| matches!(psk.state(now), PskState::Current | PskState::Overlap));
    Ok(if valid { Answer::Yes } else { Answer::No })
}
