//! `ferric openapi`: the description of the API that this program serves, for files and for other programs.

use super::output::line;

pub(super) fn run() {
    line(crate::api::openapi().trim_end());
}
