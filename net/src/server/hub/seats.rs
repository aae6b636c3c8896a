//! Which session holds which avatar, and how long an avatar is left standing without one.

use std::collections::BTreeMap;

use bluemarble_shared_protocol::{Admission, EntityId, NameTag, SessionId};

/// An avatar that nobody moves.
#[derive(Clone, Copy, Debug, Default)]
struct Waiting {
    /// Since when; `None` until the next tick.
    since: Option<u64>,
    /// No session has had it since it was adopted.
    adopted: bool,
}

/// Everybody's place in the world.
#[derive(Debug, Default)]
pub(crate) struct Seats {
    taken: BTreeMap<EntityId, SessionId>,
    /// Avatars in the world without a session.
    unattended: BTreeMap<EntityId, Waiting>,
    /// To be sealed into the next tick.
    coming: BTreeMap<EntityId, NameTag>,
    going: Vec<EntityId>,
}

impl Seats {
    /// A session takes the avatar's seat, from another one if need be, which is returned.
    pub(crate) fn take(
        &mut self,
        avatar: EntityId,
        name: NameTag,
        session: SessionId,
    ) -> Option<SessionId> {
        self.unattended.remove(&avatar);
        self.going.retain(|going| *going != avatar);
        self.coming.insert(avatar, name);
        self.taken.insert(avatar, session)
    }

    /// Whether the avatar is in the world, or on its way there.
    pub(crate) fn holds(&self, avatar: EntityId) -> bool {
        self.taken.contains_key(&avatar) || self.unattended.contains_key(&avatar)
    }

    /// Who sits in the avatar's seat.
    pub(crate) fn session_of(&self, avatar: EntityId) -> Option<SessionId> {
        self.taken.get(&avatar).copied()
    }

    /// Whether the avatar is there, and no session has had it yet.
    pub(crate) fn waits_for_anybody(&self, avatar: EntityId) -> bool {
        let waiting = self.unattended.get(&avatar);
        waiting.is_some_and(|waiting| waiting.adopted)
    }

    /// The session lets go; its avatar stays for the grace period.
    pub(crate) fn vacate(&mut self, now_ms: u64, avatar: EntityId, session: SessionId) {
        if self.taken.get(&avatar) == Some(&session) {
            self.taken.remove(&avatar);
            let waiting = Waiting {
                since: Some(now_ms),
                adopted: false,
            };
            self.unattended.insert(avatar, waiting);
        }
    }

    /// The avatar leaves at the next tick.
    pub(crate) fn give_up(&mut self, avatar: EntityId, session: SessionId) {
        if self.taken.get(&avatar) == Some(&session) {
            self.taken.remove(&avatar);
            self.dismiss(avatar);
        }
    }

    /// Avatars that are in the world with nobody to move them.
    pub(crate) fn adopt(&mut self, avatars: &[EntityId]) {
        for avatar in avatars {
            if !self.taken.contains_key(avatar) {
                self.unattended.entry(*avatar).or_insert(Waiting {
                    since: None,
                    adopted: true,
                });
            }
        }
    }

    /// The avatar leaves at the next tick, attended or not.
    pub(crate) fn expel(&mut self, avatar: EntityId) {
        self.taken.remove(&avatar);
        self.unattended.remove(&avatar);
        self.going.retain(|going| *going != avatar);
        self.dismiss(avatar);
    }

    /// Its body is taken care of elsewhere: no leave, no grace. Returns the session it had.
    pub(crate) fn forget(&mut self, avatar: EntityId) -> Option<SessionId> {
        self.unattended.remove(&avatar);
        self.coming.remove(&avatar);
        self.taken.remove(&avatar)
    }

    /// Sits, waits, comes or goes.
    pub(crate) fn knows(&self, avatar: EntityId) -> bool {
        self.holds(avatar) || self.coming.contains_key(&avatar) || self.going.contains(&avatar)
    }

    /// Nobody sits, waits, comes or goes.
    pub(crate) fn is_deserted(&self) -> bool {
        self.taken.is_empty()
            && self.unattended.is_empty()
            && self.coming.is_empty()
            && self.going.is_empty()
    }

    /// Who comes and who goes at this tick, each sorted.
    pub(crate) fn seal(&mut self, now_ms: u64, grace_ms: u64) -> (Vec<Admission>, Vec<EntityId>) {
        let mut expired = Vec::new();
        for (avatar, waiting) in &mut self.unattended {
            let since = *waiting.since.get_or_insert(now_ms);
            if now_ms.saturating_sub(since) >= grace_ms {
                expired.push(*avatar);
            }
        }
        for avatar in expired {
            self.unattended.remove(&avatar);
            self.dismiss(avatar);
        }
        let mut leaves = std::mem::take(&mut self.going);
        leaves.sort_unstable();
        let admissions = std::mem::take(&mut self.coming)
            .into_iter()
            .map(|(avatar, name)| Admission { avatar, name })
            .collect();
        (admissions, leaves)
    }

    /// How many avatars wait for their owner.
    pub(crate) fn unattended(&self) -> usize {
        self.unattended.len()
    }

    /// One that never entered needs not leave.
    fn dismiss(&mut self, avatar: EntityId) {
        self.coming.remove(&avatar);
        self.going.push(avatar);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AVATAR: EntityId = EntityId(5);

    #[test]
    fn an_avatar_outlives_its_session_by_the_grace_period() {
        let mut seats = Seats::default();
        seats.take(AVATAR, "a".into(), SessionId(1));
        assert_eq!(seats.seal(0, 1_000).0.len(), 1);
        seats.vacate(500, AVATAR, SessionId(1));
        assert!(seats.seal(1_499, 1_000).1.is_empty());
        assert_eq!(seats.seal(1_500, 1_000).1, [AVATAR]);
        assert!(seats.seal(9_000, 1_000).1.is_empty());
    }

    #[test]
    fn coming_back_in_time_cancels_the_leave_and_is_an_admission() {
        let mut seats = Seats::default();
        seats.take(AVATAR, "a".into(), SessionId(1));
        seats.seal(0, 1_000);
        seats.vacate(0, AVATAR, SessionId(1));
        assert_eq!(seats.take(AVATAR, "a".into(), SessionId(2)), None);
        let (admissions, leaves) = seats.seal(5_000, 1_000);
        assert_eq!((admissions.len(), leaves.len()), (1, 0));
    }

    #[test]
    fn an_older_sessions_end_does_not_touch_the_newer_one() {
        let mut seats = Seats::default();
        seats.take(AVATAR, "a".into(), SessionId(1));
        assert_eq!(
            seats.take(AVATAR, "a".into(), SessionId(2)),
            Some(SessionId(1))
        );
        seats.vacate(0, AVATAR, SessionId(1));
        assert_eq!(seats.unattended(), 0);
    }

    #[test]
    fn adopted_avatars_leave_if_nobody_comes() {
        let mut seats = Seats::default();
        seats.adopt(&[EntityId(9), AVATAR]);
        assert!(seats.seal(700, 1_000).1.is_empty());
        seats.take(EntityId(9), "b".into(), SessionId(3));
        assert_eq!(seats.seal(1_700, 1_000).1, [AVATAR]);
    }
}
