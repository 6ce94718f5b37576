//! The print sheet: a page of slips to cut out, each with the code in letters and as a QR code that leads to the portal.

use askama::Template;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use nac_store::{Voucher, VoucherBatch, VoucherState};
use qrcode::QrCode;
use qrcode::render::svg;

use crate::web::asset;

const STYLE: &str = include_str!("../../assets/sheet.css");

/// What the slips are printed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Paper {
    /// A4, three columns of eight.
    A4,
    /// US Letter, three columns of eight.
    Letter,
    /// An 80 mm roll, one below the other.
    Receipt,
}

/// How a sheet looks.
#[derive(Clone, Copy, Debug)]
pub struct SheetSettings<'a> {
    /// The portal's address, without a slash at its end.
    pub portal_url: &'a str,
    /// The name of the Wi-Fi network; empty where there is none to name.
    pub ssid: &'a str,
    /// What it is printed on.
    pub paper: Paper,
    /// Whether the file carries its style with it, for one that is opened from disk.
    pub alone: bool,
}

/// A sheet that cannot be made.
#[derive(Debug, thiserror::Error)]
#[error("the sheet cannot be made: {0}")]
pub struct SheetError(String);

struct Slip {
    code: String,
    qr: String,
}

#[derive(Template)]
#[template(path = "voucher/sheet.html")]
struct Page<'a> {
    batch: &'a VoucherBatch,
    settings: SheetSettings<'a>,
    paper: &'static str,
    duration: String,
    expires: String,
    style_url: String,
    slips: Vec<Slip>,
}

/// The codes of a batch that somebody can still use, as an HTML page to print.
///
/// # Errors
///
/// [`SheetError`] when the portal's address is too long for a QR code.
pub fn sheet(
    batch: &VoucherBatch,
    vouchers: &[Voucher],
    settings: SheetSettings<'_>,
) -> Result<String, SheetError> {
    let usable = vouchers
        .iter()
        .filter(|voucher| matches!(voucher.state, VoucherState::Unused | VoucherState::Active));
    let slips = usable
        .map(|voucher| {
            let link = format!("{}/v/{}", settings.portal_url, voucher.code.plain());
            Ok(Slip {
                code: voucher.code.shown(),
                qr: qr(&link)?,
            })
        })
        .collect::<Result<_, SheetError>>()?;
    let page = Page {
        batch,
        settings,
        paper: match settings.paper {
            Paper::A4 => "a4",
            Paper::Letter => "letter",
            Paper::Receipt => "receipt",
        },
        duration: duration(batch.duration_s),
        expires: batch
            .expires_us
            .and_then(|at_us| jiff::Timestamp::from_microsecond(at_us).ok())
            .map_or_else(String::new, |at| {
                at.strftime("%Y-%m-%d %H:%M UTC").to_string()
            }),
        style_url: if settings.alone {
            format!("data:text/css;base64,{}", STANDARD.encode(STYLE))
        } else {
            asset::url("sheet.css").to_owned()
        },
        slips,
    };
    page.render().map_err(|error| SheetError(error.to_string()))
}

/// A QR code as the address of an image.
fn qr(text: &str) -> Result<String, SheetError> {
    let code = QrCode::new(text).map_err(|error| SheetError(error.to_string()))?;
    let image = code
        .render::<svg::Color<'_>>()
        .min_dimensions(120, 120)
        .build();
    Ok(format!(
        "data:image/svg+xml;base64,{}",
        STANDARD.encode(image)
    ))
}

/// In the largest unit that it is whole in.
fn duration(seconds: u32) -> String {
    let units = [(86_400, "day"), (3_600, "hour"), (60, "minute")];
    let whole = units.iter().find(|(unit, _)| seconds.is_multiple_of(*unit));
    let (number, unit) = whole.map_or((seconds, "second"), |(unit, name)| (seconds / unit, *name));
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {unit}{plural}")
}

#[cfg(test)]
mod tests {
    use nac_store::{StartRule, VoucherCode};
    use uuid::Uuid;

    use super::*;

    fn batch() -> VoucherBatch {
        VoucherBatch {
            id: Uuid::from_u128(1),
            note: "<b>=cmd|' /C calc'!A0".to_owned(),
            site: String::new(),
            size: 2,
            duration_s: 86_400,
            start_rule: StartRule::FirstUse,
            starts_us: None,
            devices: 2,
            expires_us: Some(1_790_000_000_000_000),
            created_us: 0,
            created_by: "operator".to_owned(),
            revoked_us: None,
            revoked_by: None,
            unused: 1,
            active: 0,
        }
    }

    fn voucher(code: &str, state: VoucherState) -> Voucher {
        Voucher {
            id: Uuid::from_u128(2),
            batch_id: Uuid::from_u128(1),
            code: VoucherCode::parse(code).unwrap(),
            state,
            guest_id: None,
            first_used_us: None,
            ends_us: None,
            revoked_us: None,
            revoked_by: None,
        }
    }

    #[test]
    fn a_sheet_has_a_slip_for_each_code_that_counts() {
        let vouchers = [
            voucher("ABCDE-FGHJK", VoucherState::Unused),
            voucher("ABCDE-FGHJM", VoucherState::Revoked),
        ];
        let settings = SheetSettings {
            portal_url: "https://portal.example.org",
            ssid: "Guests",
            paper: Paper::A4,
            alone: false,
        };
        let page = sheet(&batch(), &vouchers, settings).unwrap();
        assert!(page.contains("ABCDE-FGHJK") && !page.contains("ABCDE-FGHJM"));
        assert!(page.contains("data:image/svg+xml;base64,"));
        assert!(page.contains("1 day") && page.contains("2 devices") && page.contains("Guests"));
        assert!(page.contains("/sheet.css\"") && !page.contains("<b>="));
        let alone = SheetSettings {
            alone: true,
            ..settings
        };
        let page = sheet(&batch(), &vouchers, alone).unwrap();
        assert!(page.contains("data:text/css;base64,"));
    }

    #[test]
    fn a_table_program_finds_no_formula_in_the_export() {
        let vouchers = [voucher("ABCDE-FGHJK", VoucherState::Unused)];
        let text = super::super::csv(&batch(), &vouchers);
        assert!(text.starts_with("code,state,"), "{text}");
        let mut batch = batch();
        batch.note = "=1+1".to_owned();
        let text = super::super::csv(&batch, &vouchers);
        assert!(text.contains(",'=1+1\r\n"), "{text}");
    }
}
