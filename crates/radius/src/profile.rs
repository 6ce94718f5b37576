//! Vendor profiles: how a segment becomes one vendor's attributes, and how its sessions are moved.
//!
//! Profiles are data, in `dictionaries/vendors/`. A profile says with which attributes an
//! Access-Accept gives a VLAN, a role, an ACL, a redirect and a session time, and which requests, in
//! which order, make that vendor's equipment authenticate a session again or end it.

use std::sync::LazyLock;

use serde::Deserialize;
use thiserror::Error;
use zeroize::Zeroizing;

use crate::code::Code;
use crate::dictionary::Dictionary;

mod configuration;
mod radsec;

use configuration::Configuration;
pub use configuration::NasSettings;
pub use radsec::RadSecNas;

/// What one vendor's equipment understands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VendorProfile {
    /// The name that a client's configuration uses, such as `cisco-ios`.
    pub name: String,
    /// The equipment, for people.
    pub title: String,
    tag: &'static str,
    redirect_replaces_role: bool,
    first_rule: usize,
    several_psks: bool,
    accept: Accept,
    ladder: Vec<DynamicAuthorizationStep>,
    configuration: Configuration,
}

/// What a segment gives to an endpoint. The names are the NAS's own: VLANs, roles and ACLs that
/// exist there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SegmentAttributes<'a> {
    /// The VLAN's number or name.
    pub vlan: Option<&'a str>,
    /// The role's, group's or filter's name.
    pub role: Option<&'a str>,
    /// The rules of the ACL, in the vendor's syntax, in order.
    pub acl: &'a [String],
    /// The URL that web requests are redirected to.
    pub redirect: Option<&'a str>,
    /// The name of the ACL that says what is redirected.
    pub redirect_acl: Option<&'a str>,
    /// Seconds until the endpoint has to authenticate again.
    pub session_timeout_s: Option<u32>,
}

/// One request that may move or end a session; a ladder has several, tried in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DynamicAuthorizationStep {
    /// CoA-Request or Disconnect-Request (RFC 5176 section 2).
    pub code: Code,
    /// What it does to the session when it works.
    pub effect: Effect,
    /// The UDP port of the NAS, unless the client's configuration names another.
    pub port: u16,
    /// Attributes that are always the same: name and value.
    pub attributes: Vec<(String, String)>,
    /// Names of the attributes that identify the session and are echoed exactly as the NAS sent
    /// them. `Cisco-AVPair=audit-session-id` means the one whose value begins so.
    pub identifiers: Vec<String>,
}

/// What a step of the ladder does to a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// The endpoint authenticates again and stays connected.
    Reauthenticate,
    /// The session ends.
    Disconnect,
    /// The port goes down and up, with everybody on it.
    Bounce,
}

/// Why a text is not a vendor profile.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ProfileError {
    /// It is not TOML, or has other fields than a profile has.
    #[error("vendor profile {name}: {message}")]
    Format {
        /// The profile's name.
        name: String,
        /// What the TOML reader says, with line and column.
        message: String,
    },
    /// It names an attribute that no dictionary defines.
    #[error(
        "vendor profile {name}: no dictionary defines {attribute}: add one, or correct the name"
    )]
    UnknownAttribute {
        /// The profile's name.
        name: String,
        /// The attribute's name.
        attribute: String,
    },
    /// A value is not one of those that a profile may have.
    #[error("vendor profile {name}: {field} must be {expected}")]
    WrongValue {
        /// The profile's name.
        name: String,
        /// The field.
        field: &'static str,
        /// What it must be.
        expected: &'static str,
    },
}

