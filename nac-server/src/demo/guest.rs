//! A guest's phone, which an operator lets in while it is at the port, and a voucher for whoever comes next.

use std::net::SocketAddr;
use std::time::Duration;

use nac_radius::{MacAddr, MacFormat, Secret};
use nac_store::{
    AskedField, GuestField, GuestMethod, NewGuest, NewVoucherBatch, PortalMethod, PortalSettings,
    Store,
};

use super::furnish::Cast;
use super::nas::{Received, Switch};
use super::report::Told;
use crate::probe::{Credentials, Outcome, RadiusClient, Station, authenticate};
use crate::server::Server;

const MAC: MacAddr = MacAddr::new([0x02, 0x00, 0x5e, 0x00, 0x00, 0x0e]);
/// A busy machine may need some seconds until the CoA is there.
const PATIENCE: Duration = Duration::from_secs(10);

/// Opens the portal to guests: no mail can be sent here, so nobody has to confirm an address.
pub(super) async fn furnish(store: &Store) -> Result<(), String> {
    let mut settings = PortalSettings {
        name: "Demo network".to_owned(),
        methods: vec![
            PortalMethod::Guest,
            PortalMethod::Voucher,
            PortalMethod::Devices,
            PortalMethod::Remedy,
        ],
        ..PortalSettings::default()
    };
    settings.guest.verify_email = false;
    settings.guest.fields = vec![
        AskedField {
            field: GuestField::Name,
            required: true,
        },
        AskedField {
            field: GuestField::Company,
            required: false,
        },
    ];
    store.portal_site_put("", &settings).await.map_err(text)
}

/// The phone comes, is let in, and is moved.
pub(super) async fn comes(
    switch: &mut Switch,
    server: &Server,
    cast: &Cast,
) -> Result<Told, String> {
    let auth = server.addresses.auth;
    expect_vlan(&connects(auth, &cast.secret).await?, "90")?;
    let new = NewGuest {
        method: GuestMethod::Operator,
        name: "Ada Lovelace".to_owned(),
        company: "Analytical Engines".to_owned(),
        site: "demo".to_owned(),
        mac: Some(MAC.to_string()),
        created_by: "nac demo".to_owned(),
        ..NewGuest::default()
    };
    server
        .store()
        .guest_register(new)
        .await
        .map_err(text)?
        .map_err(text)?;
    let coa = switch.next(PATIENCE).await;
    if !coa.is_some_and(|coa| is_meant(&coa)) {
        return Err("a guest was let in, but no CoA came for the phone".to_owned());
    }
    expect_vlan(&connects(auth, &cast.secret).await?, "80")?;
    Ok(Told::new(
        "a guest's phone: registration, VLAN 90; somebody lets it in; CoA; guest, VLAN 80",
    )
    .with("vlan", "80"))
}

/// A code that nobody has used.
pub(super) async fn voucher(store: &Store) -> Result<Told, String> {
    let (_, vouchers) = store
        .voucher_batch_add(NewVoucherBatch {
            note: "nac demo".to_owned(),
            created_by: "nac demo".to_owned(),
            ..NewVoucherBatch::default()
        })
        .await
        .map_err(text)?;
    let code = vouchers
        .first()
        .map(|voucher| voucher.code.shown())
        .unwrap_or_default();
    Ok(Told::new(format!("a voucher for the next guest: {code}")).with("code", code))
}

/// The phone asks, as its switch makes it.
pub(super) async fn connects(auth: SocketAddr, secret: &Secret) -> Result<Outcome, String> {
    let mut client = RadiusClient::connect(auth, secret.clone())
        .await
        .map_err(text)?;
    let mut station = Station::wired(MAC);
    station.nas_port_id = Some("GigabitEthernet1/0/9".to_owned());
    station.acct_session_id = Some("00000009".to_owned());
    let login = Credentials::Mab {
        format: MacFormat::Plain,
    };
    authenticate(&mut client, &station, &login)
        .await
        .map_err(text)
}

/// Whether a request is about this phone.
pub(super) fn is_meant(request: &Received) -> bool {
    request.attributes.iter().any(|(name, value)| {
        name == "Calling-Station-Id" && value.parse::<MacAddr>().is_ok_and(|mac| mac == MAC)
    })
}

fn expect_vlan(outcome: &Outcome, expected: &str) -> Result<(), String> {
    match outcome.vlan() {
        Some(vlan) if vlan == expected => Ok(()),
        found => Err(format!("VLAN {found:?} instead of {expected}")),
    }
}

fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}
