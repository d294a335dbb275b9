//! Ferric's control plane: conductor, REST API, boot services and command line, one binary.

pub mod api;
pub mod boot;
pub mod conductor;
pub mod config;
pub mod tls;
