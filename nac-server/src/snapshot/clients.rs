//! Who may ask: RADIUS clients by source address, the most specific prefix first.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use ipnet::IpNet;
use nac_radius::{Secret, VendorProfile};
use nac_store::{MessageAuthenticatorRule, MessageAuthenticatorTerms, Store, StoreError, now_us};

use crate::listen::origin::Transport;
use crate::telemetry::activity::{Activity, ActivityBook};
use crate::telemetry::rate::Complaints;

/// One NAS, or a network of NASes with one secret.
#[derive(Debug)]
pub struct Client {
    /// Its configured name.
    pub name: String,
    /// The shared secret.
    pub secret: Secret,
    /// Whether Access-Requests that carry no Message-Authenticator are discarded (the default, against CVE-2024-3596).
    pub message_authenticator: MessageAuthenticatorTerms,
    /// How segments and CoA look on this vendor's devices.
    pub profile: &'static VendorProfile,
    /// Where the NAS listens for CoA and Disconnect, when it is not the vendor's usual port.
    pub coa_port: Option<u16>,
    /// The name in its certificate, in lower case, when it is known by one over RadSec.
    pub radsec_name: Option<String>,
    /// The site that policies may name.
    pub site: String,
    /// Keeps its log lines to one per kind and minute.
    pub complaints: Complaints,
    /// Counts what is heard from it.
    pub activity: Arc<Activity>,
}

impl Client {
    /// Whether an Access-Request without Message-Authenticator is discarded now. What was learned a moment ago counts before it is
    /// written down.
    pub fn requires_message_authenticator(&self) -> bool {
        self.message_authenticator.requires(now_us())
            || (self.learns() && self.activity.has_signed())
    }

    /// Whether it is still to be found out if it can send Message-Authenticator.
    pub fn learns(&self) -> bool {
        self.message_authenticator.rule == MessageAuthenticatorRule::Learn
    }
}

/// Every client, found by address.
#[derive(Debug, Default)]
pub struct ClientTable {
    hosts: HashMap<IpAddr, Arc<Client>>,
    /// Longest prefix first.
    networks: Vec<(IpNet, Arc<Client>)>,
    by_radsec_name: HashMap<String, Arc<Client>>,
    by_name: HashMap<String, Arc<Client>>,
}

impl ClientTable {
    pub(super) async fn load(store: &Store, book: &ActivityBook) -> Result<Self, StoreError> {
        let mut table = Self::default();
        for row in store.client_list().await? {
            let profile = VendorProfile::by_name(&row.vendor).or_else(|| {
                tracing::warn!(client = %row.name, vendor = %row.vendor, "unknown vendor profile: using generic");
                VendorProfile::by_name("generic")
            });
            let Some(profile) = profile else { continue };
            let activity = book.of(row.id);
            if row.message_authenticator == MessageAuthenticatorRule::Learn {
                activity.learn_again();
            }
            table.insert(
                row.address,
                Client {
                    message_authenticator: row.terms(),
                    secret: Secret::new(row.secret.expose()),
                    name: row.name,
                    profile,
                    coa_port: row.coa_port,
                    radsec_name: row.radsec_name,
                    site: row.site,
                    complaints: Complaints::default(),
                    activity,
                },
            );
        }
        table
            .networks
            .sort_by_key(|(network, _)| std::cmp::Reverse(network.prefix_len()));
        Ok(table)
    }

    fn insert(&mut self, address: IpNet, client: Client) {
        let client = Arc::new(client);
        self.by_name.insert(client.name.clone(), client.clone());
        if let Some(name) = client.radsec_name.clone() {
            self.by_radsec_name.insert(name, client.clone());
        }
        if address.prefix_len() == address.max_prefix_len() {
            self.hosts.insert(address.addr(), client);
        } else {
            self.networks.push((address, client));
        }
    }

    /// The client behind a source address, if any.
    pub fn by_address(&self, address: IpAddr) -> Option<&Arc<Client>> {
        let address = address.to_canonical();
        self.hosts.get(&address).or_else(|| {
            self.networks
                .iter()
                .find(|(network, _)| network.contains(&address))
                .map(|(_, client)| client)
        })
    }

    /// The client that carries one of the names of a verified certificate; without one, the client behind the source address, unless
    /// that one has to show a name.
    pub fn by_certificate(&self, names: &[String], address: IpAddr) -> Option<&Arc<Client>> {
        let named = names.iter().find_map(|name| self.by_radsec_name.get(name));
        named.or_else(|| {
            self.by_address(address)
                .filter(|client| client.radsec_name.is_none())
        })
    }

    /// The client that a session belongs to, by what carried its requests: the name that the client had then, or the address that the
    /// requests came from.
    pub fn of_session(
        &self,
        name: &str,
        source: IpAddr,
        transport: Option<Transport>,
    ) -> Option<&Arc<Client>> {
        let over_tls = |client: &&Arc<Client>| match transport {
            Some(transport) => transport != Transport::Udp,
            None => client.radsec_name.is_some(),
        };
        let named = self.by_name(name).filter(over_tls);
        named.or_else(|| self.by_address(source))
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.by_name.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.by_name.is_empty()
    }

    /// The client of that name.
    pub fn by_name(&self, name: &str) -> Option<&Arc<Client>> {
        self.by_name.get(name)
    }
}
