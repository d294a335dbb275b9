//! The vendor's methods of a fake machine: Ironic's, which compare a word with their own. They are there to try the way
//! to a method, in each of its forms.

use async_trait::async_trait;
use serde_json::{Map, Value};
use tracing::debug;

use super::FakeHandle;
use crate::{Vendor, VendorError, VendorLock, VendorMethod, VendorReply};

const SECOND: &str = "second_method";
const THIRD: &str = "third_method_sync";
const FOURTH: &str = "fourth_method_shared_lock";
const LOG: &str = "log_passthrough";

pub(crate) static VENDOR_METHODS: &[VendorMethod] = &[
    VendorMethod {
        name: SECOND,
        http_methods: &["POST"],
        reply: VendorReply::Later,
        lock: VendorLock::Exclusive,
        description: "Test if the value of bar is kazoo",
    },
    VendorMethod {
        name: THIRD,
        http_methods: &["POST"],
        reply: VendorReply::Body,
        lock: VendorLock::Exclusive,
        description: "Test if the value of bar is meow",
    },
    VendorMethod {
        name: FOURTH,
        http_methods: &["POST"],
        reply: VendorReply::Later,
        lock: VendorLock::Shared,
        description: "Test if the value of bar is woof",
    },
    VendorMethod {
        name: LOG,
        http_methods: &["POST"],
        reply: VendorReply::Later,
        lock: VendorLock::Exclusive,
        description: "Test pass-through to wait.",
    },
];

/// The word that a method compares its argument with; `None`: it takes any arguments.
fn word(method: &str) -> Result<Option<&'static str>, VendorError> {
    match method {
        SECOND => Ok(Some("kazoo")),
        THIRD => Ok(Some("meow")),
        FOURTH => Ok(Some("woof")),
        LOG => Ok(None),
        other => Err(VendorError::Unknown(other.to_owned())),
    }
}

/// Whether a value is one that Python takes for none.
fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(is) => !is,
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(members) => members.is_empty(),
    }
}

#[async_trait]
impl Vendor for FakeHandle {
    async fn validate(
        &self,
        method: &str,
        arguments: &Map<String, Value>,
    ) -> Result<(), VendorError> {
        if word(method)?.is_none() {
            return Ok(());
        }
        if arguments.get("bar").is_none_or(is_nothing) {
            let text = format!("Parameter 'bar' not passed to method '{method}'.");
            return Err(VendorError::Arguments(text));
        }
        match arguments.keys().find(|name| *name != "bar") {
            None => Ok(()),
            Some(name) => {
                let text = format!("Method '{method}' takes the parameter 'bar', and no '{name}'.");
                Err(VendorError::Arguments(text))
            }
        }
    }

    async fn call(
        &self,
        method: &str,
        arguments: &Map<String, Value>,
    ) -> Result<Value, VendorError> {
        let word = word(method)?;
        if method != FOURTH {
            self.check(method)?;
        }
        self.machine.request(method).await?;
        let Some(word) = word else {
            // Without their values, which may be secret.
            let names: Vec<&str> = arguments.keys().map(String::as_str).collect();
            debug!(machine = %self.machine.address(), ?names, "log_passthrough was called");
            return Ok(Value::Null);
        };
        Ok(Value::Bool(
            arguments.get("bar") == Some(&Value::from(word)),
        ))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use serde_json::json;

    use super::*;
    use crate::permit::Gate;
    use crate::{BmcError, CallPermit, FakeMachines};

    struct Never;

    impl CallPermit for Never {
        fn allows(&self, _limit: Duration) -> bool {
            false
        }
    }

    fn handle() -> FakeHandle {
        FakeHandle {
            machine: FakeMachines::default().machine("a"),
            gate: Gate::default(),
            limit: Duration::from_secs(1),
        }
    }

    fn bar(value: Value) -> Map<String, Value> {
        Map::from_iter([("bar".to_owned(), value)])
    }

    #[tokio::test]
    async fn each_method_knows_its_word() {
        let handle = handle();
        for (method, word) in [(SECOND, "kazoo"), (THIRD, "meow"), (FOURTH, "woof")] {
            let same = handle.call(method, &bar(json!(word))).await.unwrap();
            let other = handle.call(method, &bar(json!("moo"))).await.unwrap();
            assert_eq!((same, other), (json!(true), json!(false)), "{method}");
        }
        let any = json!({"a": 1, "b": [2]});
        let any = any.as_object().unwrap();
        assert_eq!(handle.validate(LOG, any).await.ok(), Some(()));
        assert_eq!(handle.call(LOG, any).await.unwrap(), Value::Null);
    }

    #[tokio::test]
    async fn what_is_wrong_with_the_arguments_is_said_before_anything_is_done() {
        let handle = handle();
        for nothing in [
            json!(null),
            json!(""),
            json!(0),
            json!(false),
            json!([]),
            json!({}),
        ] {
            let refused = handle
                .validate(THIRD, &bar(nothing.clone()))
                .await
                .unwrap_err();
            let text = "Parameter 'bar' not passed to method 'third_method_sync'.";
            assert_eq!(refused.to_string(), text, "{nothing}");
        }
        let mut more = bar(json!("meow"));
        assert_eq!(handle.validate(THIRD, &more).await.ok(), Some(()));
        more.insert("baz".to_owned(), json!(1));
        let refused = handle.validate(THIRD, &more).await.unwrap_err();
        assert!(refused.to_string().contains("no 'baz'"), "{refused}");
        let unknown = handle.validate("dance", &more).await.unwrap_err();
        assert_eq!(unknown.to_string(), "No handler for method dance");
    }

    #[tokio::test]
    async fn only_what_may_be_shared_needs_no_leave() {
        let handle = handle();
        handle.gate.set(Arc::new(Never));
        for method in VENDOR_METHODS {
            let called = handle.call(method.name, &bar(json!("woof"))).await;
            match method.lock {
                VendorLock::Shared => assert_eq!(called.unwrap(), json!(true)),
                VendorLock::Exclusive => {
                    let refused = called.unwrap_err();
                    let expected = VendorError::Bmc(BmcError::NotPermitted {
                        address: "fake:a".to_owned(),
                        request: method.name.to_owned(),
                    });
                    assert_eq!(refused.to_string(), expected.to_string());
                }
            }
        }
    }
}
