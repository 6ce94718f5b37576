//! The issuers of the certificates that are asked about: each is kept once, though a question is kept for every certificate.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use nac_pki::OcspQuestion;

/// More issuers than any site has. Beyond that each question keeps its own.
const MOST: usize = 256;

/// One question of each issuer.
#[derive(Debug, Default)]
pub(super) struct Issuers(Mutex<HashMap<String, OcspQuestion>>);

impl Issuers {
    /// The same question, with the issuer that others have already.
    pub(super) fn share(&self, mut question: OcspQuestion) -> OcspQuestion {
        let mut issuers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let issuance = &question.issuance;
        let key = issuance.authority_key.as_deref().unwrap_or_default();
        let name = format!("{}/{key}", issuance.issuer);
        match issuers.get(&name) {
            Some(known) => question.share_issuer(known),
            None if issuers.len() < MOST => {
                issuers.insert(name, question.clone());
            }
            None => {}
        }
        question
    }
}
