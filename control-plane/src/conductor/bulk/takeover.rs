//! Which requests this conductor works off: its own, those that it had before it was started, and those of conductors that
//! are gone.

use crate::conductor::Conductor;
use crate::conductor::steps::chain;
use crate::conductor::walk::Walk;
use ferric_model::bulk::BulkRequest;
use ferric_store::{Entity, Expectation, FieldValue, Query, StoreError, Table, Transaction};

impl Conductor {
    /// Takes what it may, and begins with all that are its own and lie idle. Answers how many there were.
    pub(in crate::conductor) async fn take_over_bulk_requests(&self) -> Result<usize, StoreError> {
        let Some(around) = self.around_to_take_work().await? else {
            return Ok(0);
        };
        let open = Query::all(Table::BulkRequest).filter("open", vec![FieldValue::Bool(true)]);
        let (mut begun, mut walk) = (0, Walk::new(open));
        while let Some(records) = walk.next(self.store().as_ref()).await? {
            for record in records {
                let mut request: BulkRequest = match record.decode() {
                    Ok(request) => request,
                    Err(error) => {
                        let error = chain(&error);
                        tracing::error!(error, "a bulk request cannot be read and is left alone");
                        continue;
                    }
                };
                if self.may_take_work_of(&around, &request.worker) {
                    request.worker = self.worker();
                    let taken = Transaction::new()
                        .expect(Expectation::Revision(request.key(), record.revision))
                        .put(&request);
                    match self.store().commit(taken).await {
                        Ok(_) => {}
                        // Taken by another one, or ended since.
                        Err(StoreError::Stale { .. }) => continue,
                        Err(error) => return Err(error),
                    }
                }
                let is_own = request.worker.incarnation == self.incarnation();
                if is_own && !self.is_working_off(request.id) {
                    self.begin_bulk_request(request.id);
                    begun += 1;
                }
            }
        }
        Ok(begun)
    }
}
