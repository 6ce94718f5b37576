//! From an authenticated identity to facts and a ruling. The same code answers a request and re-examines a live session, so
//! that a session is moved exactly when a new request would be answered differently.

use std::net::IpAddr;
use std::sync::Arc;

use nac_policy::{
    Decision, DeviceFacts, Facts, IdentityFacts, IdentityKind, NasFacts, Outcome, PostureFacts,
    TimeFacts,
};
use nac_posture::{PostureGate, Subject};
use nac_radius::{MacAddr, VendorProfile};
use nac_store::{
    CertificateDetails, Device, DeviceState, IdentifierKind, MachineDetails, SecretBytes, now_us,
};

use crate::ocsp::Standing;
use crate::reason::Refusal;
use crate::snapshot::directory::OwnKey;
use crate::snapshot::{Directory, Snapshot};

/// What stays true of a session after its authentication, whatever else changes.
#[derive(Clone, Debug)]
pub struct AccessContext {
    /// User, device or MAC.
    pub kind: IdentityKind,
    /// The authenticated name; never the outer identity.
    pub name: String,
    /// `local`, `certificate` or `mac`.
    pub source: &'static str,
    /// How it was authenticated, in the words of [`Facts::method`].
    pub method: &'static str,
    /// Whether a code of an authenticator app was checked as well.
    pub second_factor: bool,
    /// The client certificate, which proved the identity or came along with a password.
    pub certificate: Option<Arc<CertificateDetails>>,
    /// The machine that was proven besides a user.
    pub machine: Option<Arc<MachineDetails>>,
    /// The realm or Windows domain of the name that was proven, in lower case.
    pub realm: String,
    /// That of the name outside the tunnel.
    pub outer_realm: String,
    /// The station's address, from Calling-Station-Id or, for MAB, User-Name.
    pub mac: Option<MacAddr>,
    /// Where it connects.
    pub nas: NasFacts,
}

impl AccessContext {
    /// The certificate that says which device this is: the machine's, where there is one.
    fn device_certificate(&self) -> Option<&CertificateDetails> {
        let machine = self.machine.as_ref();
        machine
            .and_then(|machine| machine.certificate.as_ref())
            .or(self.certificate.as_deref())
    }

    /// What was proven, in the words of [`Facts::chaining`].
    fn chaining(&self) -> &'static str {
        match (self.kind, &self.machine) {
            (IdentityKind::User, Some(_)) => "both",
            (IdentityKind::User, None) => "user",
            (IdentityKind::Device, _) => "machine",
            (IdentityKind::Mac | IdentityKind::None, _) => "none",
        }
    }
}

/// What this server noticed of a MAC by itself: signs that somebody else has it too.
#[derive(Clone, Copy, Debug, Default)]
pub struct Doubts {
    /// It is heard at two places at once.
    pub in_two_places: bool,
    /// It comes without EAP, by which it was let in before.
    pub downgraded: bool,
}

/// What the rules say about a context now.
#[derive(Clone, Debug)]
pub struct Assessment {
    /// Everything that the policy looked at.
    pub facts: Arc<Facts>,
    /// The device's own Wi-Fi keys, which the access point is told; the newest first.
    pub psks: Vec<SecretBytes>,
    /// The policy's answer; absent when the account or certificate was refused before the policy was asked.
    pub decision: Option<Arc<Decision>>,
    /// The segment, or why not.
    pub ruling: Result<String, Refusal>,
    /// The device, when it is known.
    pub device: Option<Arc<Device>>,
    /// A certificate proved that it is this device. By MAC alone anybody may claim to be it.
    pub device_proven: bool,
    /// Microseconds that the policy took.
    pub policy_us: u64,
}

