//! A database per test, and values to put into it.

use std::{panic::AssertUnwindSafe, sync::Arc};

use ipnet::IpNet;
use nac_store::{
    Accounting, DecisionOutcome, DecisionRecord, DeviceRecord, Enforcement, EnforcementState,
    NewClient, NodeStatus, OsqueryNode, SealingKey, SecretBytes, Session, Store, Timings,
    UserRecord, now_us,
};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, SqliteConnection};
use uuid::Uuid;

/// One fresh database and the means to open it again.
pub(crate) struct World {
    pub(crate) url: String,
    pub(crate) key: SealingKey,
    pub(crate) directory: tempfile::TempDir,
}

impl World {
    pub(crate) async fn open(&self) -> Store {
        Store::open(&self.url, Some(self.key.clone()))
            .await
            .unwrap()
    }

    pub(crate) fn is_sqlite(&self) -> bool {
        self.url.starts_with("sqlite:")
    }

    pub(crate) fn spool(&self) -> std::path::PathBuf {
        self.directory.path().join("spool")
    }

    /// Runs a statement on a SQLite file that does not exist yet.
    pub(crate) async fn tamper_new(&self, sql: &str) {
        let options = sqlx::sqlite::SqliteConnectOptions::new()
            .filename(self.directory.path().join("nac.db"))
            .create_if_missing(true);
        let mut connection = SqliteConnection::connect_with(&options).await.unwrap();
        sqlx::raw_sql(AssertSqlSafe(sql.to_owned()))
            .execute(&mut connection)
            .await
            .unwrap();
    }

    /// Runs a statement behind the store's back.
    pub(crate) async fn tamper(&self, sql: &str) {
        if self.is_sqlite() {
            let mut connection = SqliteConnection::connect(&self.url).await.unwrap();
            sqlx::raw_sql(AssertSqlSafe(sql.to_owned()))
                .execute(&mut connection)
                .await
                .unwrap();
        } else {
            let mut connection = PgConnection::connect(&self.url).await.unwrap();
            sqlx::raw_sql(AssertSqlSafe(sql.to_owned()))
                .execute(&mut connection)
                .await
                .unwrap();
        }
    }
}

pub(crate) fn on_sqlite<F: Future<Output = ()>>(test: impl FnOnce(Arc<World>) -> F) {
    let directory = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", directory.path().join("nac.db").display());
    let world = Arc::new(World {
        url,
        key: SealingKey::generate().unwrap(),
        directory,
    });
    runtime().block_on(test(world));
}

pub(crate) fn on_postgres<F: Future<Output = ()>>(test: impl FnOnce(Arc<World>) -> F) {
    let Ok(server) = std::env::var("NAC_TEST_POSTGRES") else {
        return;
    };
    let schema = format!("t_{}", Uuid::now_v7().simple());
    let joint = if server.contains('?') { '&' } else { '?' };
    let url = format!("{server}{joint}options[search_path]={schema}");
    let runtime = runtime();
    let statement = |sql: String| {
        runtime.block_on(async {
            let mut connection = PgConnection::connect(&server).await.unwrap();
            sqlx::raw_sql(AssertSqlSafe(sql.to_owned()))
                .execute(&mut connection)
                .await
                .unwrap();
        });
    };
    statement(format!("CREATE SCHEMA {schema}"));
    let world = Arc::new(World {
        url,
        key: SealingKey::generate().unwrap(),
        directory: tempfile::tempdir().unwrap(),
    });
    let result = std::panic::catch_unwind(AssertUnwindSafe(|| runtime.block_on(test(world))));
    statement(format!("DROP SCHEMA {schema} CASCADE"));
    if let Err(panic) = result {
        std::panic::resume_unwind(panic);
    }
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap()
}

