//! The command line: everything that the administration pages can change, by name.
//!
//! Every command that changes something writes to the store and to nothing else. A running server
//! notices by the store's change feed, so a command needs no connection to it and works while it is
//! down.
//!
//! *Invariants*
//!
//! * Exit status 0: done, or yes. 1: the answer is no (not there, already there, refused for what it
//!   holds). 2: the command line is wrong. 3: it could not be done (configuration, database, files).
//! * Results go to standard output, everything else to standard error: what, where, what to do.
//! * With `--json`, standard output holds JSON and nothing else, and an error is one line of JSON on
//!   standard error.
//! * Secrets come in through files, standard input or a prompt, never as arguments, which other users
//!   of the machine can read.

mod admin;
mod audit;
mod backup;
mod break_glass;
mod certificate;
mod client;
mod config;
mod context;
mod csv;
mod demo;
mod device;
mod exception;
mod export;
mod failure;
mod guest;
mod init;
mod input;
mod offer;
mod output;
mod password;
mod policy;
mod portal;
mod posture;
mod probe;
mod quarantine;
mod segment;
mod serve;
mod session;
mod tail;
mod token;
mod user;
mod voucher;
mod why;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, Subcommand};

pub use admin::invite;
pub use context::{Context, open_store};
pub use failure::{Answer, Failure, Outcome};
pub use init::{Created, Furnished, create as create_installation, furnish};
pub use password::hash_password;

const EXAMPLES: &str = "\
Examples:
  nac init /etc/nac                              create an installation
  nac client add sw1 --address 192.0.2.10        let a switch ask; prints its secret
  nac user add alice --group staff --password-prompt --mschap
  nac device add 02:00:00:00:00:01 --label printer
  nac policy check new.cedar && nac policy apply new.cedar

The configuration is --config FILE, else $NAC_CONFIG, else ./nac.toml, else /etc/nac/nac.toml.
Exit status: 0 ok, 1 the answer is no, 2 wrong usage, 3 cannot.";

#[derive(Debug, Parser)]
#[command(name = "nac", version, about = "Network access control in one program", after_help = EXAMPLES)]
#[command(arg_required_else_help = true)]
struct Arguments {
    /// The configuration file
    #[arg(long, global = true, value_name = "FILE", env = "NAC_CONFIG")]
    config: Option<PathBuf>,
    /// Print JSON instead of text
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Command,
}

/// Each variant lives in the module of its name, with its arguments and a `run`.
#[derive(Debug, Subcommand)]
enum Command {
    /// Create an installation: configuration, database, keys, certificates, starter policy
    Init(init::InitArguments),
    /// The whole story on this machine in a minute: a server, devices, posture, CoA
    Demo(demo::DemoArguments),
    /// Run the server until SIGTERM; SIGHUP reads the configuration again
    Serve,
    /// Why somebody was let in or refused, and which condition kept another policy from matching
    Why(why::WhyArguments),
    /// Show decisions as they happen
    Tail(tail::TailArguments),
    /// Try a login as a switch or an access point would: every method that is served
    Probe(Box<probe::ProbeArguments>),
    /// Check the configuration file
    #[command(subcommand)]
    Config(config::ConfigCommand),
    /// The switches, access points and controllers that may ask
    #[command(subcommand)]
    Client(client::ClientCommand),
    /// The outcomes that a policy may name: VLAN, role, ACL, redirect
    #[command(subcommand)]
    Segment(segment::SegmentCommand),
    /// Which methods are offered where: by client, site, Wi-Fi network, realm
    #[command(subcommand)]
    Offer(offer::OfferCommand),
    /// People: passwords and groups
    #[command(subcommand)]
    User(user::UserCommand),
    /// Endpoints: MAC addresses, owners, labels
    #[command(subcommand)]
    Device(device::DeviceCommand),
    /// Visitors: let them in, extend, send away, decide for a sponsor
    #[command(subcommand)]
    Guest(guest::GuestCommand),
    /// Codes that let visitors in: make, print, export, withdraw
    #[command(subcommand)]
    Voucher(voucher::VoucherCommand),
    /// Who is on the network now, and which moves are not proven yet
    #[command(subcommand)]
    Session(session::SessionCommand),
    /// The addresses of live sessions by segment, for nft, firewalls, Calico and Cilium
    Export(export::ExportArguments),
    /// Put devices in quarantine and let them out again
    #[command(subcommand)]
    Quarantine(quarantine::QuarantineCommand),
    /// Permit a device to break a rule for a time, and decide about requests
    #[command(subcommand)]
    Exception(exception::ExceptionCommand),
    /// Let posture keep nobody out for a time: when a bad check has locked out everybody
    #[command(subcommand)]
    BreakGlass(break_glass::BreakGlassCommand),
    /// Issue and revoke certificates
    #[command(subcommand)]
    Certificate(certificate::CertificateCommand),
    /// Who may use the admin pages
    #[command(subcommand)]
    Admin(admin::AdminCommand),
    /// What programs call the API with
    #[command(subcommand)]
    Token(token::TokenCommand),
    /// Check, apply and roll back the policy
    #[command(subcommand)]
    Policy(policy::PolicyCommand),
    /// The portal: name, look, ways to get on, guests, terms, retention
    #[command(subcommand)]
    Portal(portal::PortalCommand),
    /// osquery: flag files, enrolment secrets, checks, hosts
    #[command(subcommand)]
    Posture(posture::PostureCommand),
    /// Who changed what, and whether that record is whole
    #[command(subcommand)]
    Audit(audit::AuditCommand),
    /// Put the installation into one file, while the server runs
    Backup(backup::BackupArguments),
    /// Make an installation from a backup, in an empty folder, verified
    Restore(backup::RestoreArguments),
}

