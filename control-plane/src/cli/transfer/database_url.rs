//! Where an Ironic's database is, read as SQLAlchemy reads `[database] connection`, which is not as the standard of URLs has
//! it: a password may have `/`, `?` and `#` as they are, and a server on a socket has a user but no host. Not `Debug`: it
//! holds the password.

use anyhow::Context;

pub(super) struct DatabaseUrl {
    /// `mysql` in `mysql+pymysql://`.
    pub(super) kind: String,
    /// `pymysql`, or nothing.
    pub(super) driver: String,
    pub(super) user: Option<String>,
    pub(super) password: Option<String>,
    pub(super) host: Option<String>,
    pub(super) port: Option<u16>,
    pub(super) database: String,
    /// What stands behind the question mark.
    pub(super) options: Vec<(String, String)>,
}

impl DatabaseUrl {
    /// # Errors
    /// Without a word of the text, which may hold a password.
    pub(super) fn parse(text: &str) -> anyhow::Result<Self> {
        let begin = "the URL of the database must begin with its kind: mysql+pymysql://...";
        let (scheme, rest) = text.split_once("://").context(begin)?;
        let (kind, driver) = scheme.split_once('+').unwrap_or((scheme, ""));
        let (account, rest) = split_account(rest);
        let (place, options) = rest.split_once('?').unwrap_or((rest, ""));
        let (address, database) = place.split_once('/').unwrap_or((place, ""));
        let (host, port) = split_port(address);
        let is_password = host.contains('@');
        anyhow::ensure!(
            !is_password,
            "the host in the URL of the database has an @: write @ as %40 in a password"
        );
        let port = match port {
            "" => None,
            port => Some(port.parse::<u16>().context(
                "the port in the URL of the database is no number; write @ as %40 in a password",
            )?),
        };
        let options = url::form_urlencoded::parse(options.as_bytes());
        Ok(Self {
            kind: kind.to_owned(),
            driver: driver.to_owned(),
            user: account.map(|(user, _)| decoded(user)),
            password: account.and_then(|(_, password)| password.map(decoded)),
            host: (!host.is_empty()).then(|| host.to_owned()),
            port,
            database: decoded(database),
            options: options.into_owned().collect(),
        })
    }
}

/// User and password, and what stands behind them. A password ends at the first `@`.
fn split_account(text: &str) -> (Option<(&str, Option<&str>)>, &str) {
    let end = text.find([':', '/']).unwrap_or(text.len());
    let (name, behind) = text.split_at(end);
    let secret = behind.strip_prefix(':');
    if let Some((password, rest)) = secret.and_then(|secret| secret.split_once('@')) {
        return (Some((name, Some(password))), rest);
    }
    match name.rsplit_once('@') {
        Some((user, _)) => (Some((user, None)), &text[user.len() + 1..]),
        None => (None, text),
    }
}

/// An address of IPv6 stands in brackets.
fn split_port(address: &str) -> (&str, &str) {
    let inner = address.strip_prefix('[');
    match inner.and_then(|inner| inner.split_once(']')) {
        Some((host, behind)) => (host, behind.strip_prefix(':').unwrap_or_default()),
        None => address.split_once(':').unwrap_or((address, "")),
    }
}

/// What stands in a URL as `%40`.
fn decoded(text: &str) -> String {
    let query = text
        .replace('+', "%2B")
        .replace('&', "%26")
        .replace('=', "%3D");
    let mut pairs = url::form_urlencoded::parse(query.as_bytes());
    pairs
        .next()
        .map_or_else(String::new, |(text, _)| text.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// User, password, host, port and database.
    fn parts(text: &str) -> [String; 5] {
        let url = DatabaseUrl::parse(text).unwrap();
        let port = url.port.map(|port| port.to_string());
        let parts = [url.user, url.password, url.host, port];
        let [user, password, host, port] = parts.map(|part| part.unwrap_or("-".to_owned()));
        [user, password, host, port, url.database]
    }

    #[test]
    fn what_sqlalchemy_takes_is_understood() {
        for (text, expected) in [
            (
                "mysql+pymysql://i:p%40s%2Fs+1&=@h:3307/d",
                ["i", "p@s/s+1&=", "h", "3307", "d"],
            ),
            (
                "mysql+pymysql://i:a/b#c?d:e@h/d?x=1",
                ["i", "a/b#c?d:e", "h", "-", "d"],
            ),
            (
                "mysql+pymysql://i:p@/d?unix_socket=/s",
                ["i", "p", "-", "-", "d"],
            ),
            ("postgresql://i@h:5433/d", ["i", "-", "h", "5433", "d"]),
            (
                "postgresql://i:p@[::1]:5433/d",
                ["i", "p", "::1", "5433", "d"],
            ),
            ("postgresql:///d?host=/run", ["-", "-", "-", "-", "d"]),
            ("sqlite:////var/i.db", ["-", "-", "-", "-", "/var/i.db"]),
            ("sqlite:///i.db?timeout=1", ["-", "-", "-", "-", "i.db"]),
        ] {
            assert_eq!(parts(text), expected, "{text}");
        }
        let url = DatabaseUrl::parse("mysql+pymysql://h/d?ssl_ca=%2Fca+1&charset=utf8").unwrap();
        assert_eq!((&*url.kind, &*url.driver), ("mysql", "pymysql"));
        let options = [("ssl_ca", "/ca 1"), ("charset", "utf8")];
        assert_eq!(
            url.options,
            options.map(|(name, value)| (name.to_owned(), value.to_owned()))
        );
    }

    #[test]
    fn what_it_cannot_be_is_refused_without_the_password() {
        for text in ["hush", "mysql://u:p@hush@h:x/d", "mysql://u:p@hush@h/d"] {
            let error = DatabaseUrl::parse(text).err().unwrap();
            assert!(!format!("{error:#}").contains("hush"), "{error:#}");
        }
    }
}
