//! Which allocations this conductor goes on with: its own, those that it had before it was started, and those of
//! conductors that are gone.

use super::{readable, unfinished};
use crate::conductor::Conductor;
use crate::conductor::walk::Walk;
use ferric_store::StoreError;

impl Conductor {
    /// Takes what it may, and begins with all that are its own and lie idle. Answers how many there were.
    pub(in crate::conductor) async fn take_over_allocations(&self) -> Result<usize, StoreError> {
        let Some(around) = self.around_to_take_work().await? else {
            return Ok(0);
        };
        let mut walk = Walk::new(unfinished());
        while let Some(records) = walk.next(self.store().as_ref()).await? {
            for record in records {
                let Some(mut allocation) = readable(&record) else {
                    continue;
                };
                if !self.may_take_work_of(&around, &allocation.worker) {
                    continue;
                }
                allocation.worker = self.worker();
                match self.store_allocation(&allocation, record.revision).await {
                    // Taken by another one, ended or deleted since.
                    Ok(_) | Err(StoreError::Stale { .. }) => {}
                    Err(error) => return Err(error),
                }
            }
        }
        self.begin_own().await
    }
}
