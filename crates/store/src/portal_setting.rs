//! What the portal shows and asks: one document for each site of the RADIUS clients, and the default one (the empty name)
//! for every site that has none of its own.

mod check;
mod colour;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{
    EventKind, Store, StoreError, now_us,
    sql::{json, plain, sql, words},
};

pub use check::{LANGUAGES, LOGO_MAX, SettingFault, logo_type};
pub use colour::{Colour, ColourForm, DARK_PAPER, LEAST_CONTRAST, LIGHT_PAPER};

words! {
    /// A way to get on that the landing page offers.
    pub enum PortalMethod {
        /// The form in which a guest registers.
        Guest = "guest",
        /// A voucher's code.
        Voucher = "voucher",
        /// Accepting the terms, and nothing else.
        Terms = "terms",
        /// Employees' own devices.
        Devices = "devices",
        /// Why a device is limited, and how to put it right.
        Remedy = "remedy",
    }
}

words! {
    /// What a guest may be asked.
    pub enum GuestField {
        /// The guest's name.
        Name = "name",
        /// An e-mail address.
        Email = "email",
        /// A telephone number.
        Phone = "phone",
        /// Where the guest works.
        Company = "company",
        /// The e-mail address of whom the guest visits, who then approves.
        Sponsor = "sponsor",
        /// Why the guest is here.
        Reason = "reason",
    }
}

/// Everything about the portal that an administrator may change, for one site.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct PortalSettings {
    /// The name of the network or of the site; the portal's own words when it is empty.
    pub name: String,
    /// The language of those who ask for none of ours, such as `en`.
    pub language: String,
    /// The time zone of the site, such as `Europe/Berlin`; the server's when it is empty.
    pub time_zone: String,
    /// Who helps.
    pub help: HelpContact,
    /// A page about the place, which devices offer to people who are on (RFC 8908); empty when there is none.
    pub venue_url: String,
    /// How it looks.
    pub brand: Brand,
    /// The ways to get on, in the order of their buttons.
    pub methods: Vec<PortalMethod>,
    /// What applies to guests.
    pub guest: GuestSettings,
    /// What has to be accepted.
    pub terms: Terms,
    /// How many devices an employee may register.
    pub device_limit: u32,
    /// The longest exception that a person may ask for on the page that explains what is wrong, in days; 0 hides the form.
    pub exception_days: u32,
    /// What applies to employees' devices.
    pub devices: DeviceRegistration,
    /// How long personal data is kept. Only the default site's counts: history is not kept by site.
    pub retention: Retention,
}

/// Who helps people who are stuck. Empty parts are not shown.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct HelpContact {
    /// Such as `Service desk, room 12`.
    pub name: String,
    /// A telephone number.
    pub phone: String,
    /// An e-mail address.
    pub email: String,
}

/// How a site looks: see [`Colour`] for what is refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Brand {
    /// The colour of links and buttons on light paper.
    pub accent: Colour,
    /// The colour of links and buttons on dark paper.
    pub accent_dark: Colour,
}

/// What applies to guests.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct GuestSettings {
    /// What the form asks, in this order.
    pub fields: Vec<AskedField>,
    /// Whether an e-mail address has to be confirmed; the guest is let in for [`Self::activation_minutes`] to do so.
    pub verify_email: bool,
    /// Whether a sponsor has to approve.
    pub approval: bool,
    /// The domains that a sponsor's address may have. Empty: none, so that nobody can ask a stranger.
    pub sponsor_domains: Vec<String>,
    /// The groups of which a sponsor has to be a member of one. Empty: every employee may approve.
    pub sponsor_groups: Vec<String>,
    /// How long a guest stays on, in hours.
    pub hours: u32,
    /// How long a guest is let in to read mail, in minutes.
    pub activation_minutes: u32,
    /// How many devices a guest may use.
    pub devices: u32,
}

/// What applies to the devices that employees register.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct DeviceRegistration {
    /// The longest time for which one is registered, in days. It can be renewed.
    pub days: u32,
    /// The Wi-Fi networks for which a device may have a key of its own.
    pub networks: Vec<String>,
    /// Whoever is in one of these groups registers devices of a whole department: up to 1,000.
    pub delegates: Vec<String>,
}

/// One field of the guest form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AskedField {
    /// Which.
    pub field: GuestField,
    /// Whether it may not stay empty.
    #[serde(default)]
    pub required: bool,
}

