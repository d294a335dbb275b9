//! How many files the process may have open: each connection is one of them.

use nix::sys::resource::{Resource, getrlimit, setrlimit};

/// For the store, images, BMCs, agents and other conductors.
const RESERVED: u64 = 1024;

/// Raises the limit as far as the system lets anybody; how many connections it has room for.
pub(super) fn room() -> usize {
    let limit = match raise() {
        Ok(limit) => limit,
        Err(error) => {
            let error = &error as &dyn std::error::Error;
            tracing::warn!(error, "the limit of open files cannot be raised");
            getrlimit(Resource::RLIMIT_NOFILE).map_or(RESERVED, |(soft, _)| soft)
        }
    };
    left(limit)
}

fn raise() -> nix::Result<u64> {
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE)?;
    if soft < hard {
        setrlimit(Resource::RLIMIT_NOFILE, hard, hard)?;
    }
    Ok(hard)
}

/// Where there are few at all, a half is for connections.
fn left(limit: u64) -> usize {
    let connections = limit.saturating_sub(RESERVED).max(limit / 2).max(1);
    usize::try_from(connections).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_soft_limit_is_raised_and_some_files_are_left_for_others() {
        let connections = room();
        let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
        assert_eq!(soft, hard);
        assert!(connections >= 1 && (connections as u64) < hard);
        assert_eq!((left(20_000), left(1024), left(0)), (18_976, 512, 1));
    }
}
