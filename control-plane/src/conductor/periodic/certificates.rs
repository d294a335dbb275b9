//! Says at the start, and every day, which certificates of the cluster end soon.

use super::chore::Chore;
use crate::conductor::node_task::TaskError;
use crate::conductor::{Certificate, Conductor};
use crate::config::Settings;
use async_trait::async_trait;
use jiff::Timestamp;
use std::time::Duration;
use tracing::warn;

const DAY: Duration = Duration::from_secs(86_400);
/// A certificate that ends within so many days is to be renewed.
const SOON_DAYS: i64 = 30;

pub(super) struct Certificates;

#[async_trait]
impl Chore for Certificates {
    fn purpose(&self) -> &'static str {
        "looking at certificates"
    }

    fn spacing(&self, _settings: &Settings) -> Duration {
        DAY
    }

    async fn pass(&self, conductor: &Conductor) -> Result<usize, TaskError> {
        for certificate in conductor.certificates() {
            if let Some(warning) = warning(&certificate, conductor.now()) {
                warn!("{warning}");
            }
        }
        Ok(0)
    }
}

fn warning(certificate: &Certificate, now: Timestamp) -> Option<String> {
    let (days, ends) = (certificate.days_left(now), certificate.ends);
    if days >= SOON_DAYS {
        return None;
    }
    let remedy = certificate.kind.renewal();
    let name = certificate.kind.name();
    Some(if days < 0 {
        format!("the {name} certificate of the cluster has ended ({ends}): {remedy}")
    } else {
        format!("the {name} certificate of the cluster ends in {days} days ({ends}): {remedy}")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conductor::CertificateKind;

    #[test]
    fn who_ends_soon_is_named_with_the_remedy() {
        let now: Timestamp = "2030-01-31T00:00:00Z".parse().unwrap();
        let said = |ends: &str, kind| {
            let ends = ends.parse().unwrap();
            warning(&Certificate { kind, ends }, now)
        };
        let own = CertificateKind::Conductor;
        assert_eq!(said("2030-03-02T00:00:00Z", own), None, "30 days");
        let soon = said("2030-03-01T23:00:00Z", own).unwrap();
        assert_eq!(
            soon,
            "the conductor certificate of the cluster ends in 29 days (2030-03-01T23:00:00Z): \
             `ferric cluster renew` makes a new one where the authority is, and it is used without a restart"
        );
        let over = said("2030-01-30T23:00:00Z", CertificateKind::Authority).unwrap();
        assert!(over.contains("has ended"), "{over}");
        assert!(over.contains("renew --authority"), "{over}");
    }
}
