//! What goes wrong with machines ends in the right state, with a sentence that helps, and can be tried again.
