//! Regular expressions within rules.

use super::run;
use serde_json::json;

#[test]
fn a_regular_expression_without_an_end_fails_its_rule() {
    let text = format!("{}!", "a".repeat(200));
    let never = json!([{"op": "matches", "args": {"value": text, "regex": r"(\w+\s?)+\1$"}}]);
    let log = json!([{"op": "log", "args": ["x"]}]);
    let failure = run(never, log.clone()).unwrap_err().to_string();
    assert!(failure.contains("more than 20000 attempts"), "{failure}");
    let holds = json!([{"op": "matches", "args": {"value": "HPE", "regex": "(?!Dell).*"}}]);
    assert!(run(holds, log).is_ok());
}
