//! Which certificates other authorities have revoked, as far as their lists say.

use std::collections::HashMap;
use std::sync::Arc;

use nac_pki::{Anchors, Issuance, PkiError, RevocationList};
use nac_store::CertificateLink;
use rustls_pki_types::CertificateDer;

use crate::config::UnknownRevocation;
use crate::reason::Refusal;

/// The lists in force, and what counts where none does.
#[derive(Debug, Default)]
pub struct Revocations {
    anchors: Anchors,
    unknown: UnknownRevocation,
    lists: HashMap<String, Vec<Arc<RevocationList>>>,
}

impl Revocations {
    /// Collects lists whose signatures are right.
    pub fn new(
        anchors: Anchors,
        unknown: UnknownRevocation,
        lists: impl IntoIterator<Item = Arc<RevocationList>>,
    ) -> Self {
        let mut by_issuer: HashMap<_, Vec<_>> = HashMap::new();
        for list in lists {
            let known = by_issuer.entry(list.issuer_id().to_owned()).or_default();
            known.push(list);
        }
        Self {
            anchors,
            unknown,
            lists: by_issuer,
        }
    }

    /// What has to be looked up for a chain that TLS has verified, leaf first. Certificates of the built-in authority are not
    /// among it.
    ///
    /// # Errors
    /// A certificate that cannot be read.
    pub fn way(&self, chain: &[CertificateDer<'_>]) -> Result<Vec<CertificateLink>, PkiError> {
        let link = |issuance: Issuance| CertificateLink {
            issuer: issuance.issuer,
            authority_key: issuance.authority_key,
            serial: issuance.serial,
            is_authority: issuance.is_authority,
        };
        Ok(self.anchors.way(chain)?.into_iter().map(link).collect())
    }

    /// Looks up every certificate on the way of `name`'s. A list whose time is over still revokes.
    ///
    /// # Errors
    /// One is revoked, or nobody can say and the configuration refuses that.
    pub fn check(&self, name: &str, way: &[CertificateLink], now_us: i64) -> Result<(), Refusal> {
        for link in way {
            let issuance = Issuance {
                issuer: link.issuer.clone(),
                authority_key: link.authority_key.clone(),
                serial: link.serial.clone(),
                is_authority: link.is_authority,
            };
            self.check_one(name, &issuance, now_us)?;
        }
        Ok(())
    }

    fn check_one(&self, name: &str, issuance: &Issuance, now_us: i64) -> Result<(), Refusal> {
        let lists = self.lists.get(&issuance.issuer).into_iter().flatten();
        let covering: Vec<_> = lists.filter(|list| list.covers(issuance)).collect();
        if let Some(list) = covering.iter().find(|list| list.revokes(issuance)) {
            return Err(match issuance.is_authority {
                true => Refusal::revoked_authority(name, &list.issuer),
                false => Refusal::revoked_by_list(name, &list.issuer),
            });
        }
        if self.unknown == UnknownRevocation::Accept
            || covering.iter().any(|list| list.holds_at(now_us))
        {
            return Ok(());
        }
        Err(match covering.first() {
            Some(list) => Refusal::revocation_list_over(name, &list.issuer),
            None => Refusal::revocation_unknown(name),
        })
    }
}
