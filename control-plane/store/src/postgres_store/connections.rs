//! Connections to the server: a bounded number, made again when they break, none kept that may be in the middle of
//! something. Every call is bounded in time.

use super::failure::{Remedy, failed, late, remedy, unconnected};
use super::sql;
use super::tls::connector;
use super::url::DatabaseUrl;
use crate::StoreError;
use crate::open_error::OpenError;
use deadpool_postgres::{
    Hook, HookError, Manager, ManagerConfig, Object, Pool, RecyclingMethod, Runtime,
};
use std::ops::{Deref, DerefMut};
use std::time::Duration;
use tokio::time::{sleep, timeout};
use tokio_postgres::types::ToSql;
use tokio_postgres::{NoTls, Row};

/// To one server, of one process.
const CONNECTIONS: usize = RECONNECTS as usize;
/// To reach the server, log in and set the session up.
const CONNECT: Duration = Duration::from_secs(5);
/// For a whole call, with its waiting for a connection and its repetitions.
pub(super) const ANSWER: Duration = Duration::from_secs(10);
/// A peer that is cut off is noticed after so long.
const SILENCE: Duration = Duration::from_secs(10);
const KEEPALIVE: Duration = Duration::from_secs(30);
/// How often a transaction that crossed another one is done again: bounded by the time for an answer as well.
pub(super) const ATTEMPTS: u32 = 100;
/// As many connections may be broken without our knowing, and one that is made then is not.
pub(super) const RECONNECTS: u32 = 16;
const LONGEST_PAUSE_MS: u64 = 100;

pub(super) type Parameters<'p> = [&'p (dyn ToSql + Sync)];

#[derive(Debug)]
pub(super) struct Connections {
    pool: Pool,
    /// For messages.
    pub(super) place: String,
}

/// A connection in use. Unless it is given back it is closed: nobody gets one on which an answer is still to come.
pub(super) struct Lent(Option<Object>);

impl Connections {
    /// Connects to nothing yet.
    pub(super) fn new(url: &DatabaseUrl) -> Result<Self, OpenError> {
        let place = url.to_string();
        let unusable = |source: Box<dyn std::error::Error + Send + Sync>| OpenError::Connect {
            store: place.clone(),
            source,
        };
        let mut config = url.config.clone();
        if config.get_application_name().is_none() {
            config.application_name("ferric");
        }
        config.connect_timeout(CONNECT);
        config.tcp_user_timeout(SILENCE);
        config.keepalives_idle(KEEPALIVE);
        let recycling = ManagerConfig {
            recycling_method: RecyclingMethod::Fast,
        };
        let manager = match connector(&url.tls).map_err(|error| unusable(Box::new(error)))? {
            None => Manager::from_config(config, NoTls, recycling),
            Some(tls) => Manager::from_config(config, tls, recycling),
        };
        let session = Hook::async_fn(|client, _| {
            Box::pin(async move {
                let set = client.batch_execute(sql::SESSION).await;
                set.map_err(HookError::Backend)
            })
        });
        let pool = Pool::builder(manager)
            .max_size(CONNECTIONS)
            .runtime(Runtime::Tokio1)
            .wait_timeout(Some(ANSWER))
            .create_timeout(Some(CONNECT))
            .recycle_timeout(Some(CONNECT))
            .post_create(session)
            .build()
            .map_err(|error| unusable(Box::new(error)))?;
        Ok(Self { pool, place })
    }

    pub(super) async fn lend(&self) -> Result<Lent, StoreError> {
        let object = self.pool.get().await.map_err(unconnected)?;
        Ok(Lent(Some(object)))
    }

    /// One statement that reads, done again where that helps.
    pub(super) async fn rows(
        &self,
        doing: &'static str,
        sql: &str,
        parameters: &Parameters<'_>,
    ) -> Result<Vec<Row>, StoreError> {
        bounded(doing, async {
            let mut attempt = 0;
            loop {
                attempt += 1;
                let lent = self.lend().await?;
                let error = match query(&lent, sql, parameters).await {
                    Ok(rows) => {
                        lent.give_back();
                        return Ok(rows);
                    }
                    Err(error) => error,
                };
                match remedy(&error) {
                    Remedy::Repeat if attempt < ATTEMPTS => {
                        lent.give_back();
                        pause(attempt).await;
                    }
                    // The server may have been restarted since the connections were used last: a new one tells.
                    Remedy::Reconnect if attempt <= RECONNECTS => {}
                    Remedy::None => {
                        lent.give_back();
                        return Err(failed(doing, error));
                    }
                    Remedy::Repeat | Remedy::Reconnect | Remedy::ComeBack => {
                        return Err(failed(doing, error));
                    }
                }
            }
        })
        .await
    }

    /// A statement that writes and that does no harm when it is done twice.
    pub(super) async fn execute(
        &self,
        doing: &'static str,
        sql: &str,
        parameters: &Parameters<'_>,
    ) -> Result<(), StoreError> {
        self.rows(doing, sql, parameters).await.map(drop)
    }
}

async fn query(
    lent: &Lent,
    sql: &str,
    parameters: &Parameters<'_>,
) -> Result<Vec<Row>, tokio_postgres::Error> {
    let statement = lent.prepare_cached(sql).await?;
    lent.query(&statement, parameters).await
}

/// No call waits for ever.
pub(super) async fn bounded<T>(
    doing: &'static str,
    work: impl Future<Output = Result<T, StoreError>>,
) -> Result<T, StoreError> {
    match timeout(ANSWER, work).await {
        Ok(outcome) => outcome,
        Err(_) => Err(late(doing)),
    }
}

/// Longer from time to time, and never as long as another one's.
pub(super) async fn pause(attempt: u32) {
    let most = LONGEST_PAUSE_MS.min(1 << attempt.min(10));
    sleep(Duration::from_millis(rand::random_range(0..=most))).await;
}

impl Lent {
    /// For the next one who asks.
    pub(super) fn give_back(mut self) {
        drop(self.0.take());
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        if let Some(object) = self.0.take() {
            drop(Object::take(object));
        }
    }
}

impl Deref for Lent {
    type Target = deadpool_postgres::ClientWrapper;

    fn deref(&self) -> &Self::Target {
        self.0.as_ref().expect("it is there until it is given back")
    }
}

impl DerefMut for Lent {
    fn deref_mut(&mut self) -> &mut Self::Target {
        self.0.as_mut().expect("it is there until it is given back")
    }
}
