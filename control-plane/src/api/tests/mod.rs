//! The API as its clients see it: requests against a real conductor with the fake hardware.

pub(super) mod ironic;
