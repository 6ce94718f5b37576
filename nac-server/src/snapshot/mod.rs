//! What the hot path reads: everything an answer depends on, in memory, without SQL.
//!
//! Small things (clients, segments, offers, policy, revocations) are one immutable [`Snapshot`] that is swapped as a whole. Big
//! tables (users, devices) are the [`Directory`], updated in place. The [`feed`] keeps both true from the store's change
//! feed, so a database outage is not an authentication outage.

pub mod clients;
pub mod directory;
pub mod feed;
pub mod offers;
pub mod revocation;
pub mod segments;

use std::collections::HashSet;
use std::sync::Arc;

use arc_swap::ArcSwap;
use nac_pki::NameKind;
use nac_policy::Engine;
use nac_portal::public::token::Tokens;
use nac_store::{BreakGlass, Store, StoreError, now_us};

pub use clients::{Client, ClientTable};
pub use directory::Directory;
pub use offers::OfferTable;
pub use revocation::Revocations;
pub use segments::SegmentTable;

use crate::identity::chargeable::ChargeableIdentities;
use crate::identity::supplicants::Supplicants;
use crate::telemetry::activity::ActivityBook;

/// The policy in force.
#[derive(Debug)]
pub struct ActivePolicy {
    /// The store's version number; 0 when no policy was ever applied.
    pub version: i64,
    /// The checked policy set. An empty set refuses everybody.
    pub engine: Engine,
}

/// One consistent view of everything small.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// Who may ask.
    pub clients: Arc<ClientTable>,
    /// What may be answered.
    pub segments: Arc<SegmentTable>,
    /// Which methods are offered to whom.
    pub offers: Arc<OfferTable>,
    /// Who gets what.
    pub policy: Arc<ActivePolicy>,
    /// SHA-256 fingerprints of revoked certificates, lower-case hex.
    pub revoked: Arc<HashSet<String>>,
    /// What other authorities say about the certificates that they issued.
    pub revocations: Arc<Revocations>,
    /// Break-glass, when somebody switched it on. Its time may be over: see [`Self::break_glass_is_on`].
    pub break_glass: Option<Arc<BreakGlass>>,
}

impl Snapshot {
    /// Whether posture keeps nobody out at this moment. It ends on time also while the database is away.
    pub fn break_glass_is_on(&self, now_us: i64) -> bool {
        self.break_glass
            .as_ref()
            .is_some_and(|current| now_us < current.expires_us)
    }
}

/// The hot path's whole memory.
#[derive(Debug)]
pub struct World {
    snapshot: ArcSwap<Snapshot>,
    /// Users, devices and their quarantines.
    pub directory: Directory,
    /// Which MACs were let in by EAP.
    pub supplicants: Supplicants,
    /// What is heard from the clients, and from others.
    pub activity: ActivityBook,
    /// Signs what stands for a session in the address that its NAS redirects to.
    pub links: Tokens,
    /// Where in a certificate its user's name is looked for, as configured.
    pub certificate_names: ArcSwap<Vec<NameKind>>,
    /// Names users for a NAS that counts them.
    pub chargeable: ChargeableIdentities,
}

/// Why the view of the world could not be built.
#[derive(Debug, thiserror::Error)]
pub enum WorldError {
    /// The database did not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The stored policy does not load, for example because a segment that it names is gone.
    #[error(
        "policy version {version} does not load: {fault}. Put back what it names (nac segment set), or \
         replace it (nac policy rollback, nac policy apply FILE)"
    )]
    Policy {
        /// The stored version.
        version: i64,
        /// The first fault.
        fault: String,
    },
}

