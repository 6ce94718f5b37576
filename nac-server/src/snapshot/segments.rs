//! What may be answered: each segment as the attributes of each vendor, encoded once and not per packet.

use std::collections::HashMap;
use std::sync::Arc;

use nac_radius::{
    Code, Dictionary, Packet, PacketBuilder, Secret, SegmentAttributes, VendorProfile,
};
use nac_store::{Segment, Store, StoreError};

/// A segment in one vendor's words.
#[derive(Debug, Default)]
pub struct SegmentAnswer {
    /// Attribute number and value, in the order to send.
    pub encoded: Vec<(u8, Vec<u8>)>,
    /// The same by name, as decision records tell what was sent.
    pub described: Vec<(String, String)>,
}

impl SegmentAnswer {
    /// Whether both tell a NAS the same.
    pub fn is_same(&self, other: &Self) -> bool {
        self.encoded == other.encoded
    }

    /// Whether an answer with these attributes, by name, told all of this.
    pub fn is_within(&self, sent: &[(String, String)]) -> bool {
        self.described.iter().all(|one| sent.contains(one))
    }
}

/// Every segment for every vendor profile.
#[derive(Debug, Default)]
pub struct SegmentTable {
    answers: HashMap<String, HashMap<&'static str, Arc<SegmentAnswer>>>,
}

impl SegmentTable {
    pub(super) async fn load(store: &Store) -> Result<Self, StoreError> {
        let mut answers = HashMap::new();
        for segment in store.segment_list().await? {
            let by_profile = VendorProfile::embedded()
                .iter()
                .map(|profile| (profile.name.as_str(), Arc::new(encode(profile, &segment))))
                .collect();
            answers.insert(segment.name, by_profile);
        }
        Ok(Self { answers })
    }

    /// The attributes of `segment` for a client with this profile.
    pub fn answer(&self, segment: &str, profile: &VendorProfile) -> Option<&Arc<SegmentAnswer>> {
        self.answers.get(segment)?.get(profile.name.as_str())
    }

    /// Every segment's name, which is what policies may use.
    pub fn names(&self) -> Vec<String> {
        self.answers.keys().cloned().collect()
    }
}

fn encode(profile: &VendorProfile, segment: &Segment) -> SegmentAnswer {
    let attributes = profile.accept(&SegmentAttributes {
        vlan: segment.vlan.as_deref(),
        role: segment.role.as_deref(),
        acl: &segment.acl,
        redirect: segment.redirect.as_deref(),
        redirect_acl: segment.redirect_acl.as_deref(),
        session_timeout_s: segment.session_timeout_s,
    });
    let mut builder = PacketBuilder::request(Code::AccountingRequest, 0, [0; 16]);
    for (name, value) in &attributes {
        if let Err(error) = Dictionary::embedded().encode(&mut builder, name, value) {
            tracing::debug!(segment = %segment.name, profile = %profile.name, attribute = %name, %error,
                "this segment cannot be told to this vendor's devices in full");
        }
    }
    let bytes = builder.seal(&Secret::new([]));
    let Ok(packet) = Packet::parse(&bytes) else {
        return SegmentAnswer::default();
    };
    SegmentAnswer {
        encoded: packet
            .attributes()
            .map(|attribute| (attribute.number, attribute.value.to_vec()))
            .collect(),
        described: Dictionary::embedded()
            .describe(&packet)
            .into_iter()
            .map(|described| (described.name, described.value))
            .collect(),
    }
}
