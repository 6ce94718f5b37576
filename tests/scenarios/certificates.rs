//! The server's own certificates, as wpa_supplicant sees them.

use std::path::Path;

use nac_test_support::directory::TestDirectory;
use nac_test_support::eapol_test::{Method, Outcome, Supplicant, TlsVersion};
use nac_test_support::openssl::{Key, OpensslAuthority, SERVER};
use nac_test_support::{cast, wait};

use crate::site::{SOON, Site};

/// A site with alice, and a client that is this machine.
fn site() -> Site {
    let site = Site::start();
    site.staff("alice");
    let secret = site.secret_file().display().to_string();
    site.nac(&[
        "client",
        "add",
        "lab",
        "--address",
        "127.0.0.1",
        "--secret-file",
        &secret,
    ]);
    site
}

fn configure(site: &Site, keys: &[(&str, &Path)]) {
    site.configure(|table| {
        let eap = table["eap"].as_table_mut().expect("[eap] is a section");
        for (key, file) in keys {
            eap.insert((*key).to_owned(), file.display().to_string().into());
        }
    });
    site.reload("configuration reloaded");
}

fn log_in(site: &Site, version: TlsVersion, ca: &Path, ciphers: &str, ocsp: u8) -> Outcome {
    let mut supplicant = Supplicant::new(Method::TtlsPap, version, ca);
    supplicant.identity = "alice";
    supplicant.ciphers = ciphers;
    supplicant.ocsp = ocsp;
    supplicant.run(site.auth, cast::SECRET)
}

#[test]
fn a_supplicant_that_knows_rsa_only_is_shown_the_second_certificate() {
    const RSA: &str = "ECDHE-RSA-AES128-GCM-SHA256";
    const ECDSA: &str = "ECDHE-ECDSA-AES128-GCM-SHA256";
    let folder = TestDirectory::new("foreign");
    let root = OpensslAuthority::root(folder.path(), "Corporate Root");
    let rsa = root.issue("radius.example.org", Key::Rsa(2048), SERVER, &[]);
    let site = site();
    let alone = log_in(&site, TlsVersion::V12, &site.ca(), RSA, 0);
    assert!(!alone.success, "there is no RSA certificate yet");
    configure(
        &site,
        &[
            ("second_certificate", &rsa.certificate),
            ("second_key", &rsa.key),
        ],
    );
    // Who issued it tells one from the other.
    let (first, second) = (site.ca(), root.certificate());
    for (version, ciphers, ca, believed) in [
        (TlsVersion::V12, RSA, &second, true),
        (TlsVersion::V12, RSA, &first, false),
        (TlsVersion::V12, ECDSA, &first, true),
        (TlsVersion::V12, "", &first, true),
        (TlsVersion::V13, "", &first, true),
        (TlsVersion::V13, "", &second, false),
    ] {
        let outcome = log_in(&site, version, ca, ciphers, 0);
        let case = format!("{version:?} {ciphers}");
        assert_eq!(outcome.success, believed, "{case}:\n{}", outcome.tail());
    }
}

#[test]
fn an_ocsp_response_is_handed_out_while_it_is_good() {
    let folder = TestDirectory::new("foreign");
    let root = OpensslAuthority::root(folder.path(), "Corporate Root");
    let server = root.issue("radius.example.org", Key::P256, SERVER, &[]);
    let other = root.issue("other.example.org", Key::P256, SERVER, &[]);
    let response = folder.path().join("server.ocsp");
    let site = site();
    configure(
        &site,
        &[
            ("certificate", &server.certificate),
            ("key", &server.key),
            ("stapled_ocsp", &response),
        ],
    );
    let ca = root.certificate();
    // A supplicant that insists on a response gets in only with one; whoever takes one if there is one gets in without.
    let expect = |stapled: bool| {
        for version in TlsVersion::ALL {
            let insisting = log_in(&site, version, &ca, "", 2);
            assert_eq!(
                insisting.success,
                stapled,
                "{version:?}:\n{}",
                insisting.tail()
            );
            let content = log_in(&site, version, &ca, "", 1);
            assert!(content.success, "{version:?}:\n{}", content.tail());
        }
    };
    let noticed = |words: &str, change: &dyn Fn()| {
        let count = || site.log().matches(words).count();
        let before = count();
        change();
        assert!(
            wait::until(SOON * 4, || count() > before),
            "no `{words}`:\n{}",
            site.log()
        );
    };
    expect(false);
    assert!(site.log().contains("an OCSP response is not handed out"));
    noticed("another OCSP response is handed out", &|| {
        root.answer(&server.certificate, &response);
    });
    expect(true);
    noticed("about another certificate than the server's", &|| {
        root.answer(&other.certificate, &response);
    });
    expect(false);
    noticed("not a successful OCSP response", &|| {
        std::fs::write(&response, "no response").expect("written");
    });
    root.revoke(&server.certificate);
    noticed("says that the server's certificate is revoked", &|| {
        root.answer(&server.certificate, &response);
    });
    expect(false);
}
