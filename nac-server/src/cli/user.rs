//! `nac user`: people, their passwords and their groups.

mod import;
mod totp;

use std::path::PathBuf;

use clap::{Args, Subcommand};
use nac_portal::input::user::{check_group, check_name, check_password};
use nac_store::{SecretBytes, Store, StoreError, User, UserFilter, UserRecord, now_us};
use serde_json::json;
use zeroize::Zeroizing;

use super::output::{Table, answer, lines, local_time, print, print_json};
use super::{Answer, Context, Failure, Outcome, hash_password, input};

const ADD_EXAMPLES: &str = "\
Examples:
  nac user add alice --group staff --password-prompt --mschap
  printf %s \"$PASSWORD\" | nac user add bob --group staff --password-stdin
  nac user add carol@example.org --group staff --no-password      certificates only

Passwords are stored as argon2id. CHAP, MS-CHAPv2 and PEAP-MSCHAPv2 need the password itself beside it, sealed, which is weaker;
it is stored, sealed, only with --mschap.";

const IMPORT_EXAMPLES: &str = "\
The file begins with the names of its columns:
  name,password,groups,mschap
  alice,correct horse,staff;vpn,yes
  bob,battery staple,staff,no
  carol,,staff,                    without a password: certificates only
Every line has a cell for every column, empty ones included. A user who exists is replaced.";

#[derive(Debug, Subcommand)]
pub(super) enum UserCommand {
    /// Add a user
    #[command(after_help = ADD_EXAMPLES)]
    Add(AddArguments),
    /// Change a user
    Set(SetArguments),
    /// Add or replace many users from a CSV file
    #[command(after_help = IMPORT_EXAMPLES)]
    Import(ImportArguments),
    /// Ask a user for a code of an authenticator app besides the password
    #[command(subcommand)]
    Totp(totp::TotpCommand),
    /// List users
    List {
        /// Only those in this group
        #[arg(long)]
        group: Option<String>,
        /// Only those whose name contains this
        #[arg(long, value_name = "TEXT")]
        search: Option<String>,
    },
    /// Show one user
    Show {
        /// The name
        name: String,
    },
    /// Remove a user
    Remove {
        /// The name
        name: String,
    },
}

#[derive(Debug, Args)]
pub(super) struct AddArguments {
    /// The name, as it is typed at the login
    name: String,
    /// A group; may be given several times
    #[arg(long = "group", value_name = "GROUP")]
    groups: Vec<String>,
    #[command(flatten)]
    password: PasswordArguments,
    /// No password: the user logs in with certificates only
    #[arg(long, conflicts_with_all = ["password_stdin", "password_prompt", "mschap"])]
    no_password: bool,
    /// Store the password sealed as well, which CHAP, MS-CHAPv2 and PEAP-MSCHAPv2 need
    #[arg(long)]
    mschap: bool,
}

#[derive(Debug, Args)]
pub(super) struct PasswordArguments {
    /// Read the password from standard input
    #[arg(long, conflicts_with = "password_prompt")]
    password_stdin: bool,
    /// Ask for the password
    #[arg(long)]
    password_prompt: bool,
}

#[derive(Debug, Args)]
pub(super) struct SetArguments {
    /// The name
    name: String,
    /// The groups that replace the present ones; may be given several times
    #[arg(long = "group", value_name = "GROUP")]
    groups: Vec<String>,
    /// Take the user out of all groups
    #[arg(long, conflicts_with = "groups")]
    no_groups: bool,
    /// Let the user authenticate
    #[arg(long)]
    enable: bool,
    /// Let the user authenticate no longer
    #[arg(long, conflicts_with = "enable")]
    disable: bool,
    #[command(flatten)]
    password: PasswordArguments,
    /// Store the new password sealed as well
    #[arg(long)]
    mschap: bool,
    /// Forget the sealed password: argon2id only
    #[arg(long, conflicts_with = "mschap")]
    no_mschap: bool,
    /// Until when the password is good: 90d, 2027-01-31 or never
    #[arg(long, value_name = "WHEN", value_parser = parse_expiry)]
    password_expires: Option<Expiry>,
    /// Have the user choose a new password at the next login: PEAP-MSCHAPv2 asks for it, other methods refuse
    #[arg(long, conflicts_with = "password_expires")]
    must_change_password: bool,
}

/// A moment, or none.
#[derive(Clone, Copy, Debug)]
struct Expiry(Option<i64>);

