//! Which methods are offered to whom: the offers in their order, in the terms of the EAP server.

use std::sync::Arc;

use nac_eap::{InnerMethod, Method, Settings};
use nac_store::{Offer, OfferedInnerMethod, OfferedMethod, Store, StoreError};

use super::Client;

/// What the lists of the configuration file are called in records.
pub const DEFAULT_OFFER: &str = "default";

/// Every offer, in the order in which they are tried.
#[derive(Debug)]
pub struct OfferTable {
    offers: Vec<Arc<OfferEntry>>,
    default: Arc<str>,
}

/// One offer.
#[derive(Debug)]
pub struct OfferEntry {
    /// Its name, as records have it.
    pub name: Arc<str>,
    offer: Offer,
    methods: Vec<Method>,
    inner_methods: Vec<InnerMethod>,
}

impl Default for OfferTable {
    fn default() -> Self {
        Self {
            offers: Vec::new(),
            default: DEFAULT_OFFER.into(),
        }
    }
}

impl OfferTable {
    pub(super) async fn load(store: &Store) -> Result<Self, StoreError> {
        let offers = store.offer_list().await?;
        Ok(Self {
            offers: offers
                .into_iter()
                .map(|offer| Arc::new(entry(offer)))
                .collect(),
            ..Self::default()
        })
    }

    /// Whether there are none, so that nobody has to find out where a login comes from.
    pub fn is_empty(&self) -> bool {
        self.offers.is_empty()
    }

    /// The first that fits; none when the configuration file's lists count.
    pub fn first(&self, client: &Client, ssid: &str, realm: &str) -> Option<&Arc<OfferEntry>> {
        let fits = |entry: &&Arc<OfferEntry>| {
            let offer = &entry.offer;
            offer.fits(&client.name, &client.site, ssid, realm)
        };
        self.offers.iter().find(fits)
    }

    /// The name of what counts when no offer fits.
    pub fn default_name(&self) -> &Arc<str> {
        &self.default
    }
}

impl OfferEntry {
    /// Whether a method without EAP is in it.
    pub fn has(&self, method: OfferedMethod) -> bool {
        self.offer.methods.contains(&method)
    }

    /// The server's settings with what this offers.
    pub fn settings(&self, settings: &Settings) -> Settings {
        Settings {
            methods: self.methods.clone(),
            inner_methods: match self.inner_methods.is_empty() {
                true => settings.inner_methods.clone(),
                false => self.inner_methods.clone(),
            },
            ..settings.clone()
        }
    }
}

fn entry(offer: Offer) -> OfferEntry {
    OfferEntry {
        name: offer.name.as_str().into(),
        methods: offer.methods.iter().copied().filter_map(method).collect(),
        inner_methods: offer
            .inner_methods
            .iter()
            .copied()
            .map(inner_method)
            .collect(),
        offer,
    }
}

fn method(method: OfferedMethod) -> Option<Method> {
    match method {
        OfferedMethod::EapTls => Some(Method::Tls),
        OfferedMethod::Peap => Some(Method::Peap),
        OfferedMethod::EapTtls => Some(Method::Ttls),
        OfferedMethod::Teap => Some(Method::Teap),
        OfferedMethod::Mab | OfferedMethod::Pap | OfferedMethod::Chap | OfferedMethod::MsChapV2 => {
            None
        }
    }
}

fn inner_method(method: OfferedInnerMethod) -> InnerMethod {
    match method {
        OfferedInnerMethod::EapMschapv2 => InnerMethod::EapMschapv2,
        OfferedInnerMethod::EapGtc => InnerMethod::EapGtc,
        OfferedInnerMethod::EapTls => InnerMethod::EapTls,
        OfferedInnerMethod::Pap => InnerMethod::Pap,
        OfferedInnerMethod::Chap => InnerMethod::Chap,
        OfferedInnerMethod::Mschap => InnerMethod::Mschap,
        OfferedInnerMethod::Mschapv2 => InnerMethod::Mschapv2,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_offer_may_name_every_method_by_the_name_that_the_configuration_file_has_for_it() {
        let names: Vec<String> = InnerMethod::ALL.iter().map(ToString::to_string).collect();
        let offered: Vec<String> = OfferedInnerMethod::ALL
            .iter()
            .map(|method| inner_method(*method).to_string())
            .collect();
        assert_eq!(offered, names);
        let words: Vec<&str> = OfferedInnerMethod::ALL.iter().map(|m| m.as_str()).collect();
        assert_eq!(words, names);
        for offered in OfferedMethod::ALL {
            if let Some(method) = method(*offered) {
                assert_eq!(method.to_string(), offered.as_str());
            }
        }
    }
}
