//! Whom a conversation's success proves: a user, a device, or both.

use std::sync::Arc;

use nac_eap::{CertificateDer, Success};
use nac_policy::IdentityKind;
use nac_store::{CertificateDetails, MachineDetails};

use crate::authenticate::Authenticator;
use crate::authenticate::answer::{self, Authenticated, EapAnswer};
use crate::authenticate::conversations::Active;
use crate::authenticate::request::Request;
use crate::identity::from_chain;
use crate::identity::realm::{is_machine, realm_of};
use crate::reason::Refusal;
use crate::snapshot::Directory;

/// The supplicant proved who it is; now the policy decides, before EAP-Success is sent.
pub(super) fn succeed(
    authenticator: &Authenticator,
    request: &Request,
    active: &mut Active,
    success: Success,
) -> Vec<u8> {
    let method = success.method;
    let mut authenticated = match identify(authenticator, &success) {
        Ok(authenticated) => authenticated,
        Err(refusal) => {
            let failure = active.conversation.refuse();
            let name = success.outer_identity;
            return answer::refuse_eap(
                authenticator,
                request,
                method,
                &name,
                refusal,
                &failure,
                active.credential_us,
            );
        }
    };
    authenticated.second_factor = success.second_factor;
    authenticated.credential_us = active.credential_us;
    authenticated.eap = Some(EapAnswer {
        msk: success.msk,
        session_id: success.session_id,
        tls_version: success.tls_version,
        cipher_suite: success.cipher_suite,
        resumed: success.resumed,
        rounds: active.conversation.rounds(),
    });
    answer::conclude_eap(
        authenticator,
        request,
        authenticated,
        &mut active.conversation,
    )
}

/// Who logged in by certificate is whom that names; otherwise it is whom the inner method proved. The outer identity proves nothing
/// (RFC 9190 section 2.2).
fn identify(authenticator: &Authenticator, success: &Success) -> Result<Authenticated, Refusal> {
    let directory = &authenticator.world.directory;
    let snapshot = authenticator.world.snapshot();
    let names = authenticator.world.certificate_names.load();
    let read = |chain: &[CertificateDer<'_>]| from_chain(chain, &snapshot.revocations, &names);
    let chain = &success.certificates;
    let mut authenticated = if success.by_certificate {
        let (kind, name, facts) = read(chain)?;
        let realm = realm_of(&name);
        let name = match kind {
            IdentityKind::User => directory.registered_name(&name),
            _ => name,
        };
        let mut authenticated = Authenticated::new(kind, name, "certificate", success.method);
        authenticated.certificate = Some(Arc::new(facts));
        authenticated.realm = realm;
        authenticated
    } else {
        // Its realm may have ceased to be ours since the session began that is resumed.
        let account = directory.account(&success.identity)?;
        let name = account.map_or_else(|| success.identity.clone(), |account| account.name.clone());
        let mut authenticated =
            Authenticated::new(IdentityKind::User, name, "local", success.method);
        authenticated.realm = realm_of(&success.identity);
        // A certificate that came along with a password says which device this is, or once more who the user is. One that names
        // another user says nothing about this login, which is then one without a certificate.
        match (!chain.is_empty()).then(|| read(chain)) {
            Some(Ok((IdentityKind::Device, name, facts))) => {
                authenticated.machine = Some(Arc::new(machine_by(name, facts)));
            }
            Some(Ok((_, name, facts)))
                if directory.registered_name(&name) == authenticated.name =>
            {
                authenticated.certificate = Some(Arc::new(facts));
            }
            _ => {}
        }
        authenticated
    };
    authenticated.outer_realm = realm_of(&success.outer_identity);
    if let (IdentityKind::User, Some(proven)) = (authenticated.kind, &success.machine) {
        authenticated.machine = machine(directory, read, proven)?.map(Arc::new);
    }
    Ok(authenticated)
}

/// What was proven as the machine is one only if its credential says so: a supplicant can call any credential the machine's.
fn machine(
    directory: &Directory,
    read: impl FnOnce(
        &[CertificateDer<'_>],
    ) -> Result<(IdentityKind, String, CertificateDetails), Refusal>,
    proven: &nac_eap::Machine,
) -> Result<Option<MachineDetails>, Refusal> {
    match &proven.certificates[..] {
        chain @ [_, ..] => Ok(match read(chain)? {
            (IdentityKind::Device, name, facts) => Some(machine_by(name, facts)),
            _ => None,
        }),
        [] => {
            let name = directory.registered_name(&proven.identity);
            Ok(is_machine(&name).then_some(MachineDetails {
                name,
                certificate: None,
            }))
        }
    }
}

fn machine_by(name: String, facts: CertificateDetails) -> MachineDetails {
    MachineDetails {
        name,
        certificate: Some(facts),
    }
}
