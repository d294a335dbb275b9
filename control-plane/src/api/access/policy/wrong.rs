//! What can be wrong with a check, in sentences that say what is allowed.

use super::attribute::{Attribute, Key};

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Wrong {
    #[error("it says nothing: write \"\" or \"@\" for everybody, \"!\" for nobody")]
    Blank,
    #[error("it ends where a check must follow")]
    Ends,
    #[error("a parenthesis is not closed")]
    Unclosed,
    #[error("{0:?} cannot stand where it does: checks are joined by and, or, not and parentheses")]
    Misplaced(String),
    #[error("more than {0} parentheses, or so many times not, are inside of each other")]
    Deep(usize),
    #[error(
        "{0:?} is no check: one is KIND:VALUE, such as role:reader, rule:is_node_owner or project_id:%(node.owner)s, \
         or @ for everybody, or ! for nobody"
    )]
    NoKind(String),
    #[error(
        "{0:?} is no address of a server to ask: one is http://HOST/PATH or https://HOST/PATH, with %(NAME)s behind the \
         host only, and without a user, a password and #"
    )]
    Address(String),
    #[error(
        "{0:?} is not known of a caller: before the colon stands rule, role, http, https, {names}, or a constant as 'text', 1, \
         True, False, None",
        names = Attribute::names()
    )]
    Kind(String),
    #[error("%({0})s is not known: there are {names}", names = Key::names())]
    Key(String),
    #[error("in {0:?} a % does not begin %(NAME)s: write %% where it stands for itself")]
    Format(String),
    #[error("a rule is a text in quotes, or a list of texts and of lists of these, and not {0}")]
    NotText(String),
}
