//! Faults that a simulation can plant in the conductor, to show that it finds them (design D13).
//!
//! Only [`super::Environment::planted`] says that one is there, and that of the shipped program never does.

/// A fault by what is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Planted {
    /// A step has its effect before its intent is stored.
    EffectBeforeIntent,
    /// A command gets another id each time it is sent, so an agent that has it begins once more.
    CommandSentTwice,
    /// What a machine says while a step is under way is answered and not stored.
    LostInbox,
    /// A wait is stored without its end.
    DeadlineNotStored,
    /// A step of the agent is done again after a crash, without the agent being asked.
    DoneAgain,
    /// The agent's token outlives the machine being switched off.
    TokenKept,
    /// A periodic job changes a node that somebody else holds.
    PeriodicWithoutLock,
    /// A step of the agent counts as done as soon as it has begun.
    BegunIsDone,
    /// What was under way when a conductor died is failed by the next one.
    DeathFails,
    /// Time in which no conductor was there counts for the ends of waits.
    SilenceCounts,
    /// A node is written whoever owns it by now.
    NoEpochCheck,
    /// The nodes of others are taken as soon as they are seen.
    TakenAtOnce,
    /// A request that another conductor was given and did not answer is given to it again.
    ForwardedTwice,
}

impl Planted {
    pub const ALL: [Self; 13] = [
        Self::EffectBeforeIntent,
        Self::CommandSentTwice,
        Self::LostInbox,
        Self::DeadlineNotStored,
        Self::DoneAgain,
        Self::TokenKept,
        Self::PeriodicWithoutLock,
        Self::BegunIsDone,
        Self::DeathFails,
        Self::SilenceCounts,
        Self::NoEpochCheck,
        Self::TakenAtOnce,
        Self::ForwardedTwice,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::EffectBeforeIntent => "effect-before-intent",
            Self::CommandSentTwice => "command-sent-twice",
            Self::LostInbox => "lost-inbox",
            Self::DeadlineNotStored => "deadline-not-stored",
            Self::DoneAgain => "done-again",
            Self::TokenKept => "token-kept",
            Self::PeriodicWithoutLock => "periodic-without-lock",
            Self::BegunIsDone => "begun-is-done",
            Self::DeathFails => "death-fails",
            Self::SilenceCounts => "silence-counts",
            Self::NoEpochCheck => "no-epoch-check",
            Self::TakenAtOnce => "taken-at-once",
            Self::ForwardedTwice => "forwarded-twice",
        }
    }
}
