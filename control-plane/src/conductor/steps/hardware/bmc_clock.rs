//! The BMC's clock: set as asked, or compared with ours and set where it is wrong. Setting it twice is the same as once.

use super::super::{Outcome, StepContext, StepError};
use super::{check, no_interface};
use ferric_drivers::{BmcClock, ClockReading, InterfaceKind};
use jiff::Timestamp;

/// How far a clock may be off. A BMC shows whole seconds.
const TOLERANCE_S: i64 = 1;
/// How long setting and reading back may take.
const SETTLING_S: i64 = 120;

pub(super) async fn set(context: &StepContext) -> Result<Outcome, StepError> {
    check(context)?;
    let text = |key: &str| Some(context.step.args.get(key)?.as_str()?.to_owned());
    let datetime = text("target_datetime").unwrap_or_default();
    let wanted = parse(&datetime).ok_or_else(|| {
        StepError::Problem(format!(
            "target_datetime '{datetime}' is no date and time with an offset: write it as 2026-01-31T12:00:00+00:00"
        ))
    })?;
    let local_offset = text("datetime_local_offset");
    let clock = clock(context)?;
    write(
        clock,
        ClockReading {
            datetime,
            local_offset,
        },
    )
    .await?;
    let (shown, elapsed) = read(clock, wanted).await?;
    // It goes on while we look.
    if (0..=SETTLING_S).contains(&elapsed) {
        return Ok(Outcome::done().detail(format!("the BMC shows {shown}")));
    }
    Err(StepError::Problem(format!(
        "the BMC's clock was set and shows {shown}: look whether the BMC takes its time from NTP"
    )))
}

pub(super) async fn verify(context: &StepContext) -> Result<Outcome, StepError> {
    check(context)?;
    if !context.conductor.settings().conductor.verify_bmc_clock {
        return Ok(Outcome::done().detail("verify_bmc_clock is off in the configuration"));
    }
    let clock = clock(context)?;
    let (shown, ahead) = read(clock, context.conductor.now()).await?;
    if ahead.abs() <= TOLERANCE_S {
        return Ok(Outcome::done().detail(format!("the BMC shows {shown}")));
    }
    let now = context.conductor.now();
    let wanted = ClockReading {
        datetime: now.strftime("%Y-%m-%dT%H:%M:%S+00:00").to_string(),
        local_offset: Some("+00:00".to_owned()),
    };
    write(clock, wanted).await?;
    let (set, ahead) = read(clock, context.conductor.now()).await?;
    if ahead.abs() <= TOLERANCE_S {
        let text = format!("the BMC showed {shown}, was set and shows {set}");
        return Ok(Outcome::done().detail(text));
    }
    Err(StepError::Problem(format!(
        "the BMC's clock showed {shown}, was set, and still shows {set}: look whether the BMC takes its time from NTP"
    )))
}

fn clock(context: &StepContext) -> Result<&dyn BmcClock, StepError> {
    let clock = context.hardware.clock.as_deref();
    clock.ok_or_else(|| no_interface(context, InterfaceKind::Management))
}

async fn write(clock: &dyn BmcClock, reading: ClockReading) -> Result<(), StepError> {
    let set = clock.set(reading).await;
    set.map_err(StepError::bmc("setting the BMC's clock"))
}

/// What the BMC shows, and by how many seconds it is ahead of `expected`.
async fn read(clock: &dyn BmcClock, expected: Timestamp) -> Result<(String, i64), StepError> {
    let reading = clock.read().await;
    let shown = reading
        .map_err(StepError::bmc("reading the BMC's clock"))?
        .datetime;
    match parse(&shown) {
        Some(time) => Ok((shown, time.as_second() - expected.as_second())),
        None => Err(StepError::Problem(format!(
            "the BMC's clock shows '{shown}', which is no date and time with an offset"
        ))),
    }
}

fn parse(text: &str) -> Option<Timestamp> {
    text.parse().ok()
}
