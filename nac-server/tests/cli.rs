//! The command line as a person or a script at the shell meets it: the compiled program, real files.
//!
//! What is not here: `why`, `tail`, `probe` and `demo`, which need a running server.

#[path = "cli/site.rs"]
mod site;

#[path = "cli/administrators.rs"]
mod administrators;
#[path = "cli/audit.rs"]
mod audit;
#[path = "cli/backups.rs"]
mod backups;
#[path = "cli/certificates.rs"]
mod certificates;
#[path = "cli/clients.rs"]
mod clients;
#[path = "cli/configuration.rs"]
mod configuration;
#[path = "cli/contract.rs"]
mod contract;
#[path = "cli/devices.rs"]
mod devices;
#[path = "cli/exports.rs"]
mod exports;
#[path = "cli/guests.rs"]
mod guests;
#[path = "cli/installation.rs"]
mod installation;
#[path = "cli/policies.rs"]
mod policies;
#[path = "cli/reload.rs"]
mod reload;
#[path = "cli/users.rs"]
mod users;
