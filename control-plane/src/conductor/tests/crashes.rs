//! The conductor dies at each of its commits, and another one goes on: no work is lost and none is done twice.
