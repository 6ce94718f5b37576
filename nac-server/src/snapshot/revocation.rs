//! Which certificates other authorities have revoked, as far as their lists say.

use std::collections::HashMap;
use std::sync::Arc;

use nac_pki::{Anchors, Issuance, OcspQuestion, PkiError, RevocationList};
use nac_store::{CertificateLink, now_us};
use rustls_pki_types::CertificateDer;

use crate::config::UnknownRevocation;
use crate::ocsp::{Ocsp, Standing, Verdict};
use crate::reason::Refusal;

/// The lists in force, whom to ask where none is, and what counts where nobody can say.
#[derive(Debug, Default)]
pub struct Revocations {
    anchors: Anchors,
    unknown: UnknownRevocation,
    lists: HashMap<String, Vec<Arc<RevocationList>>>,
    ocsp: Option<Arc<Ocsp>>,
}

impl Revocations {
    /// Collects lists whose signatures are right.
    pub fn new(
        anchors: Anchors,
        unknown: UnknownRevocation,
        lists: impl IntoIterator<Item = Arc<RevocationList>>,
        ocsp: Option<Arc<Ocsp>>,
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
            ocsp,
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

    /// The responders that are asked, where there are any.
    pub fn ocsp(&self) -> Option<&Arc<Ocsp>> {
        self.ocsp.as_ref()
    }

    /// What has to be asked before [`Self::check`] about a chain that TLS has verified, leaf first: about certificates
    /// that no list in force covers. Mostly it is known from the login before.
    pub fn questions(&self, chain: &[CertificateDer<'_>]) -> Vec<OcspQuestion> {
        let (Some(ocsp), Ok(mut way)) = (&self.ocsp, self.way(chain)) else {
            return Vec::new();
        };
        let now_us = now_us();
        way.retain(|link| {
            !self.is_listed(&issuance(link), now_us)
                && ocsp.verdict(link, Standing::Entering, now_us).is_none()
        });
        match way.is_empty() {
            true => Vec::new(),
            false => ocsp.questions(chain, &way),
        }
    }

    /// Notes that a live session goes by what is known of its certificates, so that it is asked again when its time is over. What
    /// lists decide need not be asked.
    pub fn note_inside(&self, way: &[CertificateLink], now_us: i64) {
        let Some(ocsp) = &self.ocsp else { return };
        for link in way {
            if !self.is_listed(&issuance(link), now_us) {
                let _ = ocsp.verdict(link, Standing::Inside, now_us);
            }
        }
    }

    /// Whether lists alone decide.
    fn is_listed(&self, issuance: &Issuance, now_us: i64) -> bool {
        let lists = self.lists.get(&issuance.issuer);
        let mut lists = lists.into_iter().flatten();
        lists.any(|list| list.revokes(issuance) || list.covers(issuance) && list.holds_at(now_us))
    }

    /// Looks up every certificate on the way of `name`'s. A list whose time is over still revokes.
    ///
    /// # Errors
    /// One is revoked, or nobody can say and the configuration refuses that.
    pub fn check(
        &self,
        name: &str,
        way: &[CertificateLink],
        standing: Standing,
        now_us: i64,
    ) -> Result<(), Refusal> {
        for link in way {
            self.check_one(name, link, standing, now_us)?;
        }
        Ok(())
    }

    fn check_one(
        &self,
        name: &str,
        link: &CertificateLink,
        standing: Standing,
        now_us: i64,
    ) -> Result<(), Refusal> {
        let issuance = &issuance(link);
        let lists = self.lists.get(&issuance.issuer).into_iter().flatten();
        let covering: Vec<_> = lists.filter(|list| list.covers(issuance)).collect();
        if let Some(list) = covering.iter().find(|list| list.revokes(issuance)) {
            return Err(match issuance.is_authority {
                true => Refusal::revoked_authority(name, &list.issuer),
                false => Refusal::revoked_by_list(name, &list.issuer),
            });
        }
        if covering.iter().any(|list| list.holds_at(now_us)) {
            return Ok(());
        }
        let asked = self.ocsp.as_ref();
        let verdict = asked.map(|ocsp| ocsp.verdict(link, standing, now_us));
        let why = match (verdict, standing) {
            (Some(Some(Verdict::Good)), _) => return Ok(()),
            (Some(Some(Verdict::Revoked { responder })), _) => {
                return Err(match issuance.is_authority {
                    true => Refusal::authority_revoked_by_responder(name, &responder),
                    false => Refusal::revoked_by_responder(name, &responder),
                });
            }
            // It is asked in the background for a live session, so nobody's silence ends it.
            (Some(_), Standing::Inside) => return Ok(()),
            (Some(Some(Verdict::Unclear(why))), Standing::Entering) => Some(why),
            (Some(None), Standing::Entering) => {
                Some("no OCSP responder could be asked about all of its chain".to_owned())
            }
            (None, _) => None,
        };
        if self.unknown == UnknownRevocation::Accept {
            return Ok(());
        }
        Err(match (why, covering.first()) {
            (Some(why), _) => Refusal::responder_unclear(name, &why),
            (None, Some(list)) => Refusal::revocation_list_over(name, &list.issuer),
            (None, None) => Refusal::revocation_unknown(name),
        })
    }
}

fn issuance(link: &CertificateLink) -> Issuance {
    Issuance {
        issuer: link.issuer.clone(),
        authority_key: link.authority_key.clone(),
        serial: link.serial.clone(),
        is_authority: link.is_authority,
    }
}
