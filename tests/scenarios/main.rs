//! Whole stories: people, laptops and switches against the real `nac`, through its real interfaces.
//!
//! Every story starts a server of its own with `nac init` and `nac serve`, changes it by the command line
//! as an administrator would, and speaks RADIUS, EAP and osquery's TLS API to it over loopback. A
//! [`switch::Switch`] answers CoA-Request and Disconnect-Request as it is told and does nothing by itself: it
//! is the story that re-authenticates a port, or does not. A [`laptop::Laptop`] is a host that is true to
//! osquery's protocol.
//!
//! With `NAC_TEST_POSTGRES=postgres://user@host/database` the same stories run on PostgreSQL.
//!
//! *Invariants*: no story waits for time alone, except where time is its subject; what a story sees comes
//! from a socket or from `nac why`, never from inside the server.

mod browser;
mod laptop;
mod site;
mod supplicant;
mod switch;
mod visitor;

mod activity;
mod api;
mod backup;
mod binding;
mod break_glass;
mod certificates;
mod chaining;
mod command;
mod compliance;
mod devices;
mod durability;
mod enforcement;
mod export;
mod guests;
mod identity;
mod interop;
mod ocsp;
mod offers;
mod policy;
mod proof;
mod quarantine;
mod radsec;
mod realms;
mod reload;
mod remedies;
mod remedy;
mod revocation;
mod secrecy;
mod silence;
mod two_places;
