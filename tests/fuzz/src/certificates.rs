//! Certificates: what the peer of a TLS handshake, or an administrator, hands us.

use nac_pki::{
    Anchors, CertificateFacts, MAX_NAMES, OcspAnswer, OcspQuestion, RevocationList,
    pem_certificates, pem_key, revocation_lists,
};

use rustls_pki_types::CertificateDer;

/// A certificate in DER; the same octets as a PEM file, if they are text; and as what others say about certificates.
pub fn certificate_facts(input: &[u8]) {
    for list in revocation_lists(input).unwrap_or_default() {
        assert!(
            RevocationList::read(&list, &[]).is_err(),
            "nobody signed it"
        );
    }
    let _ = OcspAnswer::read(input);
    let anchor = CertificateDer::from(input);
    for question in
        OcspQuestion::of_chain(std::slice::from_ref(&anchor), std::slice::from_ref(&anchor))
    {
        assert!(!question.request().is_empty());
        assert!(question.read(input, 0).is_err(), "it is a certificate");
    }
    if let Ok(way) = Anchors::default().way(&[input.into()]) {
        assert_eq!(way.len(), 1);
    }
    if let Ok(text) = std::str::from_utf8(input) {
        let _ = pem_key(text);
        for certificate in pem_certificates(text).unwrap_or_default() {
            let _ = CertificateFacts::read(&certificate);
        }
    }
    let facts = match CertificateFacts::read(input) {
        Ok(facts) => facts,
        Err(error) => {
            assert!(!error.to_string().is_empty());
            return;
        }
    };
    let lists = [&facts.emails, &facts.dns_names, &facts.uris, &facts.upns];
    let singles = [&facts.subject, &facts.issuer, &facts.serial];
    let optional = facts.common_name.iter().chain(&facts.device_id);
    for text in lists.into_iter().flatten().chain(singles).chain(optional) {
        assert!(
            !text.chars().any(char::is_control),
            "{text:?} goes to logs and pages"
        );
    }
    assert!(lists.iter().all(|list| list.len() <= MAX_NAMES));
    assert!(facts.addresses.len() <= MAX_NAMES);
    assert_eq!(facts.fingerprint_sha256.len(), 64);
    let _ = facts.user_name();
}
