//! `nac voucher import`: codes from elsewhere, all lines checked before the first is stored.

use std::collections::HashSet;
use std::path::Path;

use nac_store::{NewVoucherBatch, VoucherCode};

use crate::cli::csv;
use crate::cli::{Context, Failure, Outcome};

/// What an export has; only the code counts.
const COLUMNS: [&str; 9] = [
    "code",
    "state",
    "duration_s",
    "devices",
    "first_used",
    "ends",
    "expires",
    "site",
    "note",
];
const REQUIRED: usize = 1;

pub(super) async fn run(
    context: &Context,
    file: &Path,
    skip_bad: bool,
    mut new: NewVoucherBatch,
) -> Outcome {
    let mut seen = HashSet::new();
    let parsed = csv::read(file, &COLUMNS, REQUIRED, |row| {
        let code = VoucherCode::parse(row.cell("code"))
            .ok_or("a code has ten letters and digits, without I, L, O and U")?;
        if seen.insert(code.plain().to_owned()) {
            Ok(code)
        } else {
            Err("this code comes a second time".to_owned())
        }
    })?;
    let parsed = parsed.accept(file, skip_bad)?;
    new.codes = parsed.rows.into_iter().map(|(_, code)| code).collect();
    if new.codes.is_empty() {
        return Err(Failure::no(format!("{} holds no codes", file.display())));
    }
    super::create(context, new).await
}