/// Makes two tests of each `async fn(Arc<World>)`: one per engine.
macro_rules! on_each_engine {
    ($($name:ident),+ $(,)?) => {
        mod on_sqlite {
            $(#[test] fn $name() { crate::world::on_sqlite(super::$name); })+
        }
        mod on_postgres {
            $(#[test] fn $name() { crate::world::on_postgres(super::$name); })+
        }
    };
}
pub(crate) use on_each_engine;

pub(crate) fn new_client(name: &str, address: &str) -> NewClient {
    NewClient {
        name: name.to_owned(),
        address: address.parse::<IpNet>().unwrap(),
        secret: SecretBytes::new(*b"a secret of the switch"),
        message_authenticator: nac_store::MessageAuthenticatorRule::Required,
        legacy_until_us: None,
        vendor: "generic".to_owned(),
        coa_port: Some(3799),
        radsec_name: None,
        site: "hq".to_owned(),
    }
}

pub(crate) fn new_user(name: &str) -> UserRecord {
    UserRecord {
        name: name.to_owned(),
        password: Some("$argon2id$v=19$m=1,t=1,p=1$c2FsdHNhbHQ$aGFzaA".to_owned()),
        cleartext: Some(SecretBytes::new(*b"0123456789abcdef")),
        enabled: true,
        groups: vec!["staff".to_owned(), "admins".to_owned(), "staff".to_owned()],
    }
}

pub(crate) fn new_device(name: &str, mac: &str) -> DeviceRecord {
    DeviceRecord {
        owner: Some("Alice".to_owned()),
        labels: vec!["laptop".to_owned(), "byod".to_owned()],
        macs: vec![mac.to_owned()],
        ..DeviceRecord::new(name, "admin")
    }
}

pub(crate) fn new_node(key: &str) -> OsqueryNode {
    OsqueryNode {
        id: Uuid::now_v7(),
        node_key_sha256: key.to_owned(),
        device_id: None,
        enroll_secret_id: None,
        enroll_device_bound: false,
        host_identifier: "host\0with a nul".to_owned(),
        platform: "linux".to_owned(),
        hardware_uuid: String::new(),
        hardware_serial: "S1".to_owned(),
        instance_id: "i".to_owned(),
        hostname: "laptop".to_owned(),
        os_name: "Debian".to_owned(),
        os_version: "12".to_owned(),
        osquery_version: "5.20".to_owned(),
        client_spki: Some("aa".to_owned()),
        client_asserted_id: None,
        macs: vec!["00:11:22:33:44:55".to_owned()],
        source_ip: "127.0.0.1".to_owned(),
        status: NodeStatus::Active,
        enrolled_us: now_us(),
        last_seen_us: now_us(),
    }
}

pub(crate) fn new_session() -> Session {
    Session {
        id: Uuid::now_v7(),
        class: "c1".to_owned(),
        client: "switch".to_owned(),
        nas_address: "10.0.0.1".parse().unwrap(),
        nas_source: "10.0.0.1:49152".parse().unwrap(),
        mac: Some("00:11:22:33:44:55".to_owned()),
        user_name: "alice".to_owned(),
        identity: "alice".to_owned(),
        device_id: None,
        attributes: vec![("NAS-Port".to_owned(), "7".to_owned())],
        acct_session_id: Some("s1".to_owned()),
        framed_ip: None,
        method: "EAP-TLS".to_owned(),
        segment: "staff".to_owned(),
        decision_id: Uuid::now_v7(),
        policy_version: 1,
        started_us: now_us(),
        updated_us: now_us(),
        stopped_us: None,
        terminate_cause: None,
    }
}

pub(crate) fn new_enforcement(session_id: Uuid) -> Enforcement {
    Enforcement {
        id: Uuid::now_v7(),
        session_id,
        device_id: None,
        mac: None,
        reason: "the check firewall fails".to_owned(),
        from_segment: "staff".to_owned(),
        to_segment: None,
        action: None,
        requested_by: None,
        state: EnforcementState::Pending,
        attempts: Vec::new(),
        created_us: now_us(),
        updated_us: now_us(),
        proven_us: None,
        proof: None,
    }
}

pub(crate) fn new_decision(user: &str, mac: &str) -> DecisionRecord {
    DecisionRecord {
        id: Uuid::now_v7(),
        at_us: now_us(),
        client: "switch".to_owned(),
        nas_address: "10.0.0.1".to_owned(),
        mac: Some(mac.to_owned()),
        user_name: user.to_owned(),
        identity: String::new(),
        method: "PAP".to_owned(),
        offer: "default".to_owned(),
        outcome: DecisionOutcome::Accept,
        segment: Some("staff".to_owned()),
        reason_code: "OK".to_owned(),
        reason: "A policy permits this.".to_owned(),
        remedy: String::new(),
        policy_version: 1,
        facts: Some(Arc::default()),
        decision: None,
        attributes: Vec::new(),
        request: vec![("User-Name".to_owned(), user.to_owned())],
        eap: None,
        timings: Timings::default(),
        session_id: None,
    }
}

pub(crate) fn new_accounting(session: &str) -> Accounting {
    Accounting {
        at_us: now_us(),
        client: "switch".to_owned(),
        status_type: 2,
        acct_session_id: session.to_owned(),
        mac: Some("00:11:22:33:44:55".to_owned()),
        user_name: "alice".to_owned(),
        framed_ip: Some("10.1.2.3".to_owned()),
        input_octets: 5_000_000_000,
        output_octets: u64::MAX,
        session_time_s: u32::MAX,
        terminate_cause: 1,
        attributes: vec![("Acct-Session-Id".to_owned(), session.to_owned())],
    }
}
