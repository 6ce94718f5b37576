use super::engine;

/// The policies that some warning containing `said` is about.
fn warned(text: &str, said: &str) -> Vec<String> {
    let engine = engine(text);
    let about = engine
        .warnings()
        .iter()
        .filter(|warning| warning.message.contains(said));
    about.filter_map(|warning| warning.policy.clone()).collect()
}

#[test]
fn a_permit_that_a_mac_alone_can_reach_is_doubtful() {
    let text = r#"
        @id("bad") @segment("staff") @order("1")
        permit (principal, action, resource) when { context.device.known };
        @id("bad-group") @segment("staff") @order("2")
        permit (principal in Group::"staff", action, resource);
        @id("by-method") @segment("printers") @order("3")
        permit (principal, action, resource) when { context.method == "MAB" };
        @id("by-eap") @segment("staff") @order("4")
        permit (principal, action, resource) when { context.eap };
        @id("by-kind") @segment("staff") @order("5")
        permit (principal, action, resource) when { context.identity.kind == "user" };
        @id("by-type") @segment("staff") @order("6")
        permit (principal, action, resource) when { principal is User };
        @id("by-scope") @segment("staff") @order("7")
        permit (principal is User in Group::"staff", action, resource);
        @id("open") @segment("registration") @order("8")
        permit (principal, action, resource) when { !context.device.known };
        @id("watched") @segment("staff") @order("9") @mode("monitor")
        permit (principal, action, resource) when { context.device.known };"#;
    assert_eq!(warned(text, "MAC address alone"), ["bad", "bad-group"]);
}

#[test]
fn a_permit_without_conditions_is_doubtful() {
    let text = r#"@id("all") @segment("guest") permit (principal, action, resource);"#;
    assert_eq!(warned(text, "no conditions"), ["all"]);
}

#[test]
fn permits_that_share_an_order_are_doubtful_when_their_segments_differ() {
    let permit = |id: &str, segment: &str| {
        format!(
            r#"@id("{id}") @segment("{segment}") permit (principal is User, action, resource);"#
        )
    };
    let text = permit("a", "staff") + &permit("b", "guest") + &permit("c", "staff");
    assert_eq!(warned(&text, "same @order"), ["b"]);
}

#[test]
fn a_set_that_permits_nothing_and_a_policy_that_never_matches_are_doubtful() {
    assert_eq!(engine("").warnings().len(), 1);
    let text = r#"@id("never") @segment("staff")
        permit (principal is User, action, resource) when { context.eap && principal is Mac };"#;
    assert_eq!(warned(text, "impossible"), ["never"]);
}
