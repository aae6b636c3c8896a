//! How much one address, and one character, may ask of the door: what holds for all together must not
//! be used up by one.
//!
//! Everything here is bounded: addresses are counted while they have connections, which are bounded
//! themselves; characters are remembered until their bucket is full again, and a good ticket is needed
//! to be one.

use std::collections::HashMap;
use std::net::IpAddr;

use bluemarble_shared_protocol::EntityId;
use parking_lot::Mutex;

use crate::token_bucket::TokenBucket;

/// Characters remembered before those are looked for that need not be.
const CHARACTERS_MAX: usize = 16_384;

/// Counts by address; one for those without a hello, one for sessions.
#[derive(Debug, Default)]
pub(super) struct Crowd(Mutex<HashMap<IpAddr, usize>>);

impl Crowd {
    /// How many there are of an address.
    pub(super) fn of(&self, address: IpAddr) -> usize {
        self.0.lock().get(&whose(address)).copied().unwrap_or(0)
    }

    /// One more of an address, for as long as the answer is kept; `None` if there are `most` already.
    pub(super) fn enter(
        crowd: &std::sync::Arc<Self>,
        address: IpAddr,
        most: usize,
    ) -> Option<OfCrowd> {
        let address = whose(address);
        let mut counts = crowd.0.lock();
        let count = counts.entry(address).or_default();
        if *count >= most {
            if *count == 0 {
                counts.remove(&address);
            }
            return None;
        }
        *count += 1;
        Some(OfCrowd {
            crowd: std::sync::Arc::clone(crowd),
            address,
        })
    }
}

/// One of an address; no longer when dropped.
#[derive(Debug)]
pub(super) struct OfCrowd {
    crowd: std::sync::Arc<Crowd>,
    address: IpAddr,
}

impl Drop for OfCrowd {
    fn drop(&mut self) {
        let mut counts = self.crowd.0.lock();
        if let Some(count) = counts.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.address);
            }
        }
    }
}

/// Whoever has one address of an IPv6 /64 has all of them.
fn whose(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(v4) => IpAddr::V4(v4),
        IpAddr::V6(v6) => {
            let network = u128::from(v6) >> 64 << 64;
            IpAddr::V6(network.into())
        }
    }
}

/// How often a character may say hello.
#[derive(Debug, Default)]
pub(super) struct Hellos(Mutex<HashMap<EntityId, TokenBucket>>);

impl Hellos {
    pub(super) fn allows(&self, now_ms: u64, avatar: EntityId, per_s: u32, burst: u32) -> bool {
        let mut buckets = self.0.lock();
        if buckets.len() >= CHARACTERS_MAX && !buckets.contains_key(&avatar) {
            buckets.retain(|_, bucket| !bucket.is_full(now_ms));
        }
        buckets
            .entry(avatar)
            .or_insert_with(|| TokenBucket::new(now_ms, per_s, burst))
            .allows_one(now_ms)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn an_address_has_its_share_and_gives_it_back() {
        let crowd = Arc::new(Crowd::default());
        let address = |text: &str| text.parse::<IpAddr>().unwrap();
        let one = Crowd::enter(&crowd, address("10.0.0.1"), 2).unwrap();
        let two = Crowd::enter(&crowd, address("::ffff:10.0.0.1"), 2).unwrap();
        assert!(Crowd::enter(&crowd, address("10.0.0.1"), 2).is_none());
        assert!(Crowd::enter(&crowd, address("10.0.0.2"), 2).is_some());
        let _six = Crowd::enter(&crowd, address("2001:db8::1"), 1).unwrap();
        assert!(
            Crowd::enter(&crowd, address("2001:db8::ffff:1"), 1).is_none(),
            "a /64"
        );
        assert!(Crowd::enter(&crowd, address("2001:db8:0:1::1"), 1).is_some());
        assert_eq!(crowd.of(address("10.0.0.1")), 2);
        drop((one, two));
        assert_eq!(crowd.of(address("10.0.0.1")), 0);
        assert_eq!(crowd.0.lock().len(), 1, "only who is there is counted");
    }

    #[test]
    fn a_character_that_says_hello_again_and_again_has_to_wait() {
        let hellos = Hellos::default();
        let ada = EntityId(1);
        let said = |now_ms| (0..9).filter(|_| hellos.allows(now_ms, ada, 1, 3)).count();
        assert_eq!(said(0), 3);
        assert_eq!(said(2_000), 2);
        assert!(hellos.allows(2_000, EntityId(2), 1, 3));
        for n in 0..40_000 {
            assert!(hellos.allows(10_000 * n, EntityId(n), 1, 3));
        }
        assert!(hellos.0.lock().len() <= CHARACTERS_MAX);
    }
}
