//! The one choice of a TLS provider, made before the first client or server is built.

/// Idempotent, so that tests may call it in any order.
pub fn install_provider() {
    // Refused only when another one stands already, which nobody else installs.
    drop(rustls::crypto::aws_lc_rs::default_provider().install_default());
}
