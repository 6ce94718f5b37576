//! Vouchers on paper and in tables: the print sheet with QR codes, and CSV. For the admin pages, the API and the command line.

mod sheet;

pub use sheet::{Paper, SheetError, SheetSettings, sheet};

use nac_store::{Voucher, VoucherBatch};

use crate::web::spreadsheet;

/// A batch as CSV with a header, codes included; times as RFC 3339 in UTC.
pub fn csv(batch: &VoucherBatch, vouchers: &[Voucher]) -> String {
    let mut lines = spreadsheet::line([
        "code",
        "state",
        "duration_s",
        "devices",
        "first_used",
        "ends",
        "expires",
        "site",
        "note",
    ]);
    for voucher in vouchers {
        lines.push_str(&spreadsheet::line([
            voucher.code.shown().as_str(),
            voucher.state.as_str(),
            &batch.duration_s.to_string(),
            &batch.devices.to_string(),
            &moment(voucher.first_used_us),
            &moment(voucher.ends_us),
            &moment(batch.expires_us),
            &batch.site,
            &batch.note,
        ]));
    }
    lines
}

fn moment(at_us: Option<i64>) -> String {
    at_us
        .and_then(|at_us| jiff::Timestamp::from_second(at_us / 1_000_000).ok())
        .map_or_else(String::new, |at| at.to_string())
}
