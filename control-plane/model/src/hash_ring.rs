//! Placed by the store and the ring of conductors; see the tests for Ironic's vectors.
