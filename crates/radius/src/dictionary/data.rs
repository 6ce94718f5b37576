//! The types of values (RFC 8044).

/// How an attribute's value is written in octets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DataType {
    /// Text, UTF-8 by intention.
    String,
    /// Any octets; also every type that is not known here.
    Octets,
    /// An unsigned number of one octet.
    Byte,
    /// An unsigned number of two octets.
    Short,
    /// An unsigned number of four octets.
    Integer,
    /// An unsigned number of eight octets.
    Integer64,
    /// A signed number of four octets.
    Signed,
    /// Seconds since 1970, four octets.
    Date,
    /// An IPv4 address.
    Ipv4,
    /// A reserved octet, a prefix length and four octets of IPv4 address (RFC 8044 section 3.11).
    Ipv4Prefix,
    /// An IPv6 address.
    Ipv6,
    /// A reserved octet, a prefix length and up to sixteen octets (RFC 3162 section 2.3).
    Ipv6Prefix,
    /// Eight octets of interface identifier (RFC 3162 section 2.2).
    InterfaceId,
    /// An Ethernet address.
    Ethernet,
}

impl DataType {
    /// Reads a type's name as dictionaries write it. The second part says whether it is known here:
    /// unknown types are kept as octets.
    pub(super) fn from_name(name: &str) -> (Self, bool) {
        let known = match name.to_ascii_lowercase().as_str() {
            "string" | "text" => Self::String,
            "octets" | "abinary" | "vsa" => Self::Octets,
            "byte" | "uint8" => Self::Byte,
            "short" | "uint16" => Self::Short,
            "integer" | "uint32" | "enum" => Self::Integer,
            "integer64" | "uint64" => Self::Integer64,
            "signed" | "int32" => Self::Signed,
            "date" | "time" => Self::Date,
            "ipaddr" | "ipv4addr" => Self::Ipv4,
            "ipv4prefix" => Self::Ipv4Prefix,
            "ipv6addr" => Self::Ipv6,
            "ipv6prefix" => Self::Ipv6Prefix,
            "ifid" => Self::InterfaceId,
            "ether" => Self::Ethernet,
            _ => return (Self::Octets, false),
        };
        (known, true)
    }

    /// Octets of a number of this type; `None` when this type is not a number.
    pub(super) const fn number_width(self) -> Option<usize> {
        match self {
            Self::Byte => Some(1),
            Self::Short => Some(2),
            Self::Integer | Self::Signed | Self::Date => Some(4),
            Self::Integer64 => Some(8),
            _ => None,
        }
    }

    /// What a value of this type looks like, for error messages.
    pub(super) const fn example(self) -> &'static str {
        match self {
            Self::String => "text",
            Self::Octets => "0x followed by hexadecimal digits",
            Self::Byte => "a number from 0 to 255",
            Self::Short => "a number from 0 to 65535",
            Self::Integer => "a number from 0 to 4294967295",
            Self::Integer64 => "a number from 0 to 18446744073709551615",
            Self::Signed => "a number from -2147483648 to 2147483647",
            Self::Date => "a time such as 2026-08-01T12:00:00Z, or seconds since 1970",
            Self::Ipv4 => "an address such as 192.0.2.1",
            Self::Ipv4Prefix => "a prefix such as 192.0.2.0/24",
            Self::Ipv6 => "an address such as 2001:db8::1",
            Self::Ipv6Prefix => "a prefix such as 2001:db8::/64",
            Self::InterfaceId => "four groups such as 0:0:0:1",
            Self::Ethernet => "an address such as aa:bb:cc:dd:ee:ff",
        }
    }
}
