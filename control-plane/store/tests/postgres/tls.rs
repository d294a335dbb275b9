//! TLS to the server, and passwords, as the URL asks for them.

use crate::server::Server;
use ferric_store::conformance::node;
use ferric_store::{PostgresStore, Store, StoreError, Transaction};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

const PASSWORD: &str = "hunter2";

/// A certificate of its own for this name.
fn certificate(folder: &Path, name: &str) -> (PathBuf, PathBuf) {
    let made = rcgen::generate_simple_self_signed([name.to_owned()]).unwrap();
    let paths = (
        folder.join(format!("{name}.pem")),
        folder.join(format!("{name}.key")),
    );
    fs::write(&paths.0, made.cert.pem()).unwrap();
    fs::write(&paths.1, made.signing_key.serialize_pem()).unwrap();
    fs::set_permissions(&paths.1, fs::Permissions::from_mode(0o600)).unwrap();
    paths
}

/// Nobody gets in by TCP without TLS and a password.
fn strict() -> (Server, String) {
    let mut server = Server::new(&["ssl=on", "password_encryption=scram-sha-256"]);
    let (cert, key) = certificate(&server.data(), "localhost");
    for (from, to) in [(&cert, "server.crt"), (&key, "server.key")] {
        let to = server.data().join(to);
        fs::copy(from, &to).unwrap();
        fs::set_permissions(&to, fs::Permissions::from_mode(0o600)).unwrap();
        server.give_to_user(&to);
    }
    let rules = "local all all trust\nhostssl all all 127.0.0.1/32 scram-sha-256\n";
    fs::write(server.data().join("pg_hba.conf"), rules).unwrap();
    server.restart();
    let database = server.database();
    let user = format!(
        "CREATE ROLE ferric LOGIN PASSWORD '{PASSWORD}'; ALTER DATABASE {database} OWNER TO ferric; \
         GRANT ALL ON SCHEMA public TO ferric"
    );
    server.psql(&database, &user);
    (server, database)
}

struct Caller<'s> {
    server: &'s Server,
    database: &'s str,
    state: tempfile::TempDir,
}

impl Caller<'_> {
    async fn open(&self, host: &str, password: &str, query: &str) -> Result<PostgresStore, String> {
        let (port, database) = (self.server.port(), self.database);
        let url = format!("postgresql://ferric:{password}@{host}:{port}/{database}{query}");
        let key = self.state.path().join("store.key");
        let opened = PostgresStore::open(&url.parse().unwrap(), key).await;
        opened.map_err(|error: StoreError| {
            let mut text = error.to_string();
            let mut source = std::error::Error::source(&error);
            while let Some(inner) = source {
                text += &format!(": {inner}");
                source = inner.source();
            }
            assert!(!format!("{text} {error:?}").contains(PASSWORD), "{text}");
            text
        })
    }
}

#[tokio::test]
async fn tls_is_what_the_url_says() {
    let (server, database) = strict();
    let root = server.data().join("localhost.pem");
    let (other, _) = certificate(&server.data(), "elsewhere");
    let caller = Caller {
        server: &server,
        database: &database,
        state: tempfile::tempdir().unwrap(),
    };
    let refused = async |host: &str, password: &str, query: String, part: &str| {
        let error = caller.open(host, password, &query).await.unwrap_err();
        assert!(error.contains(part), "{query}: {error}");
    };
    let full = |root: &Path| format!("?sslmode=verify-full&sslrootcert={}", root.display());
    refused("127.0.0.1", PASSWORD, String::new(), "no encryption").await;
    refused(
        "127.0.0.1",
        "wrong",
        "?sslmode=require".to_owned(),
        "password authentication failed",
    )
    .await;
    refused("localhost", PASSWORD, full(&other), "certificate").await;
    refused("127.0.0.1", PASSWORD, full(&root), "certificate").await;
    refused(
        "localhost",
        PASSWORD,
        full(Path::new("/nowhere.pem")),
        "/nowhere.pem",
    )
    .await;
    refused(
        "localhost",
        PASSWORD,
        "?sslmode=verify-full".to_owned(),
        "certificate",
    )
    .await;
    for (host, query) in [
        ("127.0.0.1", "?sslmode=require".to_owned()),
        ("localhost", full(&root)),
    ] {
        let store = caller.open(host, PASSWORD, &query).await.unwrap();
        store
            .commit(Transaction::new().put(&node(1)))
            .await
            .unwrap();
    }
}
