//! Section 3.31: the three tunnel attributes that name a VLAN.

use nac_test_support::wire::attribute;
use nac_test_support::{Subject, cast};

#[test]
fn an_accept_names_the_vlan_with_all_three_attributes() {
    let client = Subject::shared().client();
    let request = client
        .access_request(1, cast::USER)
        .with_password(cast::PASSWORD);
    let reply = client.answer(&request);
    let tunnel_type = reply.first(attribute::TUNNEL_TYPE).expect("Tunnel-Type");
    let medium = reply.first(65).expect("Tunnel-Medium-Type");
    assert_eq!(tunnel_type.get(1..), Some(&[0, 0, 13][..]), "VLAN");
    assert_eq!(medium.get(1..), Some(&[0, 0, 6][..]), "IEEE-802");
    assert_eq!(tunnel_type[0], medium[0], "one tag");
    assert_eq!(reply.vlan().as_deref(), Some(cast::STAFF_VLAN));
}
