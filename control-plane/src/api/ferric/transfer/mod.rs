//! `GET /ferric/v1/export` and `POST /ferric/v1/import`: everything that is stored of nodes and what belongs to them, as
//! records that can be stored elsewhere (`docs/transfer.md`). The conductor does the storing; here is the form.

mod export;
mod import;
mod kind;
mod known;
mod node_record;
mod reading;

pub(super) use export::export;
pub(super) use import::import;