impl Command {
    async fn run(self, context: &Context) -> Outcome {
        match self {
            Self::Init(arguments) => init::run(context, arguments).await,
            Self::Demo(arguments) => demo::run(context, arguments).await,
            Self::Serve => serve::run(context).await,
            Self::Why(arguments) => why::run(context, arguments).await,
            Self::Tail(arguments) => tail::run(context, arguments).await,
            Self::Probe(arguments) => probe::run(context, *arguments).await,
            Self::Config(command) => config::run(context, command),
            Self::Client(command) => client::run(context, command).await,
            Self::Segment(command) => segment::run(context, command).await,
            Self::Offer(command) => offer::run(context, command).await,
            Self::User(command) => user::run(context, command).await,
            Self::Device(command) => device::run(context, command).await,
            Self::Guest(command) => guest::run(context, command).await,
            Self::Voucher(command) => voucher::run(context, command).await,
            Self::Session(command) => session::run(context, command).await,
            Self::Export(arguments) => export::run(context, arguments).await,
            Self::Quarantine(command) => quarantine::run(context, command).await,
            Self::Exception(command) => exception::run(context, command).await,
            Self::BreakGlass(command) => break_glass::run(context, command).await,
            Self::Certificate(command) => certificate::run(context, command).await,
            Self::Admin(command) => admin::run(context, command).await,
            Self::Token(command) => token::run(context, command).await,
            Self::Policy(command) => policy::run(context, command).await,
            Self::Portal(command) => portal::run(context, command).await,
            Self::Posture(command) => posture::run(context, command).await,
            Self::Audit(command) => audit::run(context, command).await,
            Self::Backup(arguments) => backup::run(context, arguments).await,
            Self::Restore(arguments) => backup::restore(context, arguments).await,
        }
    }
}

/// How long tasks in the background may take to end after the command has.
const SHUTDOWN: Duration = Duration::from_secs(2);

/// Reads the command line, runs the command, reports what went wrong. The program's whole `main`.
#[must_use]
pub fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let context = Context::new(arguments.config, arguments.json);
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => {
            return Failure::cannot(format!("no threads could be started: {error}"))
                .report(context.json());
        }
    };
    let outcome = runtime.block_on(arguments.command.run(&context));
    // Whatever still runs has nothing to say any more, and must not keep a command from ending.
    runtime.shutdown_timeout(SHUTDOWN);
    match outcome {
        Ok(answer) => answer.into(),
        Err(failure) => failure.report(context.json()),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn the_configuration_may_be_named_before_and_after_the_command() {
        for line in [
            "nac --config x.toml client list --json",
            "nac client list --config x.toml --json",
        ] {
            let arguments = Arguments::try_parse_from(line.split(' ')).expect(line);
            assert_eq!(
                arguments.config.as_deref(),
                Some(std::path::Path::new("x.toml"))
            );
            assert!(arguments.json);
        }
    }
}
