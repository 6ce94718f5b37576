//! What may be answered: each segment as the attributes of each vendor, encoded once and not per packet.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use nac_portal::public::token::Tokens;
use nac_radius::{
    Code, Dictionary, Packet, PacketBuilder, Secret, SegmentAttributes, VendorProfile,
};
use nac_store::{Segment, Store, StoreError};
use uuid::Uuid;

/// What an administrator writes into a redirect where the session's own link belongs.
const SESSION_PLACE: &str = "{session}";
/// What stands there in the encoded attributes: as long as the link, so that no length changes with it.
const LINK_MARK: &str = "nac-session-link-nac-session-link-nac-sessi";

/// A segment in one vendor's words.
#[derive(Clone, Debug, Default)]
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
        let told = |(name, value): &(String, String)| {
            let mut sent = sent.iter();
            sent.any(|(sent_name, sent)| sent_name == name && is_same_but_for_link(value, sent))
        };
        self.described.iter().all(told)
    }

    /// The answer as one session is told it: with its own link, where the redirect has a place for it.
    pub fn told_to(&self, session: Uuid, links: &Tokens) -> Cow<'_, Self> {
        let has_mark = |value: &[u8]| find(value, LINK_MARK.as_bytes()).is_some();
        if !self.encoded.iter().any(|(_, value)| has_mark(value)) {
            return Cow::Borrowed(self);
        }
        let link = links.session_link(session);
        let mut told = self.clone();
        for (_, value) in &mut told.encoded {
            let at = find(value, LINK_MARK.as_bytes());
            let place = at.and_then(|at| value.get_mut(at..at + LINK_MARK.len()));
            if let Some(place) = place.filter(|place| place.len() == link.len()) {
                place.copy_from_slice(link.as_bytes());
            }
        }
        Cow::Owned(told)
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

fn find(value: &[u8], wanted: &[u8]) -> Option<usize> {
    value
        .windows(wanted.len())
        .position(|window| window == wanted)
}

fn is_same_but_for_link(value: &str, sent: &str) -> bool {
    match value.split_once(LINK_MARK) {
        None => value == sent,
        Some((before, after)) => sent
            .strip_prefix(before)
            .and_then(|rest| rest.strip_suffix(after))
            .is_some_and(|link| link.len() == LINK_MARK.len()),
    }
}

fn encode(profile: &VendorProfile, segment: &Segment) -> SegmentAnswer {
    let redirect = segment.redirect.as_ref();
    let redirect = redirect.map(|url| url.replace(SESSION_PLACE, LINK_MARK));
    let attributes = profile.accept(&SegmentAttributes {
        vlan: segment.vlan.as_deref(),
        role: segment.role.as_deref(),
        acl: &segment.acl,
        redirect: redirect.as_deref(),
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

#[cfg(test)]
mod tests {
    use nac_store::SealingKey;

    use super::*;

    async fn tokens() -> (Tokens, tempfile::TempDir) {
        let directory = tempfile::tempdir().expect("a directory");
        let url = format!("sqlite:{}", directory.path().join("nac.db").display());
        let key = SealingKey::generate().expect("a key");
        let store = Store::open(&url, Some(key)).await.expect("a store");
        (Tokens::new(&store).expect("tokens"), directory)
    }

    fn redirecting(url: &str) -> SegmentAnswer {
        let profile = VendorProfile::by_name("cisco-ios").expect("a profile");
        let segment = Segment {
            name: "registration".to_owned(),
            redirect: Some(url.to_owned()),
            ..Segment::default()
        };
        encode(profile, &segment)
    }

    #[tokio::test]
    async fn each_session_is_told_a_link_of_its_own_and_the_answer_stays_the_same() {
        let (tokens, _directory) = tokens().await;
        let answer = redirecting("https://nac.example.org:8443/r/{session}?");
        let (one, other) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let told = answer.told_to(one, &tokens);
        let link = format!(
            "https://nac.example.org:8443/r/{}?",
            tokens.session_link(one)
        );
        let text = |answer: &SegmentAnswer| {
            let all: Vec<u8> = answer
                .encoded
                .iter()
                .flat_map(|(_, value)| value.clone())
                .collect();
            String::from_utf8_lossy(&all).into_owned()
        };
        assert!(
            text(&told).ends_with(&format!("url-redirect={link}")),
            "{}",
            text(&told)
        );
        assert!(!text(&answer.told_to(other, &tokens)).contains(&tokens.session_link(one)));
        // What was sent is still known for this answer, and another address is not.
        let sent = |link: &str| vec![("Cisco-AVPair".to_owned(), format!("url-redirect={link}"))];
        assert!(answer.is_within(&sent(&link)));
        assert!(!answer.is_within(&sent("https://nac.example.org:8443/r/short?")));
        assert!(!answer.is_within(&sent("https://other.example.org/")));
    }

    #[tokio::test]
    async fn an_answer_without_a_place_for_the_link_is_not_touched() {
        let (tokens, _directory) = tokens().await;
        let answer = redirecting("https://nac.example.org:8443/");
        assert!(matches!(
            answer.told_to(Uuid::nil(), &tokens),
            Cow::Borrowed(_)
        ));
    }
}