/// Looks at everything afresh: account, certificate, device, quarantine, posture, policy. Where the station is live, and
/// what is doubtful about its MAC, is the caller's to say.
pub fn assess(
    snapshot: &Snapshot,
    directory: &Directory,
    gate: &PostureGate,
    context: &AccessContext,
    session: Option<(Option<IpAddr>, i64)>,
    doubts: Doubts,
    standing: Standing,
) -> Assessment {
    let mac = context.mac.map(|mac| mac.to_string());
    let (device, device_proven) = find_device(directory, context);
    let own_key = own_key(directory, context, device.as_deref());
    let now = now_us();
    let found = (device.as_deref(), device_proven);
    let posture = gate.posture(&subject_of(found, context, mac.as_deref(), session), now);
    let enrolled = posture.enrolled;
    let posture = PostureFacts {
        verdict: posture.verdict,
        failing: posture.failing,
        excepted: posture.excepted,
        binding: posture.binding,
        age_s: posture.age_s,
        break_glass: false,
    };
    let posture = if snapshot.break_glass_is_on(now) {
        posture.under_break_glass()
    } else {
        posture
    };
    let quarantined =
        directory.is_quarantined(device.as_ref().map(|device| device.id), mac.as_deref());
    let (groups, account) = account(
        directory,
        context,
        device.as_deref().filter(|_| device_proven),
    );
    let facts = Arc::new(Facts {
        identity: IdentityFacts {
            kind: context.kind,
            name: context.name.clone(),
            groups,
            source: context.source.to_owned(),
        },
        method: context.method.to_owned(),
        chaining: context.chaining().to_owned(),
        machine: context
            .machine
            .as_ref()
            .map(|machine| machine.name.clone())
            .unwrap_or_default(),
        second_factor: context.second_factor,
        realm: context.realm.clone(),
        outer_realm: context.outer_realm.clone(),
        realm_mismatch: directory
            .realms()
            .differ(&context.outer_realm, &context.realm),
        device: DeviceFacts {
            psk: matches!(own_key, OwnKey::Valid(_)),
            in_two_places: doubts.in_two_places,
            downgraded: doubts.downgraded,
            ..device_facts(device.as_deref(), mac, context.mac, enrolled, quarantined)
        },
        posture,
        nas: context.nas.clone(),
        time: local_time(),
    });
    let over = match (&own_key, device.as_deref()) {
        (OwnKey::Over, Some(device)) => Err(Refusal::psk_over(&device.name, &context.nas.ssid)),
        _ => Ok(()),
    };
    let refused = account
        .and_then(|()| machine_account(directory, context))
        .and_then(|()| certificate(snapshot, context, standing))
        .and(over);
    if let Err(refusal) = refused {
        return Assessment {
            facts,
            psks: Vec::new(),
            decision: None,
            ruling: Err(refusal),
            device,
            device_proven,
            policy_us: 0,
        };
    }
    let began = std::time::Instant::now();
    let decision = snapshot.policy.engine.decide(&facts);
    let policy_us = began.elapsed().as_micros().try_into().unwrap_or(u64::MAX);
    let ruling = match &decision.outcome {
        Outcome::Segment(segment) => Ok(segment.clone()),
        Outcome::Refuse(reason) => Err(Refusal::from_policy(&decision, *reason)),
    };
    Assessment {
        facts,
        psks: match own_key {
            OwnKey::Valid(psks) => psks,
            OwnKey::None | OwnKey::Over => Vec::new(),
        },
        decision: Some(decision),
        ruling,
        device,
        device_proven,
        policy_us,
    }
}

/// Whom the posture gate should look for. Who shows a certificate is not also taken for the device whose MAC they use: that would
/// lend them its posture.
pub fn subject<'a>(
    directory: &Directory,
    context: &'a AccessContext,
    mac: Option<&'a str>,
    session: Option<(Option<IpAddr>, i64)>,
) -> Subject<'a> {
    let (device, proven) = find_device(directory, context);
    subject_of((device.as_deref(), proven), context, mac, session)
}

fn subject_of<'a>(
    (device, proven): (Option<&Device>, bool),
    context: &'a AccessContext,
    mac: Option<&'a str>,
    session: Option<(Option<IpAddr>, i64)>,
) -> Subject<'a> {
    let certificate = context.device_certificate();
    Subject {
        device_id: device
            .filter(|_| proven || certificate.is_none())
            .map(|device| device.id),
        spki: certificate.map(|certificate| certificate.spki_sha256.as_str()),
        asserted_id: certificate.and_then(|certificate| certificate.device_id.as_deref()),
        identity: Some(context.name.as_str()),
        mac,
        framed_ip: session.and_then(|(address, _)| address),
        session_started_us: session.map(|(_, started_us)| started_us),
    }
}

/// The strongest identifier wins: the certificate's key, the id that it asserts, then the MAC, which anybody can claim. Also tells
/// whether it was the certificate.
pub fn find_device(directory: &Directory, context: &AccessContext) -> (Option<Arc<Device>>, bool) {
    if let Some(certificate) = context.device_certificate() {
        let by_key = directory.device_by(IdentifierKind::Spki, &certificate.spki_sha256);
        let by_id = || {
            let asserted = certificate.device_id.as_deref()?;
            directory.device_by(IdentifierKind::AssertedId, asserted)
        };
        if let Some(device) = by_key.or_else(by_id) {
            return (Some(device), true);
        }
    }
    let by_mac = context
        .mac
        .and_then(|mac| directory.device_by(IdentifierKind::Mac, &mac.to_string()));
    (by_mac, false)
}

/// The device's own key for the network that it asks for. It has a say only where its MAC is all that is known, on Wi-Fi, and at
/// an access point that can be told a key: there the key is what the station has to know.
fn own_key(directory: &Directory, context: &AccessContext, device: Option<&Device>) -> OwnKey {
    let nas = &context.nas;
    let told = || VendorProfile::by_name(&nas.vendor).is_some_and(VendorProfile::tells_psk);
    match device {
        Some(device)
            if context.kind == IdentityKind::Mac
                && nas.port_type == "wireless"
                && device.state(now_us()) != DeviceState::Expired
                && told() =>
        {
            directory.psk(device.id, &nas.ssid)
        }
        _ => OwnKey::None,
    }
}

