//! The BMCs that are known: one value per address and user, so that its session and its request budget are shared.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::task::JoinSet;

use super::tls::TlsError;
use super::{Bmc, RedfishInfo};
use crate::Settings;
use crate::permit::Gate;

/// BMCs that are logged out of at the same time.
const GOODBYES: usize = 64;

pub(crate) struct BmcCache {
    settings: Settings,
    gate: Gate,
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    bmcs: HashMap<Key, Entry>,
    /// Grows with each use; the smallest number is the longest unused.
    uses: u64,
}

type Key = (String, Option<String>);

struct Entry {
    info: RedfishInfo,
    bmc: Arc<Bmc>,
    last_use: u64,
}

impl BmcCache {
    pub(crate) fn new(settings: Settings, gate: Gate) -> Self {
        Self {
            settings,
            gate,
            known: Mutex::default(),
        }
    }

    /// The BMC that `info` leads to. A changed password or CA makes a new one in the place of the old one.
    pub(crate) fn bmc(&self, info: &RedfishInfo) -> Result<Arc<Bmc>, TlsError> {
        // Machines behind one BMC differ in their system only.
        let info = RedfishInfo {
            system: None,
            ..info.clone()
        };
        let key = (
            info.address.to_string(),
            info.login.as_ref().map(|login| login.user.clone()),
        );
        let mut known = self.known.lock();
        known.uses += 1;
        let last_use = known.uses;
        if let Some(entry) = known.bmcs.get_mut(&key).filter(|entry| entry.info == info) {
            entry.last_use = last_use;
            return Ok(entry.bmc.clone());
        }
        let bmc = Bmc::new(&info, &self.settings, self.gate.clone())?;
        known.bmcs.insert(
            key,
            Entry {
                info,
                bmc: bmc.clone(),
                last_use,
            },
        );
        known.shrink_to(self.settings.session_cache_size);
        Ok(bmc)
    }

    /// Ends all sessions; a BMC that does not answer holds up no other.
    pub(crate) async fn log_out(&self) {
        let bmcs = std::mem::take(&mut self.known.lock().bmcs);
        let mut goodbyes = JoinSet::new();
        for entry in bmcs.into_values() {
            if goodbyes.len() >= GOODBYES {
                goodbyes.join_next().await;
            }
            goodbyes.spawn(async move { entry.bmc.log_out().await });
        }
        goodbyes.join_all().await;
    }
}

impl Known {
    /// Drops what was not used for longest; whoever still holds such a BMC keeps it until done.
    fn shrink_to(&mut self, limit: usize) {
        while self.bmcs.len() > limit {
            let oldest = self
                .bmcs
                .iter()
                .min_by_key(|(_, entry)| entry.last_use)
                .map(|(key, _)| key.clone());
            let Some(oldest) = oldest else { return };
            self.bmcs.remove(&oldest);
        }
    }
}
