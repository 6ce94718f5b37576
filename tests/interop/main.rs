//! Interoperability with the clients that the field uses: `eapol_test` (wpa_supplicant's EAP peer) and
//! `radclient` (FreeRADIUS's client), over UDP and over TLS through `radsecproxy`.
//!
//! `NAC_TEST_SUBJECT=freeradius` runs the same cases against FreeRADIUS.

mod access;
mod accounting;
mod eap;
mod expired;
mod radsec;
mod refusals;
mod resumption;
mod second_factor;
