//! `http_basic`: users of an Apache htpasswd file, with bcrypt hashes only. Whoever is in it may do everything.
//!
//! A check takes tens of milliseconds on purpose. It runs off the threads that serve, few at a time, and its success is
//! remembered; a user that there is not costs as much as a wrong password.

mod file;
mod header;

pub(super) use file::FileError;

use super::cache::Cache;
use super::{Caller, Refusal};
use file::UserFile;
use header::Credentials;
use http::HeaderMap;
use std::path::Path;
use std::time::{Duration, Instant};
use tokio::sync::Semaphore;

const REALM: &str = "Basic realm=\"Baremetal API\"";
const REMEMBERED: usize = 256;
/// A changed line of the file ends it earlier, as the line is part of the key.
const LIFETIME: Duration = Duration::from_secs(3600);
/// Checks at the same time: guessing passwords must not take the processors from everybody.
const CHECKS: usize = 2;
/// Checks that wait; more are turned away.
const WAITING: usize = 64;

pub(super) struct Basic {
    file: UserFile,
    known: Cache<()>,
    checks: Semaphore,
    waiting: Semaphore,
}

impl Basic {
    pub(super) fn open(path: &Path) -> Result<Self, FileError> {
        Ok(Self {
            file: UserFile::open(path)?,
            known: Cache::new(REMEMBERED),
            checks: Semaphore::new(CHECKS),
            waiting: Semaphore::new(CHECKS + WAITING),
        })
    }

    pub(super) async fn caller(&self, headers: &HeaderMap) -> Result<Caller, Refusal> {
        let Some(credentials) = Credentials::read(headers)? else {
            return Err(unknown("Authorization required"));
        };
        let Credentials { user, password } = credentials;
        let line = self.file.hash_of(&user);
        let (hash, is_user) = (line.hash, line.is_user);
        let fingerprint = self
            .known
            .fingerprint(&[user.as_bytes(), hash.as_bytes(), &password]);
        if self.known.get(&fingerprint, Instant::now()).is_none() {
            let fits = self.check(password, hash).await?;
            if !fits || !is_user {
                return Err(unknown("Incorrect username or password"));
            }
            self.known.put(fingerprint, (), Instant::now(), LIFETIME);
        }
        Ok(Caller::Trusted { user: Some(user) })
    }

    async fn check(&self, password: Vec<u8>, hash: String) -> Result<bool, Refusal> {
        const BUSY: Refusal =
            Refusal::Unavailable("too many passwords are being checked: try again");
        let _waiting = self.waiting.try_acquire().map_err(|_| BUSY)?;
        let _check = self.checks.acquire().await.map_err(|_| BUSY)?;
        let checking = tokio::task::spawn_blocking(move || bcrypt::verify(password, &hash));
        match checking.await {
            Ok(Ok(fits)) => Ok(fits),
            // A password with a NUL inside, which no hash of the file can be of.
            Ok(Err(_)) => Ok(false),
            Err(_) => Err(Refusal::Unavailable("the password could not be checked")),
        }
    }
}

fn unknown(message: &'static str) -> Refusal {
    let challenge = REALM.to_owned();
    Refusal::Unknown { message, challenge }
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::Engine as _;
    use base64::prelude::BASE64_STANDARD;
    use http::{HeaderValue, header};

    fn headers(text: &str) -> HeaderMap {
        let value = format!("Basic {}", BASE64_STANDARD.encode(text));
        let value = HeaderValue::from_str(&value).unwrap();
        HeaderMap::from_iter([(header::AUTHORIZATION, value)])
    }

    /// The cheapest that there is.
    fn line(user: &str, password: &str) -> String {
        format!("{user}:{}\n", bcrypt::hash(password, 4).unwrap())
    }

    async fn lets_in(basic: &Basic, text: &str) -> bool {
        match basic.caller(&headers(text)).await {
            Ok(Caller::Trusted { user }) => {
                assert_eq!(user.as_deref(), text.split(':').next());
                true
            }
            Ok(Caller::Known(_)) => panic!("a user of a file has no roles"),
            Err(Refusal::Unknown { challenge, .. }) => {
                assert_eq!(challenge, "Basic realm=\"Baremetal API\"");
                false
            }
            Err(other) => panic!("{other:?}"),
        }
    }

    #[tokio::test]
    async fn users_of_the_file_are_let_in_and_nobody_else() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(
            file.path(),
            line("ann", "pass:word") + &line("bob", "other"),
        )
        .unwrap();
        let basic = Basic::open(file.path()).unwrap();
        assert!(lets_in(&basic, "ann:pass:word").await);
        assert!(lets_in(&basic, "ann:pass:word").await, "from memory");
        assert!(lets_in(&basic, "bob:other").await);
        for wrong in [
            "ann:other",
            "bob:pass:word",
            "cid:other",
            "ann:",
            ":",
            "an:pass:word",
        ] {
            assert!(!lets_in(&basic, wrong).await, "{wrong}");
        }
        let none = basic.caller(&HeaderMap::new()).await;
        assert!(matches!(none, Err(Refusal::Unknown { .. })), "{none:?}");
    }

    #[tokio::test]
    async fn a_changed_file_counts_at_once() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), line("ann", "old")).unwrap();
        let basic = Basic::open(file.path()).unwrap();
        assert!(lets_in(&basic, "ann:old").await);
        std::fs::write(file.path(), line("ann", "new one") + &line("bob", "b")).unwrap();
        assert!(!lets_in(&basic, "ann:old").await);
        assert!(lets_in(&basic, "ann:new one").await);
        assert!(lets_in(&basic, "bob:b").await);
        std::fs::write(file.path(), "no htpasswd").unwrap();
        assert!(
            !lets_in(&basic, "ann:new one").await,
            "no user is left in it"
        );
    }
}
