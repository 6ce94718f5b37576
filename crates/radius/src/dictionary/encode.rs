//! From a name and a text to an attribute of a packet.

use thiserror::Error;

use super::{DataType, Dictionary, DictionaryAttribute, Encryption, value};
use crate::builder::{DoesNotFit, PacketBuilder};
use crate::secret::Secret;

/// Why a name and a value do not become an attribute. Values are not repeated, they may be secret.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum EncodeError {
    /// No dictionary defines the name.
    #[error(
        "no attribute is named {name}: check the spelling, or add a dictionary that defines it"
    )]
    UnknownAttribute {
        /// The name as given.
        name: String,
    },
    /// The value does not fit the attribute's type.
    #[error("the value of {name} must be {expected}")]
    WrongValue {
        /// The attribute's name.
        name: String,
        /// What a right value looks like.
        expected: String,
    },
    /// A tag was given to an attribute without tags, or one that is not 0 to 31.
    #[error("{name} cannot have that tag: only tunnel attributes have one, from 0 to 31")]
    WrongTag {
        /// The name as given.
        name: String,
    },
    /// The value is hidden with the shared secret, which a name and a value do not tell.
    #[error("{name} is encrypted and cannot be given as plain text")]
    Encrypted {
        /// The attribute's name.
        name: String,
    },
    /// The vendor does not use the format that RFC 2865 section 5.26 recommends.
    #[error("{name} belongs to a vendor with an unusual attribute format")]
    UnusualVendor {
        /// The attribute's name.
        name: String,
    },
    /// The packet or the attribute has no room for it.
    #[error("{name}: {source}")]
    DoesNotFit {
        /// The attribute's name.
        name: String,
        /// What does not fit.
        source: DoesNotFit,
    },
}

impl Dictionary {
    /// Adds the attribute `name` with the value that `value` stands for.
    ///
    /// A tag follows the name: `Tunnel-Type:1`. Numbers may be given by the names of their
    /// enumeration; octets as `0x…`. A name of the form `Attr-N` or `Vendor-N-Attr-M`, as
    /// [`describe`](Self::describe) gives to what no dictionary defines, takes octets.
    pub fn encode(
        &self,
        builder: &mut PacketBuilder,
        name: &str,
        value: &str,
    ) -> Result<(), EncodeError> {
        let (base, tag) = split_tag(name)?;
        let unnamed;
        let attribute = match self.by_name(base) {
            Some(known) => known,
            None => {
                unnamed = DictionaryAttribute::unnamed(base).ok_or_else(|| {
                    EncodeError::UnknownAttribute {
                        name: name.to_owned(),
                    }
                })?;
                &unnamed
            }
        };
        if attribute.encryption != Encryption::None {
            return Err(EncodeError::Encrypted {
                name: name.to_owned(),
            });
        }
        let octets = self.tagged_octets(attribute, name, tag, value)?;
        let fit = |source| EncodeError::DoesNotFit {
            name: name.to_owned(),
            source,
        };
        match attribute.vendor {
            None if attribute.concatenated => builder.push_split(attribute.number, &octets),
            None => builder.push(attribute.number, &octets),
            Some(vendor) if self.vendor_is_usual(vendor) => {
                builder.push_vendor(vendor, attribute.number, &octets)
            }
            Some(_) => {
                return Err(EncodeError::UnusualVendor {
                    name: name.to_owned(),
                });
            }
        }
        .map_err(fit)
    }

    /// [`encode`](Self::encode) into a reply, where a value that is hidden with a salt (RFC 2868 section 3.5) is hidden.
    pub fn encode_secret(
        &self,
        builder: &mut PacketBuilder,
        name: &str,
        value: &str,
        salt: [u8; 2],
        request_authenticator: &[u8; 16],
        secret: &Secret,
    ) -> Result<(), EncodeError> {
        let (base, tag) = split_tag(name)?;
        let salted = self
            .by_name(base)
            .filter(|known| known.encryption == Encryption::Salted);
        let Some(known) = salted else {
            return self.encode(builder, name, value);
        };
        let (number, clear) = (known.number, value.as_bytes());
        match known.vendor {
            Some(vendor) => builder.push_vendor_salted(
                vendor,
                number,
                clear,
                salt,
                request_authenticator,
                secret,
            ),
            None => builder.push_tunnel_password(
                tag.unwrap_or(0),
                clear,
                salt,
                request_authenticator,
                secret,
            ),
        }
        .map_err(|source| EncodeError::DoesNotFit {
            name: name.to_owned(),
            source,
        })
    }

    fn tagged_octets(
        &self,
        attribute: &DictionaryAttribute,
        name: &str,
        tag: Option<u8>,
        value: &str,
    ) -> Result<Vec<u8>, EncodeError> {
        if tag.is_some() && !attribute.tagged {
            return Err(EncodeError::WrongTag {
                name: name.to_owned(),
            });
        }
        let wrong = || EncodeError::WrongValue {
            name: name.to_owned(),
            expected: match attribute.values().next() {
                Some((first, _)) => {
                    format!(
                        "{}, or a name such as {first}",
                        attribute.data_type.example()
                    )
                }
                None => attribute.data_type.example().to_owned(),
            },
        };
        let mut octets = value::to_octets(attribute, value).ok_or_else(wrong)?;
        if attribute.tagged && attribute.data_type == DataType::Integer {
            // The tag takes the first of the four octets (RFC 2868 section 3.1).
            let first = octets
                .first_mut()
                .filter(|first| **first == 0)
                .ok_or_else(wrong)?;
            *first = tag.unwrap_or(0);
        } else if let Some(tag) = tag {
            octets.insert(0, tag);
        }
        Ok(octets)
    }
}

impl DictionaryAttribute {
    /// The attribute that a name like `Attr-241` or `Vendor-9-Attr-250` stands for.
    fn unnamed(name: &str) -> Option<Self> {
        let (vendor, number) = match name.strip_prefix("Vendor-") {
            Some(rest) => {
                let (vendor, number) = rest.split_once("-Attr-")?;
                (Some(vendor.parse().ok()?), number)
            }
            None => (None, name.strip_prefix("Attr-")?),
        };
        Some(Self {
            name: name.to_owned(),
            vendor,
            number: number.parse().ok()?,
            data_type: DataType::Octets,
            tagged: false,
            encryption: Encryption::None,
            concatenated: false,
            secret: false,
            values: Vec::new(),
        })
    }
}

/// Splits `Tunnel-Type:1` into name and tag.
fn split_tag(name: &str) -> Result<(&str, Option<u8>), EncodeError> {
    let Some((base, tag)) = name.rsplit_once(':') else {
        return Ok((name, None));
    };
    match tag.parse::<u8>() {
        Ok(tag @ 0..=31) => Ok((base, Some(tag))),
        _ => Err(EncodeError::WrongTag {
            name: name.to_owned(),
        }),
    }
}
