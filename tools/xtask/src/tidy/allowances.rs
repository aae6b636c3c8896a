//! Every deviation from a house rule, with its reason. One that is no longer needed is a finding.

/// A path and why the rule does not hold there.
pub struct Allowed {
    /// What deviates: a file, or `crate → dependency`.
    pub what: &'static str,
    /// Why that is right.
    pub reason: &'static str,
}

/// Rust files that may be longer than the limit.
pub const LONG_FILES: &[Allowed] = &[];

/// Arrows that only tests follow.
pub const TEST_ARROWS: &[Allowed] = &[];

/// Dependencies that no source names.
pub const UNNAMED_DEPENDENCIES: &[Allowed] = &[];

/// What a pure crate does although the simulation's rules forbid it: `file → name`, as the finding
/// says it.
pub const IMPURITIES: &[Allowed] = &[];