impl VendorProfile {
    /// The profiles that come with this server, by name.
    pub fn embedded() -> &'static [Self] {
        &EMBEDDED
    }

    /// The embedded profile with this name.
    pub fn by_name(name: &str) -> Option<&'static Self> {
        Self::embedded().iter().find(|profile| profile.name == name)
    }

    /// Reads a profile; every attribute that it names must be in the dictionary.
    pub fn parse(name: &str, text: &str, dictionary: &Dictionary) -> Result<Self, ProfileError> {
        let file: ProfileFile = toml::from_str(text).map_err(|error| ProfileError::Format {
            name: name.to_owned(),
            message: error.to_string().trim_end().to_owned(),
        })?;
        let wrong = |field, expected| ProfileError::WrongValue {
            name: name.to_owned(),
            field,
            expected,
        };
        let tag = match file.tag {
            TagStyle::Word(word) if word == "none" => "",
            TagStyle::Number(0) => ":0",
            TagStyle::Number(1) => ":1",
            TagStyle::Word(_) | TagStyle::Number(_) => {
                return Err(wrong("tag", "\"none\", 0 or 1"));
            }
        };
        let ladder = file
            .ladder
            .into_iter()
            .map(|step| {
                let (code, usual) = match step.code.as_str() {
                    "CoA-Request" => (Code::CoaRequest, Effect::Reauthenticate),
                    "Disconnect-Request" => (Code::DisconnectRequest, Effect::Disconnect),
                    _ => return Err(wrong("code", "CoA-Request or Disconnect-Request")),
                };
                let effect = match step.effect.as_deref() {
                    None => usual,
                    Some("bounce") => Effect::Bounce,
                    Some(_) => return Err(wrong("effect", "\"bounce\", or left out")),
                };
                Ok(DynamicAuthorizationStep {
                    code,
                    effect,
                    port: step.port,
                    attributes: step.attributes,
                    identifiers: step.identifiers,
                })
            })
            .collect::<Result<Vec<_>, _>>()?;
        let profile = Self {
            name: name.to_owned(),
            title: file.title,
            tag,
            redirect_replaces_role: file.redirect_replaces_role,
            first_rule: file.first_rule,
            several_psks: file.several_psks,
            accept: file.accept,
            ladder,
            configuration: file.configuration,
        };
        let unknown = profile
            .attribute_names()
            .find(|name| dictionary.by_name(name).is_none());
        if let Some(attribute) = unknown.map(str::to_owned) {
            return Err(ProfileError::UnknownAttribute {
                name: name.to_owned(),
                attribute,
            });
        }
        Ok(profile)
    }

    /// The attributes, by name, of an Access-Accept into this segment.
    ///
    /// What the vendor has no attribute for is left out: see [`missing`](Self::missing).
    pub fn accept(&self, segment: &SegmentAttributes<'_>) -> Vec<(String, String)> {
        let mut attributes = Vec::new();
        // The value from the segment is filled in last, so that nothing inside it is replaced.
        let mut fill = |(name, template): &Template, placeholders: &[(&str, &str)]| {
            let value = placeholders
                .iter()
                .fold(template.clone(), |text, (placeholder, value)| {
                    text.replace(placeholder, value)
                });
            attributes.push((name.replace("{tag}", self.tag), value));
        };
        if let Some(vlan) = segment.vlan {
            self.accept
                .vlan
                .iter()
                .for_each(|one| fill(one, &[("{vlan}", vlan)]));
        }
        if let Some(role) = segment.role
            && !(self.redirect_replaces_role && segment.redirect.is_some())
        {
            self.accept
                .role
                .iter()
                .for_each(|one| fill(one, &[("{role}", role)]));
        }
        for template in self.accept.acl.iter().filter(|_| !segment.acl.is_empty()) {
            if template.1.contains("{rules}") {
                // RFC 4849 section 2: one string, with a zero octet between the rules.
                fill(template, &[("{rules}", &segment.acl.join("\0"))]);
                continue;
            }
            for (index, rule) in segment.acl.iter().enumerate() {
                let number = self.first_rule.saturating_add(index).to_string();
                fill(template, &[("{number}", &number), ("{rule}", rule)]);
            }
        }
        if let Some(redirect) = segment.redirect {
            self.accept
                .redirect
                .iter()
                .for_each(|one| fill(one, &[("{redirect}", redirect)]));
        }
        if let Some(acl) = segment.redirect_acl {
            self.accept
                .redirect_acl
                .iter()
                .for_each(|one| fill(one, &[("{redirect_acl}", acl)]));
        }
        if let Some(seconds) = segment.session_timeout_s {
            let seconds = [("{session_timeout}", &*seconds.to_string())];
            self.accept
                .session_timeout
                .iter()
                .for_each(|one| fill(one, &seconds));
        }
        attributes
    }

    /// The attributes, by name, that tell a device's own Wi-Fi key; none when this vendor cannot be told.
    pub fn psk<'a>(&'a self, passphrase: &str) -> Vec<(&'a str, Zeroizing<String>)> {
        let filled = |template: &String| Zeroizing::new(template.replace("{psk}", passphrase));
        self.accept
            .psk
            .iter()
            .map(|(name, template)| (name.as_str(), filled(template)))
            .collect()
    }

    /// Whether this vendor can be told a device's own Wi-Fi key.
    pub fn tells_psk(&self) -> bool {
        !self.accept.psk.is_empty()
    }

    /// Whether it tries several such keys, as while one follows the other.
    pub fn several_psks(&self) -> bool {
        self.several_psks
    }

    /// The first part of a segment that this vendor has no attribute for: `"role"`, `"acl"` and so
    /// on; `None` when all of it can be said.
    pub fn missing(&self, segment: &SegmentAttributes<'_>) -> Option<&'static str> {
        let parts = [
            ("vlan", segment.vlan.is_some(), &self.accept.vlan),
            ("role", segment.role.is_some(), &self.accept.role),
            ("acl", !segment.acl.is_empty(), &self.accept.acl),
            (
                "redirect",
                segment.redirect.is_some(),
                &self.accept.redirect,
            ),
            (
                "redirect_acl",
                segment.redirect_acl.is_some(),
                &self.accept.redirect_acl,
            ),
            (
                "session_timeout",
                segment.session_timeout_s.is_some(),
                &self.accept.session_timeout,
            ),
        ];
        parts
            .into_iter()
            .find(|(_, wanted, templates)| *wanted && templates.is_empty())
            .map(|(part, ..)| part)
    }

    /// The requests that move or end a session, best first.
    pub fn ladder(&self) -> &[DynamicAuthorizationStep] {
        &self.ladder
    }

    /// Every attribute's name in this profile, without tag.
    fn attribute_names(&self) -> impl Iterator<Item = &str> {
        let Accept {
            vlan,
            role,
            acl,
            redirect,
            redirect_acl,
            session_timeout,
            psk,
        } = &self.accept;
        let segment = [vlan, role, acl, redirect, redirect_acl, session_timeout];
        segment
            .into_iter()
            .chain([psk])
            .flatten()
            .chain(self.ladder.iter().flat_map(|step| &step.attributes))
            .map(|(name, _)| name.as_str())
            .chain(
                self.ladder
                    .iter()
                    .flat_map(|step| &step.identifiers)
                    .map(String::as_str),
            )
            .map(|name| name.split(['=', ':', '{']).next().unwrap_or(name))
    }
}

