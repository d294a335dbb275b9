//! Ferric's control plane: conductor, REST API, boot services and command line, one binary.

pub mod api;
pub mod auth;
pub mod boot;
pub mod cli;
mod cluster;
pub mod conductor;
pub mod config;
mod erase_records;
mod listener;
mod log;
mod process;
pub mod proxy;
pub mod server_tls;
mod store_jobs;
mod store_place;
#[cfg(test)]
mod testing;
pub mod tls;
