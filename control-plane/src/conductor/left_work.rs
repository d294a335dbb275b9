//! Work that hangs on no node, and so has no owner but its worker: allocations and bulk requests. Whose of it this conductor
//! may go on with: its own, that of the name that it has now, and that of conductors that are gone.

use super::Conductor;
use super::around::Around;
use ferric_model::allocation::Worker;
use ferric_store::StoreError;

impl Conductor {
    /// What this conductor signs work with.
    pub(super) fn worker(&self) -> Worker {
        Worker {
            conductor: self.host().to_owned(),
            incarnation: self.incarnation(),
        }
    }

    /// Who is around, for a look at what may be taken. `None`: nothing may, as this conductor stops, or another one has its
    /// name now and its work too.
    pub(super) async fn around_to_take_work(&self) -> Result<Option<Around>, StoreError> {
        let around = self.look_around().await?;
        let is_replaced = around
            .named(self.host())
            .is_some_and(|seen| seen.record.incarnation != self.incarnation());
        Ok((!is_replaced && !self.stopping()).then_some(around))
    }

    /// Whether what was left to that conductor may be gone on with here.
    pub(super) fn may_take_work_of(&self, around: &Around, worker: &Worker) -> bool {
        if worker.conductor == self.host() {
            return worker.incarnation != self.incarnation();
        }
        around.named(&worker.conductor).is_none()
            || around.gone().any(|host| host == worker.conductor)
    }
}
