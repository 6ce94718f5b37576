//! Numbers of the standard attributes that this server handles by number.
//!
//! All others are known by name only, from the [`Dictionary`](crate::Dictionary).

/// User-Name: who wants to connect (RFC 2865 section 5.1).
pub const USER_NAME: u8 = 1;
/// User-Password: the hidden password of PAP (RFC 2865 section 5.2).
pub const USER_PASSWORD: u8 = 2;
/// CHAP-Password: identifier and response of CHAP (RFC 2865 section 5.3).
pub const CHAP_PASSWORD: u8 = 3;
/// NAS-IP-Address: the NAS's own IPv4 address (RFC 2865 section 5.4).
pub const NAS_IP_ADDRESS: u8 = 4;
/// NAS-Port: the number of the port (RFC 2865 section 5.5).
pub const NAS_PORT: u8 = 5;
/// Service-Type: what kind of service is asked for (RFC 2865 section 5.6).
pub const SERVICE_TYPE: u8 = 6;
/// Framed-Protocol: the framing of the link (RFC 2865 section 5.7).
pub const FRAMED_PROTOCOL: u8 = 7;
/// Framed-IP-Address: the endpoint's IPv4 address (RFC 2865 section 5.8).
pub const FRAMED_IP_ADDRESS: u8 = 8;
/// Filter-Id: the name of a filter, ACL or role on the NAS (RFC 2865 section 5.11).
pub const FILTER_ID: u8 = 11;
/// Framed-MTU: the largest frame towards the endpoint (RFC 2865 section 5.12).
pub const FRAMED_MTU: u8 = 12;
/// Reply-Message: text for a person (RFC 2865 section 5.18).
pub const REPLY_MESSAGE: u8 = 18;
/// State: the server's own handle of a conversation (RFC 2865 section 5.24).
pub const STATE: u8 = 24;
/// Class: the server's own handle of a session (RFC 2865 section 5.25).
pub const CLASS: u8 = 25;
/// Vendor-Specific: a container of vendors' attributes (RFC 2865 section 5.26).
pub const VENDOR_SPECIFIC: u8 = 26;
/// Session-Timeout: seconds until the session ends or is authenticated again (RFC 2865 section 5.27).
pub const SESSION_TIMEOUT: u8 = 27;
/// Idle-Timeout: seconds of silence until the session ends (RFC 2865 section 5.28).
pub const IDLE_TIMEOUT: u8 = 28;
/// Termination-Action: what the NAS does at Session-Timeout (RFC 2865 section 5.29).
pub const TERMINATION_ACTION: u8 = 29;
/// Called-Station-Id: the NAS's MAC address, and the SSID (RFC 2865 section 5.30, RFC 3580 section 3.20).
pub const CALLED_STATION_ID: u8 = 30;
/// Calling-Station-Id: the endpoint's MAC address (RFC 2865 section 5.31, RFC 3580 section 3.21).
pub const CALLING_STATION_ID: u8 = 31;
/// NAS-Identifier: the NAS's name (RFC 2865 section 5.32).
pub const NAS_IDENTIFIER: u8 = 32;
/// Proxy-State: a proxy's own handle, to be echoed (RFC 2865 section 5.33).
pub const PROXY_STATE: u8 = 33;
/// Acct-Status-Type: start, stop, interim and so on (RFC 2866 section 5.1).
pub const ACCT_STATUS_TYPE: u8 = 40;
/// Acct-Delay-Time: seconds since the event reported (RFC 2866 section 5.2).
pub const ACCT_DELAY_TIME: u8 = 41;
/// Acct-Input-Octets: octets from the endpoint, low 32 bits (RFC 2866 section 5.3).
pub const ACCT_INPUT_OCTETS: u8 = 42;
/// Acct-Output-Octets: octets to the endpoint, low 32 bits (RFC 2866 section 5.4).
pub const ACCT_OUTPUT_OCTETS: u8 = 43;
/// Acct-Session-Id: the NAS's name of the session (RFC 2866 section 5.5).
pub const ACCT_SESSION_ID: u8 = 44;
/// Acct-Authentic: how the endpoint was authenticated (RFC 2866 section 5.6).
pub const ACCT_AUTHENTIC: u8 = 45;
/// Acct-Session-Time: seconds of the session so far (RFC 2866 section 5.7).
pub const ACCT_SESSION_TIME: u8 = 46;
/// Acct-Input-Packets: packets from the endpoint (RFC 2866 section 5.8).
pub const ACCT_INPUT_PACKETS: u8 = 47;
/// Acct-Output-Packets: packets to the endpoint (RFC 2866 section 5.9).
pub const ACCT_OUTPUT_PACKETS: u8 = 48;
/// Acct-Terminate-Cause: why the session ended (RFC 2866 section 5.10).
pub const ACCT_TERMINATE_CAUSE: u8 = 49;
/// Acct-Multi-Session-Id: the NAS's name of related sessions (RFC 2866 section 5.11).
pub const ACCT_MULTI_SESSION_ID: u8 = 50;
/// Acct-Input-Gigawords: how often Acct-Input-Octets wrapped (RFC 2869 section 5.1).
pub const ACCT_INPUT_GIGAWORDS: u8 = 52;
/// Acct-Output-Gigawords: how often Acct-Output-Octets wrapped (RFC 2869 section 5.2).
pub const ACCT_OUTPUT_GIGAWORDS: u8 = 53;
/// Event-Timestamp: when the event happened, seconds since 1970 (RFC 2869 section 5.3).
pub const EVENT_TIMESTAMP: u8 = 55;
/// Egress-VLANID: a VLAN that may leave the port, tagged or not (RFC 4675 section 2.1).
pub const EGRESS_VLANID: u8 = 56;
/// Egress-VLAN-Name: the same by name (RFC 4675 section 2.3).
pub const EGRESS_VLAN_NAME: u8 = 58;
/// CHAP-Challenge: the challenge of CHAP (RFC 2865 section 5.40).
pub const CHAP_CHALLENGE: u8 = 60;
/// NAS-Port-Type: Ethernet, Wireless-802.11 and so on (RFC 2865 section 5.41).
pub const NAS_PORT_TYPE: u8 = 61;
/// Tunnel-Type: 13 for a VLAN (RFC 2868 section 3.1, RFC 3580 section 3.31).
pub const TUNNEL_TYPE: u8 = 64;
/// Tunnel-Medium-Type: 6 for IEEE 802 (RFC 2868 section 3.2, RFC 3580 section 3.31).
pub const TUNNEL_MEDIUM_TYPE: u8 = 65;
/// Tunnel-Password: a salt-encrypted password or PSK (RFC 2868 section 3.5).
pub const TUNNEL_PASSWORD: u8 = 69;
/// ARAP-Password: an AppleTalk login, known so that it is not taken for one among others (RFC 2869 section 5.4).
pub const ARAP_PASSWORD: u8 = 70;
/// Connect-Info: what the NAS says about the link (RFC 2869 section 5.11).
pub const CONNECT_INFO: u8 = 77;
/// EAP-Message: a piece of an EAP packet (RFC 3579 section 3.1).
pub const EAP_MESSAGE: u8 = 79;
/// Message-Authenticator: the keyed hash over the packet (RFC 3579 section 3.2).
pub const MESSAGE_AUTHENTICATOR: u8 = 80;
/// Tunnel-Private-Group-ID: the VLAN's number or name (RFC 2868 section 3.6, RFC 3580 section 3.31).
pub const TUNNEL_PRIVATE_GROUP_ID: u8 = 81;
/// Acct-Interim-Interval: seconds between interim reports (RFC 2869 section 5.16).
pub const ACCT_INTERIM_INTERVAL: u8 = 85;
/// NAS-Port-Id: the name of the port (RFC 2869 section 5.17).
pub const NAS_PORT_ID: u8 = 87;
/// Chargeable-User-Identity: a stable opaque name of the user (RFC 4372 section 2.2).
pub const CHARGEABLE_USER_IDENTITY: u8 = 89;
/// NAS-Filter-Rule: a piece of the filter rules (RFC 4849 section 2).
pub const NAS_FILTER_RULE: u8 = 92;
/// NAS-IPv6-Address: the NAS's own IPv6 address (RFC 3162 section 2.1).
pub const NAS_IPV6_ADDRESS: u8 = 95;
/// Error-Cause: why a NAS did not do as asked (RFC 5176 section 3.5).
pub const ERROR_CAUSE: u8 = 101;
/// EAP-Key-Name: the EAP Session-Id (RFC 4072 section 2.8).
pub const EAP_KEY_NAME: u8 = 102;
/// Framed-IPv6-Address: the endpoint's IPv6 address (RFC 6911 section 3.1).
pub const FRAMED_IPV6_ADDRESS: u8 = 168;
/// Allowed-Called-Station-Id: where the endpoint may connect (RFC 7268 section 2).
pub const ALLOWED_CALLED_STATION_ID: u8 = 174;
/// Mobility-Domain-Id: the domain of fast transitions (RFC 7268 section 2).
pub const MOBILITY_DOMAIN_ID: u8 = 177;
/// WLAN-Pairwise-Cipher: the pairwise cipher suite (RFC 7268 section 2).
pub const WLAN_PAIRWISE_CIPHER: u8 = 186;
/// WLAN-Group-Cipher: the group cipher suite (RFC 7268 section 2).
pub const WLAN_GROUP_CIPHER: u8 = 187;
/// WLAN-AKM-Suite: the key management suite (RFC 7268 section 2).
pub const WLAN_AKM_SUITE: u8 = 188;
