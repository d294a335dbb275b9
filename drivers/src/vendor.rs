//! What only the machines of one vendor can do: methods, as data, and the call of one.
//!
//! A vendor interface lists its methods in its own file; [`Drivers::vendor_methods`] finds those of an implementation.
//! Names, HTTP methods and descriptions are Ironic's. Whether a node may be called at all is no business of a driver.

use async_trait::async_trait;
use serde_json::{Map, Value};

use crate::{BmcError, Drivers, fake, redfish};

/// What becomes of the outcome of a method.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VendorReply {
    /// Nobody gets it: the call is answered before it is done.
    Later,
    /// It is in the answer, as JSON.
    Body,
    /// It is a text, and is the answer as it is.
    Attachment,
}

/// Who else may be at the machine meanwhile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VendorLock {
    /// Nobody.
    Exclusive,
    /// Everybody: the method changes nothing that others care for.
    Shared,
}

/// A method of a vendor interface.
#[derive(Debug, PartialEq, Eq)]
pub struct VendorMethod {
    /// The method's name.
    pub name: &'static str,
    /// The HTTP methods that it can be called by, in upper case.
    pub http_methods: &'static [&'static str],
    /// What becomes of its outcome.
    pub reply: VendorReply,
    /// Who else may be at the machine meanwhile.
    pub lock: VendorLock,
    /// What it does and takes, for people.
    pub description: &'static str,
}

impl VendorMethod {
    /// The method of this name, if it can be called by this HTTP method.
    ///
    /// # Errors
    /// There is none, or it cannot.
    pub fn find<'m>(
        methods: &'m [VendorMethod],
        name: &str,
        http_method: &str,
    ) -> Result<&'m VendorMethod, VendorError> {
        let found = methods.iter().find(|method| method.name == name);
        let found = found.ok_or_else(|| VendorError::Unknown(name.to_owned()))?;
        if !found.http_methods.contains(&http_method) {
            return Err(VendorError::HttpMethod {
                method: name.to_owned(),
                http_method: http_method.to_owned(),
            });
        }
        Ok(found)
    }
}

/// Why a method is not called, or came to nothing. In Ironic's words, where it has some.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum VendorError {
    /// The interface has no such method.
    #[error("No handler for method {0}")]
    Unknown(String),
    /// The method is there, and is called in another way.
    #[error("The method {method} does not support HTTP {http_method}")]
    HttpMethod {
        /// The vendor's method.
        method: String,
        /// How it was called.
        http_method: String,
    },
    /// An argument is missing or wrong.
    #[error("{0}")]
    Arguments(String),
    /// What the arguments name is not there.
    #[error("{0}")]
    NotFound(String),
    /// The BMC did not do it.
    #[error(transparent)]
    Bmc(#[from] BmcError),
}

/// The methods of one machine.
#[async_trait]
pub trait Vendor: Send + Sync {
    /// Looks at the arguments of a call before it begins, for which the BMC may be asked.
    async fn validate(
        &self,
        method: &str,
        arguments: &Map<String, Value>,
    ) -> Result<(), VendorError>;

    /// Does what the method does. The outcome of one that has none is null.
    async fn call(
        &self,
        method: &str,
        arguments: &Map<String, Value>,
    ) -> Result<Value, VendorError>;
}

impl Drivers {
    /// The methods of an implementation of the vendor interface.
    pub fn vendor_methods(implementation: &str) -> &'static [VendorMethod] {
        match implementation {
            "fake" => fake::VENDOR_METHODS,
            "redfish" => redfish::VENDOR_METHODS,
            _ => &[],
        }
    }
}