impl DynamicAuthorizationStep {
    /// Picks this step's identifiers from what the NAS said about the session, in the step's order.
    ///
    /// Empty when the NAS said none of them: such a request would name no session, and must not be
    /// sent.
    pub fn identify(&self, session: &[(String, String)]) -> Vec<(String, String)> {
        let mut found = Vec::new();
        for identifier in &self.identifiers {
            let (name, key) = match identifier.split_once('=') {
                Some((name, key)) => (name, Some(key)),
                None => (identifier.as_str(), None),
            };
            let fits = |value: &str| {
                key.is_none_or(|key| {
                    value
                        .strip_prefix(key)
                        .is_some_and(|rest| rest.starts_with('='))
                })
            };
            let said = session
                .iter()
                .find(|(known, value)| known.eq_ignore_ascii_case(name) && fits(value));
            found.extend(said.cloned());
        }
        found
    }
}

/// An attribute's name and a value with a placeholder in it.
type Template = (String, String);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ProfileFile {
    title: String,
    tag: TagStyle,
    #[serde(default)]
    redirect_replaces_role: bool,
    #[serde(default)]
    first_rule: usize,
    #[serde(default)]
    several_psks: bool,
    accept: Accept,
    #[serde(default)]
    ladder: Vec<StepFile>,
    #[serde(default)]
    configuration: Configuration,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum TagStyle {
    Number(u8),
    Word(String),
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Accept {
    vlan: Vec<Template>,
    role: Vec<Template>,
    acl: Vec<Template>,
    redirect: Vec<Template>,
    redirect_acl: Vec<Template>,
    session_timeout: Vec<Template>,
    psk: Vec<Template>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct StepFile {
    code: String,
    effect: Option<String>,
    port: u16,
    #[serde(default)]
    attributes: Vec<(String, String)>,
    identifiers: Vec<String>,
}

macro_rules! files {
    ($($name:literal),* $(,)?) => {
        [$((
            $name,
            include_str!(concat!("../../../dictionaries/vendors/", $name, ".toml")),
        )),*]
    };
}

const FILES: &[(&str, &str)] = &files![
    "generic",
    "aruba-cx",
    "aruba-wireless",
    "arubaos-switch",
    "cisco-ios",
    "cisco-wlc",
    "extreme",
    "fortinet",
    "hostapd",
    "huawei",
    "juniper-ex",
    "meraki",
    "mikrotik",
    "ruckus",
    "unifi",
];

static EMBEDDED: LazyLock<Vec<VendorProfile>> = LazyLock::new(|| {
    // The files are part of this program, and a test reads every one of them.
    FILES
        .iter()
        .filter_map(|(name, text)| {
            let profile = VendorProfile::parse(name, text, Dictionary::embedded());
            debug_assert!(profile.is_ok(), "{profile:?}");
            profile.ok()
        })
        .collect()
});

#[cfg(test)]
mod tests;
