//! The sessions that are open: a bounded list in memory, which every look at it clears of those that nobody uses any more.

use std::time::{Duration, Instant};

use uuid::Uuid;

/// The range that the schema of the session service allows.
pub(super) const SHORTEST_TIMEOUT_S: u64 = 30;
pub(super) const LONGEST_TIMEOUT_S: u64 = 86_400;
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(1800);
/// Real BMCs have a small number of sessions too; the oldest makes room, so that a leaking client locks nobody out.
const MOST_SESSIONS: usize = 32;

pub(super) struct Sessions {
    open: Vec<Session>,
    timeout: Duration,
}

struct Session {
    id: String,
    token: String,
    user: String,
    used: Instant,
}

impl Default for Sessions {
    fn default() -> Sessions {
        Sessions {
            open: Vec::new(),
            timeout: DEFAULT_TIMEOUT,
        }
    }
}

impl Sessions {
    pub(super) fn open(&mut self, user: &str) -> (String, String) {
        self.expire();
        if self.open.len() >= MOST_SESSIONS {
            self.open.remove(0);
        }
        let (id, token) = (
            Uuid::new_v4().simple().to_string(),
            Uuid::new_v4().simple().to_string(),
        );
        self.open.push(Session {
            id: id.clone(),
            token: token.clone(),
            user: user.to_owned(),
            used: Instant::now(),
        });
        (id, token)
    }

    pub(super) fn touch(&mut self, token: &str) -> bool {
        self.expire();
        let found = self.open.iter_mut().find(|session| session.token == token);
        found.map(|session| session.used = Instant::now()).is_some()
    }

    pub(super) fn clear(&mut self) {
        self.open.clear();
    }

    pub(super) fn close(&mut self, id: &str) -> bool {
        let before = self.open.len();
        self.open.retain(|session| session.id != id);
        self.open.len() < before
    }

    pub(super) fn ids(&mut self) -> Vec<String> {
        self.expire();
        self.open.iter().map(|session| session.id.clone()).collect()
    }

    pub(super) fn user_of(&mut self, id: &str) -> Option<String> {
        self.expire();
        let found = self.open.iter().find(|session| session.id == id);
        found.map(|session| session.user.clone())
    }

    pub(super) fn timeout_s(&self) -> u64 {
        self.timeout.as_secs()
    }

    pub(super) fn set_timeout_s(&mut self, timeout_s: u64) {
        self.timeout = Duration::from_secs(timeout_s);
    }

    fn expire(&mut self) {
        self.open
            .retain(|session| session.used.elapsed() < self.timeout);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_used_in_time_is_gone_from_every_view() {
        let mut sessions = Sessions::default();
        let (id, token) = sessions.open("admin");
        assert_eq!(sessions.user_of(&id).as_deref(), Some("admin"));
        assert_eq!(sessions.ids().len(), 1);
        sessions.set_timeout_s(0);
        assert_eq!(sessions.user_of(&id), None);
        sessions.open("admin");
        assert!(sessions.ids().is_empty());
        assert!(!sessions.touch(&token));
    }

    #[test]
    fn the_oldest_makes_room() {
        let mut sessions = Sessions::default();
        let (first, _) = sessions.open("admin");
        for _ in 0..MOST_SESSIONS {
            sessions.open("admin");
        }
        assert_eq!(sessions.ids().len(), MOST_SESSIONS);
        assert_eq!(sessions.user_of(&first), None);
    }
}
