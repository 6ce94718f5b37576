//! Everything that a policy may look at for one request.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Everything that a policy may look at for one request.
///
/// An empty string means that the fact is not known. Fields that are missing in serialised facts
/// take their default, so that facts recorded by an older release can still be read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Facts {
    /// Who was authenticated.
    pub identity: IdentityFacts,
    /// How: `PAP`, `CHAP`, `MS-CHAPv2`, `MAB`, `EAP-TLS`, or a tunnel and what ran inside: `PEAP-MSCHAPv2`,
    /// `TTLS-PAP`, `TTLS-EAP-TLS` ….
    pub method: String,
    /// What was proven in this login: `user`, `machine`, `both` or `none`.
    pub chaining: String,
    /// The machine's name, when it was proven besides a user.
    pub machine: String,
    /// Whether a second factor was checked besides the password: a code of an authenticator app.
    pub second_factor: bool,
    /// The realm or Windows domain that the authenticated name carries, in lower case (RFC 7542).
    pub realm: String,
    /// The same of the name outside the tunnel, which proves nothing.
    pub outer_realm: String,
    /// Whether the two do not go together, see [`Self::realm`] and [`Self::outer_realm`]: realms that are ours do, and with a name
    /// without a realm.
    pub realm_mismatch: bool,
    /// The device that they use.
    pub device: DeviceFacts,
    /// What is known of that device's health.
    pub posture: PostureFacts,
    /// Where they ask to connect.
    pub nas: NasFacts,
    /// When.
    pub time: TimeFacts,
}

impl Facts {
    /// Whether the method is an EAP method, that is, the supplicant proved who it is over 802.1X.
    #[must_use]
    pub fn eap(&self) -> bool {
        ["EAP-", "PEAP", "TTLS", "TEAP"]
            .iter()
            .any(|prefix| self.method.starts_with(prefix))
    }
}

/// Who was authenticated, and by whose word.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct IdentityFacts {
    /// What kind of identity this is.
    pub kind: IdentityKind,
    /// The user's name, the device's id, or the MAC.
    pub name: String,
    /// The groups that the identity belongs to, sorted.
    pub groups: Vec<String>,
    /// Where it comes from: `local`, `certificate` or `mac`.
    pub source: String,
}

/// What kind of identity was authenticated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum IdentityKind {
    /// A person, by password or certificate.
    User,
    /// A device, by its certificate.
    Device,
    /// A MAC address, which anybody can claim.
    Mac,
    /// Nobody.
    #[default]
    None,
}

impl IdentityKind {
    /// The name that policies and records use: `user`, `device`, `mac` or `none`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Device => "device",
            Self::Mac => "mac",
            Self::None => "none",
        }
    }
}

impl fmt::Display for IdentityKind {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.as_str())
    }
}

/// The device, as we know it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct DeviceFacts {
    /// Whether it is in the inventory at all.
    pub known: bool,
    /// Our own id for it.
    pub id: String,
    /// Its name.
    pub name: String,
    /// The user who owns it.
    pub owner: String,
    /// Its labels.
    pub labels: Vec<String>,
    /// Whether an osquery node is tied to it.
    pub enrolled: bool,
    /// Whether an administrator blocked it.
    pub blocked: bool,
    /// Whether it is in quarantine.
    pub quarantined: bool,
    /// The MAC address it uses now, as `aa:bb:cc:dd:ee:ff`.
    pub mac: String,
    /// Whether that MAC is a locally administered, and so probably random, one.
    pub random_mac: bool,
    /// Whether the access point lets it in with the device's own Wi-Fi key only.
    pub psk: bool,
    /// Whether its MAC is heard at two places at once, so that one of them is a copy.
    pub in_two_places: bool,
    /// Whether it comes by its MAC alone, though it was let in by 802.1X before.
    pub downgraded: bool,
}

/// The device's posture.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct PostureFacts {
    /// The verdict.
    pub verdict: Verdict,
    /// The names of the checks that fail.
    pub failing: Vec<String>,
    /// The names of the checks that would count and do not, because of an exception.
    pub excepted: Vec<String>,
    /// How strongly the posture is tied to the identity on the wire, 0 (not at all) to 4.
    pub binding: u8,
    /// How old the results are, in seconds; `None` when there are none.
    pub age_s: Option<i64>,
    /// Whether break-glass is on: then the verdict is no finding, see [`Self::under_break_glass`].
    pub break_glass: bool,
}

impl PostureFacts {
    /// The same posture while break-glass is on: the verdict is `compliant`, and what fails is excepted. What was really found
    /// about binding and age stays as it is, and [`Self::break_glass`] says why the rest does not.
    #[must_use]
    pub fn under_break_glass(mut self) -> Self {
        self.verdict = Verdict::Compliant;
        self.excepted.append(&mut self.failing);
        self.excepted.sort();
        self.break_glass = true;
        self
    }
}

/// A device's posture in one word. No data is never a fail and never a pass.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// Every check that applies passed, recently.
    Compliant,
    /// At least one check fails.
    Failing,
    /// Nothing is known.
    #[default]
    Unknown,
    /// Something was known, too long ago.
    Stale,
}

impl Verdict {
    /// Every verdict.
    pub const ALL: [Self; 4] = [Self::Compliant, Self::Failing, Self::Unknown, Self::Stale];

    /// The name that policies, records and pages use.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Compliant => "compliant",
            Self::Failing => "failing",
            Self::Unknown => "unknown",
            Self::Stale => "stale",
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.as_str())
    }
}

impl FromStr for Verdict {
    type Err = UnknownVerdict;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|verdict| verdict.as_str() == text)
            .ok_or_else(|| UnknownVerdict(text.to_owned()))
    }
}

/// A word that is not a [`Verdict`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a verdict: use compliant, failing, unknown or stale")]
pub struct UnknownVerdict(pub String);

/// The network access server (switch, access point or controller) that asks.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct NasFacts {
    /// The name of the RADIUS client in our configuration.
    pub client: String,
    /// The site it stands in.
    pub site: String,
    /// The name of its vendor profile.
    pub vendor: String,
    /// Its port, as it names it.
    pub port: String,
    /// `ethernet`, `wireless` or `other`.
    pub port_type: String,
    /// The SSID, on Wi-Fi.
    pub ssid: String,
    /// Its address.
    pub address: String,
}

/// When the request came, in the server's local time. The caller fills it in: this room has no
/// clock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct TimeFacts {
    /// Seconds since the Unix epoch.
    pub unix_s: i64,
    /// The hour, 0 to 23.
    pub hour: u8,
    /// The minute, 0 to 59.
    pub minute: u8,
    /// The day of the week, 1 = Monday to 7 = Sunday.
    pub weekday: u8,
}