fn parse_expiry(text: &str) -> Result<Expiry, String> {
    super::device::expiry::parse_expiry(text).map(Expiry)
}

#[derive(Debug, Args)]
pub(super) struct ImportArguments {
    /// The CSV file
    #[arg(value_name = "FILE.csv")]
    file: PathBuf,
    /// Import the good lines even when others are bad
    #[arg(long)]
    skip_bad: bool,
}

pub(super) async fn run(context: &Context, command: UserCommand) -> Outcome {
    match command {
        UserCommand::Add(arguments) => add(context, arguments).await,
        UserCommand::Set(arguments) => set(context, arguments).await,
        UserCommand::Import(arguments) => {
            import::run(context, &arguments.file, arguments.skip_bad).await
        }
        UserCommand::Totp(command) => totp::run(context, command).await,
        UserCommand::List { group, search } => list(context, group, search).await,
        UserCommand::Show { name } => show(context, &name).await,
        UserCommand::Remove { name } => remove(context, &name).await,
    }
}

async fn add(context: &Context, arguments: AddArguments) -> Outcome {
    check_name(&arguments.name)?;
    for group in &arguments.groups {
        check_group(group)?;
    }
    let password = arguments.password.read(&arguments.name)?;
    if password.is_none() && !arguments.no_password {
        return Err(Failure::usage("no password was given").fix(
            "add --password-prompt, or --password-stdin, or --no-password for certificates only",
        ));
    }
    let store = context.store().await?;
    if fetch(&store, &arguments.name).await?.is_some() {
        return Err(
            Failure::no(format!("there is already a user {}", arguments.name))
                .fix(format!("change it with: nac user set {}", arguments.name)),
        );
    }
    let (hash, cleartext) = hashes(password.as_ref(), arguments.mschap)?;
    let user = store
        .user_put(UserRecord {
            name: arguments.name,
            password: hash,
            cleartext,
            enabled: true,
            groups: arguments.groups,
        })
        .await?;
    let sentence = format!("user {} was added{}", user.name, in_groups(&user.groups));
    answer(context.json(), &user, &sentence)?;
    Ok(Answer::Yes)
}

async fn set(context: &Context, arguments: SetArguments) -> Outcome {
    if arguments.changes_nothing() {
        return Err(Failure::usage("nothing to change")
            .fix("see what can be changed with: nac user set --help"));
    }
    for group in &arguments.groups {
        check_group(group)?;
    }
    let password = arguments.password.read(&arguments.name)?;
    if arguments.mschap && password.is_none() {
        return Err(Failure::usage(
            "--mschap needs the password, because the stored one cannot be read",
        )
        .fix("add --password-prompt or --password-stdin"));
    }
    let store = context.store().await?;
    let user = store.user_fetch(&arguments.name).await?;
    let mut record = UserRecord {
        name: user.name,
        password: user.password,
        cleartext: user.cleartext,
        enabled: (user.enabled || arguments.enable) && !arguments.disable,
        groups: user.groups,
    };
    if arguments.no_groups || !arguments.groups.is_empty() {
        record.groups = arguments.groups;
    }
    if password.is_some() {
        // The old password kept sealed would let the old password in.
        let mschap = (arguments.mschap || record.cleartext.is_some()) && !arguments.no_mschap;
        (record.password, record.cleartext) = hashes(password.as_ref(), mschap)?;
    }
    if arguments.no_mschap {
        record.cleartext = None;
    }
    let mut user = store.user_put(record).await?;
    let expiry = match arguments.must_change_password {
        true => Some(Expiry(Some(now_us()))),
        false => arguments.password_expires,
    };
    if let Some(Expiry(expires_us)) = expiry {
        store
            .user_set_password_expiry(&user.name, expires_us)
            .await?;
        user = store.user_fetch(&user.name).await?;
    }
    let sentence = format!("user {} was changed", user.name);
    answer(context.json(), &user, &sentence)?;
    Ok(Answer::Yes)
}

