//! A guest whom an operator lets in, or announces.

use nac_store::{Guest, NewGuest, NewVoucherBatch, Store};

use crate::web::Failure;

/// Lets a guest's device in at once; without one, makes the code that lets them in when they come. The code is given once.
///
/// # Errors
///
/// [`Failure::Invalid`] for fields that cannot be used, [`Failure::Conflict`] when the device may not be let in.
pub async fn announce(store: &Store, new: NewGuest) -> Result<(Guest, Option<String>), Failure> {
    let announced = new.mac.is_none();
    let (expires_us, created_by) = (new.link_expires_us, new.created_by.clone());
    let guest = store
        .guest_register(new)
        .await?
        .map_err(|refusal| Failure::Conflict(refusal.to_string()))?;
    if !announced {
        return Ok((guest, None));
    }
    let (_, vouchers) = store
        .voucher_batch_add(NewVoucherBatch {
            note: guest.name.clone(),
            site: guest.site.clone(),
            duration_s: guest.duration_s,
            devices: guest.devices_max,
            expires_us,
            created_by,
            guest_id: Some(guest.id),
            ..NewVoucherBatch::default()
        })
        .await?;
    let code = vouchers.first().map(|voucher| voucher.code.shown());
    Ok((guest, code))
}
