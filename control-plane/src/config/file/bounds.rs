//! Numbers that a file may not have, as nothing would work with them.

use crate::config::{Agent, Conductor, Http, SettingsError};

pub(super) fn check_intervals(conductor: &Conductor, agent: &Agent) -> Result<(), SettingsError> {
    let wrong = |setting, value: u64, problem| {
        Err(SettingsError::Value {
            setting,
            value: value.to_string(),
            problem,
        })
    };
    if agent.poll_interval_s == 0 || agent.poll_interval_s > 10 {
        return wrong(
            "agent.poll_interval_s",
            agent.poll_interval_s,
            "must be from 1 to 10",
        );
    }
    if conductor.wait_check_interval_s == 0 || conductor.wait_check_interval_s > 60 {
        return wrong(
            "conductor.wait_check_interval_s",
            conductor.wait_check_interval_s,
            "must be from 1 to 60, or waits would never end",
        );
    }
    for (setting, value) in [
        (
            "conductor.periodic_concurrency",
            conductor.periodic_concurrency,
        ),
        ("conductor.power_sync_workers", conductor.power_sync_workers),
        (
            "conductor.sensor_data_workers",
            conductor.sensor_data_workers,
        ),
    ] {
        if value == 0 {
            return wrong(setting, 0, "must be at least 1");
        }
    }
    if conductor.hash_partition_exponent > 16 {
        return wrong(
            "conductor.hash_partition_exponent",
            conductor.hash_partition_exponent.into(),
            "must be from 0 to 16",
        );
    }
    if conductor.boot_retry_timeout_s > 0 && conductor.boot_retry_check_interval_s == 0 {
        return wrong(
            "conductor.boot_retry_check_interval_s",
            0,
            "must be at least 1 where boot_retry_timeout_s is set",
        );
    }
    Ok(())
}

/// A page of more would take an answer's whole memory.
pub(super) fn max_limit(written: Option<u16>) -> Result<usize, SettingsError> {
    let value = written.unwrap_or(1000);
    match value {
        1..=10_000 => Ok(value.into()),
        _ => Err(SettingsError::Value {
            setting: "api.max_limit",
            value: value.to_string(),
            problem: "must be from 1 to 10000",
        }),
    }
}

/// Zero would turn every client away, and a time-out of years is none.
pub(super) fn check_patience(http: &Http) -> Result<(), SettingsError> {
    const DAY_S: u64 = 86_400;
    let connections = u64::try_from(http.connections).unwrap_or(u64::MAX);
    let streams = u64::try_from(http.event_streams).unwrap_or(u64::MAX);
    let share = u64::try_from(http.event_streams_per_caller).unwrap_or(u64::MAX);
    let body_mib = u64::try_from(http.body_memory_mib).unwrap_or(u64::MAX);
    let answer_mib = u64::try_from(http.answer_memory_mib).unwrap_or(u64::MAX);
    let settings = [
        ("http.connections", connections, 1, 1 << 20),
        ("http.header_timeout_s", http.header_timeout_s, 1, DAY_S),
        ("http.body_pause_s", http.body_pause_s, 1, DAY_S),
        ("http.body_timeout_s", http.body_timeout_s, 1, DAY_S),
        ("http.stop_grace_s", http.stop_grace_s, 0, DAY_S),
        ("http.event_streams", streams, 0, 1 << 20),
        ("http.event_streams_per_caller", share, 1, 1 << 20),
        ("http.answer_stall_s", http.answer_stall_s, 1, DAY_S),
        (
            "http.answer_stall_bytes",
            http.answer_stall_bytes,
            1,
            1 << 20,
        ),
        // The largest of all must find room.
        ("http.body_memory_mib", body_mib, 96, 1 << 20),
        ("http.answer_memory_mib", answer_mib, 64, 1 << 20),
    ];
    for (setting, value, least, most) in settings {
        if !(least..=most).contains(&value) {
            return Err(SettingsError::Value {
                setting,
                value: value.to_string(),
                problem: "is not a useful number: leave it out for the default",
            });
        }
    }
    Ok(())
}
