//! That no route is without a rule, and who each rule lets. What callers meet is in `api::tests::access`.

mod matrix;
mod walk;
