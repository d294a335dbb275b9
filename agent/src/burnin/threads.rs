//! The threads of a burn-in, which take the processors in turn.

use std::thread::{Builder, Result as Joined, ScopedJoinHandle, scope};

use super::BurninError;
use super::meter::Meter;

/// Does work on as many threads; each is told its processor. The results are in the order of the threads.
///
/// # Errors
/// When the kernel gives no more threads: then those that there are end before their time.
pub(super) fn on_threads<T: Send>(
    processors: &[usize],
    workers: usize,
    meter: &Meter,
    work: impl Fn(usize) -> T + Sync,
) -> Result<Vec<Joined<T>>, BurninError> {
    let work = &work;
    scope(|scope| {
        let (mut threads, mut refused) = (Vec::new(), None);
        for processor in processors.iter().copied().cycle().take(workers) {
            match Builder::new().spawn_scoped(scope, move || work(processor)) {
                Ok(thread) => threads.push(thread),
                Err(source) => {
                    meter.end();
                    refused = Some(BurninError::Threads { workers, source });
                    break;
                }
            }
        }
        let joined: Vec<_> = threads.into_iter().map(ScopedJoinHandle::join).collect();
        refused.map_or(Ok(joined), Err)
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::Watch;
    use super::*;

    #[test]
    fn processors_are_taken_in_turn_and_a_panic_is_a_result() {
        let meter = Meter::begin(&Watch::default(), "x", Duration::from_mins(1));
        let work = |processor: usize| {
            assert!(processor != 7, "seven");
            processor
        };
        let joined = on_threads(&[3, 7], 3, &meter, work).unwrap();
        let found: Vec<Option<usize>> = joined.into_iter().map(Joined::ok).collect();
        assert_eq!(found, [Some(3), None, Some(3)]);
    }
}
