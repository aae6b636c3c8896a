//! The datagrams under way to one client: when each was sent and what it held, a bit per index.

use bluemarble_shared_protocol::Tick;

use super::own::OwnSent;

/// Datagrams remembered until acknowledged: more than an acknowledgement reaches back (33) plus a
/// long round trip. What falls out counts as lost.
pub(crate) const FLIGHTS_MAX: usize = 64;

/// What one datagram was.
#[derive(Clone, Debug, Default)]
struct Flight {
    /// 0 = none.
    number: u64,
    tick: Tick,
    own: OwnSent,
    /// Of rigid bodies sent as deltas: index, and how many ticks older the baseline was.
    against: Vec<(u16, u16)>,
}

/// The last ones, by number.
#[derive(Debug, Default)]
pub(crate) struct Flights {
    ring: Vec<Flight>,
    /// Which places of the ring are acknowledged, a bit each.
    acked: u64,
    /// Words of bits per datagram.
    stride: usize,
    /// `held[place * stride + index / 64]`, bit `index % 64`.
    held: Vec<u64>,
    /// Where the words of the one begun last start.
    newest_at: usize,
}

const _: () = assert!(FLIGHTS_MAX == u64::BITS as usize);

fn place_of(number: u64) -> usize {
    number as usize % FLIGHTS_MAX
}

impl Flights {
    /// Takes so many indices from now on.
    pub(crate) fn make_room(&mut self, indices: usize) {
        if indices <= self.stride * 64 {
            return;
        }
        let stride = indices.div_ceil(64).next_power_of_two();
        let mut held = vec![0; FLIGHTS_MAX * stride];
        for place in 0..FLIGHTS_MAX {
            let old = &self.held[place * self.stride..][..self.stride];
            held[place * stride..][..self.stride].copy_from_slice(old);
        }
        self.newest_at = self.newest_at / self.stride.max(1) * stride;
        self.stride = stride;
        self.held = held;
    }

    /// Starts a datagram. The oldest one is forgotten.
    pub(crate) fn begin(&mut self, number: u64, tick: Tick, own: OwnSent) {
        if self.ring.is_empty() {
            self.ring = vec![Flight::default(); FLIGHTS_MAX];
        }
        let place = place_of(number);
        let flight = &mut self.ring[place];
        flight.number = number;
        flight.tick = tick;
        flight.own = own;
        flight.against.clear();
        self.acked &= !(1 << place);
        self.newest_at = place * self.stride;
        self.held[self.newest_at..][..self.stride].fill(0);
    }

    /// The datagram begun last holds an index that there is room for.
    #[inline]
    pub(crate) fn hold(&mut self, index: u16) {
        self.held[self.newest_at + usize::from(index) / 64] |= 1 << (index % 64);
    }

    /// What it holds of the index is a delta against what it was so many ticks earlier.
    pub(crate) fn hold_against(&mut self, number: u64, index: u16, age: u16) {
        self.ring[place_of(number)].against.push((index, age));
    }

    /// Which of the 32 datagrams before `number` are not acknowledged, the nearest one in the lowest
    /// bit. Among them may be some that are no more.
    pub(crate) fn unacked_before(&self, number: u64) -> u32 {
        // Bit n of the turned word is the place of `number + n`: of `number - 1` it is the highest.
        let turned = self.acked.rotate_right(place_of(number) as u32);
        !(turned.reverse_bits() as u32)
    }

    /// Takes note that a datagram arrived: what it said of the own avatar, and its tick. `None` if that is
    /// known already, or if it is forgotten.
    pub(crate) fn acknowledge(&mut self, number: u64) -> Option<(OwnSent, Tick)> {
        let place = place_of(number);
        let flight = self.ring.get(place)?;
        let news = number != 0 && flight.number == number && self.acked >> place & 1 == 0;
        self.acked |= u64::from(news) << place;
        news.then_some((flight.own, flight.tick))
    }

    /// When a datagram was sent, if it is not forgotten.
    pub(crate) fn tick_of(&self, number: u64) -> Option<Tick> {
        let flight = self.ring.get(place_of(number))?;
        (flight.number == number).then_some(flight.tick)
    }

    /// The indices that a datagram held, ascending, each with how many ticks older its baseline was, or 0.
    #[inline]
    pub(crate) fn for_each_held(&self, number: u64, mut see: impl FnMut(u16, u16)) {
        let place = place_of(number);
        let against = &self.ring[place].against;
        let words = &self.held[place * self.stride..][..self.stride];
        for (first, &word) in (0_u16..).step_by(64).zip(words) {
            let mut word = word;
            while word != 0 {
                let index = first + word.trailing_zeros() as u16;
                word &= word - 1;
                see(index, age_of(against, index));
            }
        }
    }
}

/// How many ticks older the baseline of an index was, in a list by index; 0 if that is not in there.
#[inline]
fn age_of(against: &[(u16, u16)], index: u16) -> u16 {
    if against.is_empty() {
        return 0;
    }
    let found = against.binary_search_by_key(&index, |(of, _)| *of);
    found.map_or(0, |at| against[at].1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn held(flights: &Flights, number: u64) -> Vec<(u16, u16)> {
        let mut all = Vec::new();
        flights.for_each_held(number, |index, age| all.push((index, age)));
        all
    }

    #[test]
    fn what_a_datagram_held_survives_a_growing_view() {
        let mut flights = Flights::default();
        flights.make_room(3);
        flights.begin(70, Tick(5), OwnSent::default());
        flights.hold(0);
        flights.hold(2);
        flights.hold_against(70, 2, 9);
        flights.make_room(500);
        flights.begin(71, Tick(6), OwnSent::default());
        flights.hold(499);
        assert_eq!(held(&flights, 70), [(0, 0), (2, 9)]);
        assert_eq!(held(&flights, 71), [(499, 0)]);
        flights.begin(70 + FLIGHTS_MAX as u64, Tick(7), OwnSent::default());
        assert_eq!(flights.tick_of(70), None);
        assert_eq!(held(&flights, 70 + FLIGHTS_MAX as u64), []);
    }

    #[test]
    fn what_is_acknowledged_already_is_known_at_a_glance() {
        let mut flights = Flights::default();
        (1..=100).for_each(|number| flights.begin(number, Tick(number), OwnSent::default()));
        assert_eq!(flights.unacked_before(90), u32::MAX);
        assert!(flights.acknowledge(89).is_some());
        assert!(flights.acknowledge(89).is_none());
        assert!(flights.acknowledge(87).is_some());
        assert_eq!(flights.unacked_before(90), !0b101);
        assert_eq!(flights.unacked_before(89), !0b10);
        assert!(
            flights.acknowledge(100 - FLIGHTS_MAX as u64).is_none(),
            "forgotten"
        );
        assert!(flights.acknowledge(101).is_none(), "never sent");
    }
}
