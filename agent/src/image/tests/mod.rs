//! Whole writes: from a server on loopback to a disk in a file.

mod devices;
mod finish;
mod limits;
mod network;
mod proxies;
mod qcow2;
mod raw;
mod refusals;
