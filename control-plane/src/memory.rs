//! How memory is handed out: by jemalloc, told to give back early what it does not need.
//!
//! A request makes and drops hundreds of small pieces, for which the C library's allocator took a third of the time
//! (docs/decisions/0010-jemalloc.md).

use tikv_jemallocator::Jemalloc;

#[global_allocator]
static ALLOCATOR: Jemalloc = Jemalloc;

/// Few arenas, as each keeps something, and what is free for a moment is the kernel's again.
#[expect(unsafe_code, reason = "jemalloc looks for its options under this name")]
// SAFETY: it is a C string that lives as long as the process, as jemalloc expects under this name, which is no other's.
#[unsafe(export_name = "_rjem_malloc_conf")]
static OPTIONS: &[u8; 85] =
    b"narenas:2,background_thread:true,dirty_decay_ms:300,muzzy_decay_ms:0,abort_conf:true\0";