async fn list(context: &Context, group: Option<String>, search: Option<String>) -> Outcome {
    let store = context.store().await?;
    let narrowed = group.is_some() || search.is_some();
    let mut filter = UserFilter {
        group,
        search,
        ..UserFilter::default()
    };
    let mut users = Vec::new();
    loop {
        let page = store.user_list(&filter).await?;
        let Some(last) = page.last() else { break };
        filter.after = Some(last.name.clone());
        users.extend(page);
    }
    if context.json() {
        print_json(&users)?;
        return Ok(Answer::Yes);
    }
    let when_empty = if narrowed {
        "no user fits; see all with: nac user list"
    } else {
        "there are no users; add one with: nac user add NAME --group GROUP --password-prompt"
    };
    let mut table = Table::new(&["NAME", "GROUPS", "PASSWORD", "STATUS"], when_empty);
    for user in users {
        let credentials = credentials(&user).to_owned();
        let status = status(&user).to_owned();
        table.row([user.name, user.groups.join(" "), credentials, status]);
    }
    print(&table.render())?;
    Ok(Answer::Yes)
}

async fn show(context: &Context, name: &str) -> Outcome {
    let user = context.store().await?.user_fetch(name).await?;
    if context.json() {
        print_json(&user)?;
        return Ok(Answer::Yes);
    }
    print(&lines(&[
        ("name", user.name.clone()),
        ("groups", user.groups.join(" ")),
        ("password", credentials(&user).to_owned()),
        ("password expires", expires(&user)),
        ("second factor", second_factor(&user).to_owned()),
        ("status", status(&user).to_owned()),
        ("added", local_time(user.created_us)),
        ("changed", local_time(user.updated_us)),
    ]))?;
    Ok(Answer::Yes)
}

async fn remove(context: &Context, name: &str) -> Outcome {
    context.store().await?.user_remove(name).await?;
    answer(
        context.json(),
        &json!({ "removed": name }),
        &format!("user {name} was removed"),
    )?;
    Ok(Answer::Yes)
}

impl SetArguments {
    const fn changes_nothing(&self) -> bool {
        let Self {
            name: _,
            groups,
            no_groups,
            enable,
            disable,
            password,
            mschap,
            no_mschap,
            password_expires,
            must_change_password,
        } = self;
        let flags = *must_change_password || password_expires.is_some();
        let flags = flags || *no_groups || *enable || *disable || *mschap || *no_mschap;
        !flags && groups.is_empty() && !password.password_stdin && !password.password_prompt
    }
}

impl PasswordArguments {
    fn read(&self, name: &str) -> Result<Option<Zeroizing<String>>, Failure> {
        let password = match (self.password_stdin, self.password_prompt) {
            (true, _) => input::secret_from_stdin()?,
            (_, true) => input::password_from_prompt(name)?,
            _ => return Ok(None),
        };
        check_password(&password)?;
        Ok(Some(password))
    }
}

/// The argon2id hash, and the password for challenge-response methods where it is wanted.
fn hashes(
    password: Option<&Zeroizing<String>>,
    mschap: bool,
) -> Result<(Option<String>, Option<SecretBytes>), Failure> {
    let Some(password) = password else {
        return Ok((None, None));
    };
    Ok((
        Some(hash_password(password)?),
        mschap.then(|| cleartext(password)),
    ))
}

/// The store seals it. MS-CHAPv2's NT hash would be no safer, since whoever has it can log in with it, and CHAP needs the password.
fn cleartext(password: &str) -> SecretBytes {
    SecretBytes::new(password.as_bytes())
}

async fn fetch(store: &Store, name: &str) -> Result<Option<User>, Failure> {
    match store.user_fetch(name).await {
        Ok(user) => Ok(Some(user)),
        Err(StoreError::NotFound { .. }) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

const fn credentials(user: &User) -> &'static str {
    match (user.password.is_some(), user.cleartext.is_some()) {
        (true, true) => "argon2id + sealed",
        (true, false) => "argon2id",
        (false, true) => "sealed",
        (false, false) => "none (certificates)",
    }
}

fn expires(user: &User) -> String {
    match user.password_expires_us {
        None => "never".to_owned(),
        Some(at) if at <= now_us() => {
            format!("{}: the user has to choose a new one", local_time(at))
        }
        Some(at) => local_time(at),
    }
}

const fn second_factor(user: &User) -> &'static str {
    match user.totp {
        Some(_) => "authenticator app (TOTP)",
        None => "none",
    }
}

const fn status(user: &User) -> &'static str {
    if user.enabled { "enabled" } else { "disabled" }
}

fn in_groups(groups: &[String]) -> String {
    if groups.is_empty() {
        " to no group; the policy may not know what to do with somebody like that".to_owned()
    } else {
        format!(" to {}", groups.join(", "))
    }
}
