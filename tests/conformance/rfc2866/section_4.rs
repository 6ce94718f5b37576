//! Section 4: an Accounting-Response is sent when, and only when, the record was kept.

use nac_test_support::exchange::Exchange;
use nac_test_support::wire::{Request, attribute, code};
use nac_test_support::{Subject, SubjectKind};

fn record(client: &Exchange, identifier: u8, status: u32, session: &str) -> Request {
    client
        .request(code::ACCOUNTING_REQUEST, identifier)
        .with(attribute::ACCT_STATUS_TYPE, status.to_be_bytes())
        .with(attribute::ACCT_SESSION_ID, session)
        .with(attribute::USER_NAME, "alice")
        .with(attribute::CALLING_STATION_ID, "02-00-00-00-00-10")
        .with(attribute::NAS_IP_ADDRESS, [127, 0, 0, 1])
        .with(attribute::NAS_PORT, 7_u32.to_be_bytes())
}

#[test]
fn start_interim_and_stop_are_answered() {
    let client = Subject::shared().accounting_client();
    for (identifier, status) in [(1, 1), (2, 3), (3, 2)] {
        let reply = client.answer(&record(&client, identifier, status, "whole-life"));
        assert_eq!(reply.code, code::ACCOUNTING_RESPONSE, "status {status}");
    }
}

#[test]
fn a_nas_that_boots_is_answered() {
    let client = Subject::shared().accounting_client();
    for (identifier, status) in [(4, 7), (5, 8)] {
        let request = client
            .request(code::ACCOUNTING_REQUEST, identifier)
            .with(attribute::ACCT_STATUS_TYPE, (status as u32).to_be_bytes())
            .with(attribute::ACCT_SESSION_ID, "boot")
            .with(attribute::NAS_IP_ADDRESS, [127, 0, 0, 1]);
        assert_eq!(
            client.answer(&request).code,
            code::ACCOUNTING_RESPONSE,
            "status {status}"
        );
    }
}

#[test]
fn a_stop_without_its_start_is_kept() {
    let client = Subject::shared().accounting_client();
    let reply = client.answer(&record(&client, 6, 2, "never-started"));
    assert_eq!(reply.code, code::ACCOUNTING_RESPONSE);
}

#[test]
fn accounting_sent_to_the_authentication_port_is_discarded() {
    let subject = Subject::shared();
    let client = subject.client();
    let ignored = client.is_ignored(&record(&client, 7, 1, "wrong-port").bytes());
    assert!(
        ignored,
        "{:?} answered",
        if subject.kind() == SubjectKind::Nac {
            "nac"
        } else {
            "FreeRADIUS"
        }
    );
}