/// The terms of use.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Terms {
    /// The version that an acceptance records. Another version asks everybody again.
    pub version: String,
    /// The whole text by language, such as `en`. No text, no terms.
    pub text: BTreeMap<String, String>,
}

/// How long each kind of personal data is kept, in days.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Retention {
    /// Decisions: who asked to get on, and the answer.
    pub decisions_days: u32,
    /// Accounting: when somebody was on, and how much they transferred.
    pub accounting_days: u32,
    /// Where somebody was on: ended sessions, and what was done about them.
    pub sessions_days: u32,
    /// Guests and what they told us, after their access ended.
    pub guests_days: u32,
    /// Which version of the terms somebody accepted, after their access ended.
    pub acceptances_days: u32,
}

impl Default for PortalSettings {
    fn default() -> Self {
        Self {
            name: String::new(),
            language: "en".to_owned(),
            time_zone: String::new(),
            help: HelpContact::default(),
            venue_url: String::new(),
            brand: Brand::default(),
            methods: vec![PortalMethod::Devices, PortalMethod::Remedy],
            guest: GuestSettings::default(),
            terms: Terms::default(),
            device_limit: 5,
            exception_days: 7,
            devices: DeviceRegistration::default(),
            retention: Retention::default(),
        }
    }
}

impl Default for DeviceRegistration {
    fn default() -> Self {
        Self {
            days: 365,
            networks: Vec::new(),
            delegates: Vec::new(),
        }
    }
}

impl Default for Brand {
    fn default() -> Self {
        Self {
            accent: Colour::new(0x0b, 0x5c, 0xad),
            accent_dark: Colour::new(0x7c, 0xb8, 0xf2),
        }
    }
}

impl Default for GuestSettings {
    fn default() -> Self {
        Self {
            fields: vec![
                AskedField {
                    field: GuestField::Name,
                    required: true,
                },
                AskedField {
                    field: GuestField::Email,
                    required: true,
                },
            ],
            verify_email: true,
            approval: false,
            sponsor_domains: Vec::new(),
            sponsor_groups: Vec::new(),
            hours: 8,
            activation_minutes: 15,
            devices: 2,
        }
    }
}

impl Default for Retention {
    fn default() -> Self {
        Self {
            decisions_days: 90,
            accounting_days: 180,
            sessions_days: 90,
            guests_days: 30,
            acceptances_days: 365,
        }
    }
}

impl Terms {
    /// The text in this language, or in the first there is.
    pub fn text_in(&self, language: &str) -> Option<&str> {
        self.text
            .get(language)
            .or_else(|| self.text.values().next())
            .map(String::as_str)
    }
}

/// A site's document as it is stored, with the name it was found under.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct PortalSite {
    /// The site that the document belongs to: the one asked for, or the empty name where the default one stands in.
    pub site: String,
    /// The document.
    pub settings: PortalSettings,
    /// When it was changed, in microseconds since the Unix epoch; 0 for one that nobody has written.
    pub updated_us: i64,
    /// Whether there is a logo.
    pub has_logo: bool,
}

#[derive(sqlx::FromRow)]
struct Row {
    site: String,
    document: String,
    has_logo: bool,
    updated_us: i64,
}

impl TryFrom<Row> for PortalSite {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        let settings =
            serde_json::from_str(&row.document).map_err(|error| StoreError::Corrupt {
                what: "portal settings",
                why: error.to_string(),
            })?;
        Ok(Self {
            site: row.site,
            settings,
            updated_us: row.updated_us,
            has_logo: row.has_logo,
        })
    }
}

impl Store {
    /// What holds at a site: its own document, else the default one, else what the program brings.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the database fails.
    pub async fn portal_site(&self, site: &str) -> Result<PortalSite, StoreError> {
        let row: Option<Row> = sql!(
            self.read(),
            fetch_optional as Row,
            "SELECT site, document, logo IS NOT NULL AS has_logo, updated_us FROM portal_setting \
             WHERE site = $1 OR site = '' ORDER BY site DESC LIMIT 1",
            plain(site)
        )?;
        row.map_or_else(
            || {
                Ok(PortalSite {
                    site: String::new(),
                    settings: PortalSettings::default(),
                    updated_us: 0,
                    has_logo: false,
                })
            },
            TryInto::try_into,
        )
    }

