//! Where the database is, as one URL. A password in it is never shown.

use super::tls::Tls;
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode};

/// `postgresql://USER:PASSWORD@HOST:PORT/DATABASE?sslmode=verify-full`, checked.
#[derive(Clone)]
pub struct DatabaseUrl {
    pub(super) config: Config,
    pub(super) tls: Tls,
}

/// Why it is none. The text itself is not repeated: it may hold a password.
#[derive(Debug, thiserror::Error)]
pub enum UrlError {
    #[error("must be a URL such as postgresql://USER@HOST/DATABASE")]
    NotPostgres,
    #[error("must name one host and one database: postgresql://USER@HOST/DATABASE")]
    Incomplete,
    #[error("write @ as %40, : as %3A and / as %2F in a password")]
    Ambiguous,
    #[error("sslmode must be disable, require or verify-full")]
    SslMode,
    #[error("sslrootcert needs sslmode=require or verify-full")]
    RootWithoutTls,
    #[error("is not a URL that PostgreSQL would understand")]
    Malformed(#[source] tokio_postgres::Error),
}

impl DatabaseUrl {
    /// Whether the text means a database, and not a folder.
    pub fn is_one(text: &str) -> bool {
        text.starts_with("postgresql://") || text.starts_with("postgres://")
    }
}

impl FromStr for DatabaseUrl {
    type Err = UrlError;

    fn from_str(text: &str) -> Result<Self, UrlError> {
        if !Self::is_one(text) {
            return Err(UrlError::NotPostgres);
        }
        if text.matches('@').count() > 1 {
            return Err(UrlError::Ambiguous);
        }
        let (base, query) = split_query(text);
        let mut kept = url::form_urlencoded::Serializer::new(String::new());
        let (mut mode, mut root) = (None, None);
        for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
            match &*name {
                "sslmode" => mode = Some(value.into_owned()),
                "sslrootcert" => root = Some(PathBuf::from(&*value)),
                _ => {
                    kept.append_pair(&name, &value);
                }
            }
        }
        let tls = match (mode.as_deref(), root) {
            (None | Some("disable"), Some(_)) => return Err(UrlError::RootWithoutTls),
            (None | Some("disable"), None) => Tls::Off,
            (Some("require"), None) => Tls::AnyCertificate,
            (Some("require" | "verify-full"), root) => Tls::Verified { root },
            (Some(_), _) => return Err(UrlError::SslMode),
        };
        // The engine's own parser knows percent signs, but no plus for a space.
        let query = kept.finish().replace('+', "%20");
        let config: Result<Config, _> = match query.as_str() {
            "" => base.parse(),
            query => format!("{base}?{query}").parse(),
        };
        let mut config = config.map_err(UrlError::Malformed)?;
        if config.get_hosts().is_empty() || config.get_dbname().is_none() {
            return Err(UrlError::Incomplete);
        }
        config.ssl_mode(match tls {
            Tls::Off => SslMode::Disable,
            Tls::AnyCertificate | Tls::Verified { .. } => SslMode::Require,
        });
        Ok(Self { config, tls })
    }
}

/// A password may hold a question mark.
fn split_query(text: &str) -> (&str, &str) {
    let behind_password = text.find('@').unwrap_or(0);
    match text[behind_password..].find('?') {
        Some(mark) => {
            let mark = behind_password + mark;
            (&text[..mark], &text[mark + 1..])
        }
        None => (text, ""),
    }
}

/// Without the password.
impl fmt::Display for DatabaseUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("postgresql://")?;
        if let Some(user) = self.config.get_user() {
            write!(formatter, "{user}@")?;
        }
        for (index, host) in self.config.get_hosts().iter().enumerate() {
            let comma = if index == 0 { "" } else { "," };
            match host {
                Host::Tcp(name) => write!(formatter, "{comma}{name}")?,
                Host::Unix(path) => write!(formatter, "{comma}{}", path.display())?,
            }
        }
        if let Some(port) = self.config.get_ports().first() {
            write!(formatter, ":{port}")?;
        }
        write!(
            formatter,
            "/{}",
            self.config.get_dbname().unwrap_or_default()
        )
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "DatabaseUrl({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Result<(&str, Tls), &str>) {
        let found = text.parse::<DatabaseUrl>();
        let found = found.map(|url| (url.to_string(), url.tls));
        match (found, expected) {
            (Ok((shown, tls)), Ok(expected)) => assert_eq!((shown.as_str(), tls), expected),
            (Err(error), Err(part)) => {
                let error = error.to_string();
                assert!(error.contains(part), "{text}: {error}");
                assert!(!error.contains("hunter2"), "{text}: {error}");
            }
            (found, expected) => panic!("{text}: {found:?}, but expected {expected:?}"),
        }
    }

    #[test]
    fn urls() {
        check(
            "postgresql://db/ferric",
            Ok(("postgresql://db:5432/ferric", Tls::Off)),
        );
        check(
            "postgres://ferric:hunter2@db:6000/ferric?sslmode=require",
            Ok(("postgresql://ferric@db:6000/ferric", Tls::AnyCertificate)),
        );
        let root = Some(PathBuf::from("/etc/my ca.pem"));
        check(
            "postgresql://f:hunter2?@db/ferric?sslmode=verify-full&sslrootcert=/etc/my%20ca.pem&application_name=x%20y",
            Ok(("postgresql://f@db:5432/ferric", Tls::Verified { root })),
        );
        check(
            "postgresql://postgres@%2Ftmp%2Fsocket/ferric",
            Ok(("postgresql://postgres@/tmp/socket:5432/ferric", Tls::Off)),
        );
        check("mysql://db/ferric", Err("postgresql://USER@HOST/DATABASE"));
        check("/var/lib/ferric", Err("postgresql://USER@HOST/DATABASE"));
        check("postgresql://f@db", Err("one database"));
        check("postgresql://f:hunter2@x@db/ferric", Err("%40"));
        check(
            "postgresql://f:hunter2@db/f?sslmode=prefer",
            Err("sslmode must be"),
        );
        check(
            "postgresql://f:hunter2@db/f?sslrootcert=a",
            Err("sslrootcert needs"),
        );
        check("postgresql://f:hunter2@db:port/f", Err("is not a URL"));
        check(
            "postgresql://f:hunter2@db/f?nonsense=1",
            Err("is not a URL"),
        );
    }

    #[test]
    fn a_password_is_not_shown() {
        let url: DatabaseUrl = "postgresql://f:hunter2@db/ferric".parse().unwrap();
        assert!(url.config.get_password().is_some());
        assert!(!format!("{url} {url:?}").contains("hunter2"));
    }
}
