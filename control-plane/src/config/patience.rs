//! `[http]`: what the listeners bear.

/// How patient both listeners are with their clients.
#[derive(Clone, Copy, Debug, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Http {
    /// Connections of one listener at the same time. For one more, whoever keeps us waiting for longest makes room. Each
    /// takes a file descriptor.
    pub connections: usize,
    /// Until all headers of a request have come, and of a connection without a request.
    pub header_timeout_s: u64,
    /// From one part of a request's body to the next.
    pub body_pause_s: u64,
    /// Until the whole body of a request has come.
    pub body_timeout_s: u64,
    /// A client that takes less than `answer_stall_bytes` of its answer in so long is cut off.
    #[serde(alias = "stream_stall_s")]
    pub answer_stall_s: u64,
    /// Where places are short, whoever has taken so much least lately makes room.
    pub answer_stall_bytes: u64,
    /// For the bodies of all requests that are being answered, and as much again for those of machines; what finds no
    /// room is answered 503.
    pub body_memory_mib: usize,
    /// For the large answers that clients have yet to take; a list that finds no room is answered 503.
    pub answer_memory_mib: usize,
    /// For requests that are under way when the process is told to stop.
    pub stop_grace_s: u64,
    /// Streams of events at the same time; more are answered 503.
    pub event_streams: usize,
    /// Those of one project, or of one user who acts for none.
    pub event_streams_per_caller: usize,
}

impl Default for Http {
    fn default() -> Self {
        Self {
            connections: 12_000,
            header_timeout_s: 30,
            body_pause_s: 30,
            body_timeout_s: 600,
            answer_stall_s: 120,
            answer_stall_bytes: 64 << 10,
            body_memory_mib: 128,
            answer_memory_mib: 256,
            stop_grace_s: 10,
            event_streams: 100,
            event_streams_per_caller: 25,
        }
    }
}