    /// What holds where a client stands.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the database fails.
    pub async fn portal_site_of_client(&self, client: &str) -> Result<PortalSite, StoreError> {
        let site: Option<(String,)> = sql!(
            self.read(),
            fetch_optional as (String,),
            "SELECT site FROM client WHERE name = $1",
            client
        )?;
        self.portal_site(&site.unwrap_or_default().0).await
    }

    /// Every document there is, by site.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the database fails.
    pub async fn portal_site_list(&self) -> Result<Vec<PortalSite>, StoreError> {
        let rows: Vec<Row> = sql!(
            self.read(),
            fetch_all as Row,
            "SELECT site, document, logo IS NOT NULL AS has_logo, updated_us FROM portal_setting ORDER BY site"
        )?;
        rows.into_iter().map(TryInto::try_into).collect()
    }

    /// Sets a site's document; the empty name sets the default one.
    ///
    /// # Errors
    ///
    /// [`StoreError::Invalid`] with every fault of the document.
    pub async fn portal_site_put(
        &self,
        site: &str,
        settings: &PortalSettings,
    ) -> Result<(), StoreError> {
        let faults = settings.faults();
        if !faults.is_empty() {
            let faults: Vec<String> = faults.iter().map(ToString::to_string).collect();
            return Err(StoreError::Invalid {
                what: faults.join("; "),
            });
        }
        check::site_name(site)?;
        let before = self.portal_site(site).await?;
        let mut tx = self.write().await?;
        sql!(
            tx.on(),
            execute,
            "INSERT INTO portal_setting (site, document, updated_us) VALUES ($1, $2, $3) \
             ON CONFLICT (site) DO UPDATE SET document = excluded.document, updated_us = excluded.updated_us",
            site,
            plain(&json(settings)?),
            now_us()
        )?;
        let before = (before.site == site && before.updated_us != 0).then_some(before.settings);
        tx.audit(
            "portal.set",
            format!("portal:{site}"),
            before.as_ref(),
            Some(settings),
        )?;
        tx.changed(EventKind::Portal, site);
        tx.commit().await
    }

    /// Sets or removes the logo of a site that has a document of its own: a PNG, JPEG or WebP file of at most [`LOGO_MAX`] octets.
    ///
    /// # Errors
    ///
    /// [`StoreError::Invalid`] for anything else, [`StoreError::NotFound`] for a site without a document.
    pub async fn portal_logo_put(&self, site: &str, logo: Option<&[u8]>) -> Result<(), StoreError> {
        if let Some(logo) = logo {
            check::logo(logo)?;
        }
        let mut tx = self.write().await?;
        let touched = sql!(
            tx.on(),
            execute,
            "UPDATE portal_setting SET logo = $2, updated_us = $3 WHERE site = $1",
            site,
            logo,
            now_us()
        )?;
        if touched == 0 {
            return Err(StoreError::not_found(
                "portal setting of site",
                format!("\"{site}\""),
            ));
        }
        let after = logo.map(|logo| serde_json::json!({ "octets": logo.len() }));
        tx.audit::<serde_json::Value, _>(
            "portal.set-logo",
            format!("portal:{site}"),
            None,
            after.as_ref(),
        )?;
        tx.changed(EventKind::Portal, site);
        tx.commit().await
    }

    /// A site's logo, as it was given.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the database fails.
    pub async fn portal_logo(&self, site: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let row: Option<(Option<Vec<u8>>,)> = sql!(
            self.read(),
            fetch_optional as (Option<Vec<u8>>,),
            "SELECT logo FROM portal_setting WHERE site = $1",
            site
        )?;
        Ok(row.and_then(|(logo,)| logo))
    }

    /// Removes a site's document and logo, so that the default holds there; the empty name brings the program's own back.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotFound`] when there is none.
    pub async fn portal_site_remove(&self, site: &str) -> Result<(), StoreError> {
        let before = self.portal_site(site).await?;
        let mut tx = self.write().await?;
        let touched = sql!(
            tx.on(),
            execute,
            "DELETE FROM portal_setting WHERE site = $1",
            site
        )?;
        if touched == 0 {
            return Err(StoreError::not_found(
                "portal setting of site",
                format!("\"{site}\""),
            ));
        }
        tx.audit::<_, PortalSettings>(
            "portal.remove",
            format!("portal:{site}"),
            Some(&before.settings),
            None,
        )?;
        tx.changed(EventKind::Portal, site);
        tx.commit().await
    }
}
