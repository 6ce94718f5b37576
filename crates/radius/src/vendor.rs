//! Private enterprise numbers of vendors, and the attributes of theirs handled by number.

/// No vendor: the number that IANA reserves.
pub const NONE: u32 = 0;
/// Cisco Systems.
pub const CISCO: u32 = 9;
/// Hewlett-Packard, ProCurve and ArubaOS-Switch.
pub const HP: u32 = 11;
/// Microsoft.
pub const MICROSOFT: u32 = 311;
/// Extreme Networks.
pub const EXTREME: u32 = 1916;
/// Foundry Networks, now Ruckus ICX.
pub const FOUNDRY: u32 = 1991;
/// Huawei.
pub const HUAWEI: u32 = 2011;
/// Juniper Networks.
pub const JUNIPER: u32 = 2636;
/// Fortinet.
pub const FORTINET: u32 = 12_356;
/// Airespace, now Cisco wireless controllers.
pub const AIRESPACE: u32 = 14_179;
/// Aruba.
pub const ARUBA: u32 = 14_823;
/// MikroTik.
pub const MIKROTIK: u32 = 14_988;
/// Ruckus Wireless.
pub const RUCKUS: u32 = 25_053;
/// Aerohive, now Extreme Networks.
pub const AEROHIVE: u32 = 26_928;
/// Cisco Meraki.
pub const MERAKI: u32 = 29_671;
/// Ubiquiti.
pub const UBIQUITI: u32 = 41_112;

/// Microsoft's attributes (RFC 2548).
pub mod microsoft {
    /// MS-CHAP-Response: the answer of MS-CHAPv1 (section 2.1.3).
    pub const CHAP_RESPONSE: u8 = 1;
    /// MS-CHAP-Error: why MS-CHAP failed (section 2.1.5).
    pub const CHAP_ERROR: u8 = 2;
    /// MS-CHAP-NT-Enc-PW: a piece of a new password.
    pub const CHAP_NT_ENC_PW: u8 = 6;
    /// MS-MPPE-Encryption-Policy (section 2.4.4).
    pub const MPPE_ENCRYPTION_POLICY: u8 = 7;
    /// MS-MPPE-Encryption-Types (section 2.4.5).
    pub const MPPE_ENCRYPTION_TYPES: u8 = 8;
    /// MS-CHAP-Domain: the domain that authenticated (section 2.1.4).
    pub const CHAP_DOMAIN: u8 = 10;
    /// MS-CHAP-Challenge: the NAS's challenge (section 2.1.2).
    pub const CHAP_CHALLENGE: u8 = 11;
    /// MS-CHAP-MPPE-Keys: the keys of MS-CHAPv1 (section 2.4.1).
    pub const CHAP_MPPE_KEYS: u8 = 12;
    /// MS-MPPE-Send-Key: the key from the NAS's side (section 2.4.2).
    pub const MPPE_SEND_KEY: u8 = 16;
    /// MS-MPPE-Recv-Key: the key to the NAS's side (section 2.4.3).
    pub const MPPE_RECV_KEY: u8 = 17;
    /// MS-CHAP2-Response: the answer of MS-CHAPv2 (section 2.3.2).
    pub const CHAP2_RESPONSE: u8 = 25;
    /// MS-CHAP2-Success: the server's proof (section 2.3.3).
    pub const CHAP2_SUCCESS: u8 = 26;
    /// MS-CHAP2-CPW: the change of a password (section 2.3.4).
    pub const CHAP2_CPW: u8 = 27;
}

/// Cisco's attributes.
pub mod cisco {
    /// Cisco-AVPair: `name=value` text for everything.
    pub const AV_PAIR: u8 = 1;
}

/// Aruba's attributes.
pub mod aruba {
    /// Aruba-User-Role: the role's name.
    pub const USER_ROLE: u8 = 1;
    /// Aruba-Essid-Name: the SSID.
    pub const ESSID_NAME: u8 = 5;
    /// Aruba-MPSK-Passphrase: one device's own PSK, salt-encrypted.
    pub const MPSK_PASSPHRASE: u8 = 44;
}

/// MikroTik's attributes.
pub mod mikrotik {
    /// Mikrotik-Wireless-PSK: one device's own PSK.
    pub const WIRELESS_PSK: u8 = 16;
}

/// Ruckus's attributes.
pub mod ruckus {
    /// Ruckus-SSID: the SSID.
    pub const SSID: u8 = 3;
    /// Ruckus-DPSK: one device's own PSK, as the derived key.
    pub const DPSK: u8 = 142;
    /// Ruckus-DPSK-Params: what a NAS knows of the four-way handshake.
    pub const DPSK_PARAMS: u8 = 153;
}