/// Groups of the user, or of the owner of a device that proved itself by certificate; and whether the account may be used at all.
fn account(
    directory: &Directory,
    context: &AccessContext,
    device: Option<&Device>,
) -> (Vec<String>, Result<(), Refusal>) {
    let user = match context.kind {
        IdentityKind::User => directory.user(&context.name),
        IdentityKind::Device => device
            .and_then(|device| device.owner.as_deref())
            .and_then(|name| directory.user(name)),
        IdentityKind::Mac | IdentityKind::None => None,
    };
    // A device whose time is over no longer speaks for its owner, but an owner who is shut out shuts it out as before.
    let over = device.is_some_and(|device| device.state(now_us()) == DeviceState::Expired);
    match user {
        Some(user) if !user.enabled => {
            (user.groups.clone(), Err(Refusal::disabled_user(&user.name)))
        }
        Some(_) if over && context.kind == IdentityKind::Device => (Vec::new(), Ok(())),
        Some(user) if context.source == "local" && user.password_is_expired() => {
            let refusal = Refusal::password_expired(&user.name);
            (user.groups.clone(), Err(refusal))
        }
        // Nobody came as far as this by password alone, unless the app was given to the user since. A certificate is asked for no code.
        Some(user)
            if user.totp.is_some() && context.source == "local" && !context.second_factor =>
        {
            let refusal = Refusal::second_factor_missing(&user.name);
            (user.groups.clone(), Err(refusal))
        }
        Some(user) => (user.groups.clone(), Ok(())),
        // A password was checked against an account that is gone by now. A certificate may name somebody we do not know.
        None if context.kind == IdentityKind::User && context.source == "local" => {
            (Vec::new(), Err(Refusal::unknown_user(&context.name)))
        }
        None => (Vec::new(), Ok(())),
    }
}

/// Revocation and validity, checked on every authentication, resumed ones included.
fn certificate(
    snapshot: &Snapshot,
    context: &AccessContext,
    standing: Standing,
) -> Result<(), Refusal> {
    let own = context.certificate.as_deref();
    let machine = context.machine.as_ref().and_then(|machine| {
        let certificate = machine.certificate.as_ref();
        certificate.map(|certificate| (certificate, &machine.name))
    });
    let now = now_us();
    for (facts, name) in own
        .map(|own| (own, &context.name))
        .into_iter()
        .chain(machine)
    {
        if snapshot.revoked.contains(&facts.fingerprint_sha256) {
            return Err(Refusal::revoked_certificate(name));
        }
        if now < facts.not_before_us || now > facts.not_after_us {
            return Err(Refusal::expired_certificate(name));
        }
        snapshot
            .revocations
            .check(name, &facts.way, standing, now)?;
    }
    Ok(())
}

/// The account of a machine that a password proved, which may have been switched off since.
fn machine_account(directory: &Directory, context: &AccessContext) -> Result<(), Refusal> {
    match &context.machine {
        Some(machine) if machine.certificate.is_none() => match directory.user(&machine.name) {
            Some(user) if user.enabled => Ok(()),
            Some(user) => Err(Refusal::disabled_user(&user.name)),
            None => Err(Refusal::unknown_user(&machine.name)),
        },
        _ => Ok(()),
    }
}

fn device_facts(
    device: Option<&Device>,
    mac_text: Option<String>,
    mac: Option<MacAddr>,
    enrolled: bool,
    quarantined: bool,
) -> DeviceFacts {
    let known = DeviceFacts {
        enrolled,
        quarantined,
        mac: mac_text.unwrap_or_default(),
        random_mac: mac.is_some_and(|mac| mac.is_locally_administered()),
        ..DeviceFacts::default()
    };
    let Some(device) = device else { return known };
    let blocked = match device.state(now_us()) {
        DeviceState::Active => false,
        DeviceState::Blocked | DeviceState::Lost => true,
        // Whose time is over has to register again.
        DeviceState::Expired => return known,
    };
    DeviceFacts {
        known: true,
        id: device.id.to_string(),
        name: device.name.clone(),
        owner: device.owner.clone().unwrap_or_default(),
        labels: device.labels.clone(),
        blocked,
        ..known
    }
}

fn local_time() -> TimeFacts {
    let now = jiff::Zoned::now();
    TimeFacts {
        unix_s: now.timestamp().as_second(),
        hour: now.hour().unsigned_abs(),
        minute: now.minute().unsigned_abs(),
        weekday: now.weekday().to_monday_one_offset().unsigned_abs(),
    }
}
