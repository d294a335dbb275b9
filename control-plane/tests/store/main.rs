//! `ferric store` as its users meet it, while `ferric serve` has the store open and while nobody has; and erase records.

#![expect(clippy::unwrap_used, reason = "what fails in a test fails the test")]

mod erase_records;
mod full_disk;
mod jobs;
#[path = "../postgres/program.rs"]
#[expect(dead_code, reason = "the tests on PostgreSQL use the rest of it")]
mod program;

/// What `program` needs of the tests on PostgreSQL.
mod server {
    use std::net::TcpListener;

    /// Somebody else may take it before the program does; then that does not start and the test says so.
    pub(crate) fn free_port() -> u16 {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap().port()
    }
}
