//! Interoperability with the clients that the field uses: `eapol_test` (wpa_supplicant's EAP peer) and
//! `radclient` (FreeRADIUS's client).
//!
//! `NAC_TEST_SUBJECT=freeradius` runs the same cases against FreeRADIUS.

mod access;
mod accounting;
mod eap;
mod refusals;
mod resumption;