impl World {
    /// Reads everything once.
    ///
    /// # Errors
    /// The database's, or a stored policy that does not load.
    pub async fn load(store: &Store) -> Result<Self, WorldError> {
        let segments = SegmentTable::load(store).await?;
        let activity = ActivityBook::default();
        let snapshot = Snapshot {
            clients: Arc::new(ClientTable::load(store, &activity).await?),
            policy: Arc::new(load_policy(store, &segments).await?),
            segments: Arc::new(segments),
            offers: Arc::new(OfferTable::load(store).await?),
            revoked: Arc::new(load_revoked(store).await?),
            revocations: Arc::default(),
            break_glass: load_break_glass(store).await?,
        };
        let directory = Directory::default();
        directory.reload_users(store).await?;
        directory.reload_devices(store).await?;
        directory.reload_quarantines(store).await?;
        let supplicants = Supplicants::default();
        supplicants.reload(store).await?;
        Ok(Self {
            snapshot: ArcSwap::from_pointee(snapshot),
            directory,
            supplicants,
            activity,
            links: Tokens::new(store)?,
            certificate_names: ArcSwap::from_pointee(NameKind::USUAL.to_vec()),
            chargeable: ChargeableIdentities::new(store)?,
        })
    }

    /// The view as of now. Take it once per request.
    pub fn snapshot(&self) -> arc_swap::Guard<Arc<Snapshot>> {
        self.snapshot.load()
    }

    fn replace(&self, change: impl Fn(&mut Snapshot)) {
        self.snapshot.rcu(|current| {
            let mut next = Snapshot::clone(current);
            change(&mut next);
            next
        });
    }

    /// Other lists of other authorities count from now on.
    pub fn replace_revocations(&self, revocations: Revocations) {
        let revocations = Arc::new(revocations);
        self.replace(|snapshot| snapshot.revocations = revocations.clone());
    }

    async fn reload_clients(&self, store: &Store) -> Result<(), WorldError> {
        let clients = Arc::new(ClientTable::load(store, &self.activity).await?);
        self.replace(|snapshot| snapshot.clients = clients.clone());
        Ok(())
    }

    async fn reload_offers(&self, store: &Store) -> Result<(), WorldError> {
        let offers = Arc::new(OfferTable::load(store).await?);
        self.replace(|snapshot| snapshot.offers = offers.clone());
        Ok(())
    }

    /// Segments and policy name each other, so they are read together.
    async fn reload_policy(&self, store: &Store) -> Result<(), WorldError> {
        let segments = Arc::new(SegmentTable::load(store).await?);
        let policy = Arc::new(load_policy(store, &segments).await?);
        self.replace(|snapshot| {
            snapshot.segments = segments.clone();
            snapshot.policy = policy.clone();
        });
        Ok(())
    }

    async fn reload_revoked(&self, store: &Store) -> Result<(), WorldError> {
        let revoked = Arc::new(load_revoked(store).await?);
        self.replace(|snapshot| snapshot.revoked = revoked.clone());
        Ok(())
    }

    async fn reload_break_glass(&self, store: &Store) -> Result<(), WorldError> {
        let was_on = self.snapshot().break_glass.is_some();
        let break_glass = load_break_glass(store).await?;
        if was_on && break_glass.is_none() {
            tracing::warn!("break-glass is over: posture counts again");
        }
        self.replace(|snapshot| snapshot.break_glass.clone_from(&break_glass));
        Ok(())
    }
}

async fn load_policy(store: &Store, segments: &SegmentTable) -> Result<ActivePolicy, WorldError> {
    let (version, text) = store.policy_current().await?.map_or_else(
        || (0, String::new()),
        |policy| (policy.version, policy.text),
    );
    let engine = Engine::load(&text, &segments.names()).map_err(|errors| WorldError::Policy {
        version,
        fault: errors
            .0
            .first()
            .map(|fault| fault.message.clone())
            .unwrap_or_default(),
    })?;
    Ok(ActivePolicy { version, engine })
}

async fn load_break_glass(store: &Store) -> Result<Option<Arc<BreakGlass>>, StoreError> {
    let current = store.break_glass_current().await?.map(Arc::new);
    if let Some(current) = &current {
        let left_s = (current.expires_us - now_us()).max(0) / 1_000_000;
        tracing::warn!(reason = %current.reason, by = %current.started_by, left_s,
            "break-glass is on: posture keeps nobody out");
    }
    Ok(current)
}

async fn load_revoked(store: &Store) -> Result<HashSet<String>, StoreError> {
    let certificates = store.certificate_list().await?;
    Ok(certificates
        .into_iter()
        .filter(|certificate| certificate.revoked_us.is_some())
        .map(|certificate| certificate.fingerprint_sha256)
        .collect())
}
