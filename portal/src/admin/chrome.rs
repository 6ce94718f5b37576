//! What surrounds every admin page: navigation, search, who is signed in, what was just done.

use askama::Template;
use axum::response::{Html, IntoResponse, Response};
use nac_store::{BreakGlass, now_us};

use super::done::Flash;
use super::guard::{Account, Problem};
use super::{AdminState, Moment};
use crate::access::Permission;

/// Where a page is in the navigation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// The first page.
    Overview,
    /// Live sessions.
    Sessions,
    /// The authentication log.
    Log,
    /// Devices.
    Devices,
    /// The queue of quarantined devices.
    Quarantine,
    /// Users.
    Users,
    /// Guests.
    Guests,
    /// Vouchers.
    Vouchers,
    /// Exceptions.
    Exceptions,
    /// The policy.
    Policy,
    /// Segments.
    Segments,
    /// Which methods are offered.
    Offers,
    /// Posture.
    Posture,
    /// RADIUS clients.
    Clients,
    /// Certificates.
    Certificates,
    /// What the portal shows.
    Settings,
    /// Who changed what.
    Audit,
    /// API tokens.
    Tokens,
    /// One's own account.
    Account,
    /// Administrators.
    Administrators,
    /// Nowhere: a message.
    None,
}

/// One entry of the navigation: place, label, path, the key that goes there after `g`, what it needs.
struct Entry(Place, &'static str, &'static str, &'static str, Permission);

/// The navigation in its groups.
const NAVIGATION: &[(&str, &[Entry])] = &[
    (
        "Now",
        &[
            Entry(Place::Overview, "Overview", "/", "o", Permission::Read),
            Entry(
                Place::Sessions,
                "Sessions",
                "/sessions",
                "s",
                Permission::Read,
            ),
            Entry(Place::Log, "Log", "/log", "l", Permission::Read),
            Entry(
                Place::Quarantine,
                "Quarantine",
                "/quarantine",
                "q",
                Permission::Read,
            ),
        ],
    ),
    (
        "Who",
        &[
            Entry(Place::Devices, "Devices", "/devices", "d", Permission::Read),
            Entry(Place::Users, "Users", "/users", "u", Permission::Read),
            Entry(
                Place::Guests,
                "Guests",
                "/guests",
                "g",
                Permission::GuestRead,
            ),
            Entry(
                Place::Vouchers,
                "Vouchers",
                "/vouchers",
                "v",
                Permission::GuestRead,
            ),
            Entry(
                Place::Exceptions,
                "Exceptions",
                "/exceptions",
                "x",
                Permission::Read,
            ),
        ],
    ),
    (
        "Rules",
        &[
            Entry(Place::Policy, "Policy", "/policy", "p", Permission::Read),
            Entry(
                Place::Segments,
                "Segments",
                "/segments",
                "",
                Permission::Read,
            ),
            Entry(Place::Offers, "Offers", "/offers", "", Permission::Read),
            Entry(Place::Posture, "Posture", "/posture", "h", Permission::Read),
        ],
    ),
    (
        "Network",
        &[Entry(
            Place::Clients,
            "Clients",
            "/clients",
            "n",
            Permission::Read,
        )],
    ),
    (
        "System",
        &[
            Entry(
                Place::Certificates,
                "Certificates",
                "/certificates",
                "c",
                Permission::Read,
            ),
            Entry(
                Place::Audit,
                "Audit log",
                "/audit",
                "a",
                Permission::AuditRead,
            ),
            Entry(
                Place::Tokens,
                "API tokens",
                "/tokens",
                "t",
                Permission::TokenChange,
            ),
            Entry(
                Place::Administrators,
                "Administrators",
                "/administrators",
                "",
                Permission::AdministratorChange,
            ),
            Entry(Place::Settings, "Portal", "/settings", "", Permission::Read),
        ],
    ),
];

/// What every page needs for its surroundings.
#[derive(Clone, Debug)]
pub(crate) struct Chrome {
    pub(crate) title: String,
    pub(crate) name: String,
    pub(crate) role: &'static str,
    pub(crate) groups: Vec<Group>,
    pub(crate) flash: Option<Flash>,
    pub(crate) now: Moment,
    pub(crate) may_read: bool,
    /// Break-glass while it is on, and until when: nobody may overlook it.
    pub(crate) break_glass: Option<(BreakGlass, Moment)>,
}

/// A group of the navigation.
#[derive(Clone, Debug)]
pub(crate) struct Group {
    pub(crate) title: &'static str,
    pub(crate) links: Vec<Link>,
}

/// A link of the navigation.
#[derive(Clone, Debug)]
pub(crate) struct Link {
    pub(crate) label: &'static str,
    pub(crate) path: &'static str,
    pub(crate) key: &'static str,
    pub(crate) current: bool,
    /// A number to the right; 0 is not shown.
    pub(crate) count: i64,
}

impl Chrome {
    /// The surroundings of a page for this person.
    pub(crate) async fn new(
        state: &AdminState,
        account: &Account,
        title: impl Into<String>,
        place: Place,
    ) -> Self {
        Self {
            flash: account.flash.clone(),
            ..Self::without_flash(state, account, title, place).await
        }
    }

    /// The same, for a message that has its own sentence.
    pub(super) async fn without_flash(
        state: &AdminState,
        account: &Account,
        title: impl Into<String>,
        place: Place,
    ) -> Self {
        // A missing number is no reason to show no page.
        let (quarantined, break_glass) = if account.may(Permission::Read) {
            (
                state.store.quarantine_count().await.unwrap_or_default(),
                state.store.break_glass_current().await.unwrap_or_default(),
            )
        } else {
            (0, None)
        };
        let groups = NAVIGATION
            .iter()
            .map(|(title, entries)| Group {
                title,
                links: entries
                    .iter()
                    .filter(|entry| account.may(entry.4))
                    .map(|entry| Link {
                        label: entry.1,
                        path: entry.2,
                        key: entry.3,
                        current: entry.0 == place,
                        count: if entry.0 == Place::Quarantine {
                            quarantined
                        } else {
                            0
                        },
                    })
                    .collect(),
            })
            .filter(|group: &Group| !group.links.is_empty())
            .collect();
        Self {
            title: title.into(),
            name: account.administrator.name.clone(),
            role: account.administrator.role.as_str(),
            groups,
            flash: None,
            now: Moment(now_us()),
            may_read: account.may(Permission::Read),
            break_glass: break_glass.map(|current| {
                let until = Moment(current.expires_us);
                (current, until)
            }),
        }
    }
}

/// A sentence instead of a page.
#[derive(Template)]
#[template(path = "admin/problem.html")]
pub(super) struct ProblemPage {
    pub(super) chrome: Chrome,
    pub(super) sentence: String,
}

/// A page as a response.
pub(crate) fn render(page: &impl Template) -> Result<Response, Problem> {
    Ok(Html(page.render()?).into_response())
}
