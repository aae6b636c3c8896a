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

    /// The datagram begun last holds these of 64 indices, which there is room for.
    #[inline]
    pub(crate) fn hold(&mut self, word: usize, held: u64) {
        self.held[self.newest_at + word] |= held;
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

    /// The indices that a datagram held, a bit each, 64 at a time.
    #[inline]
    pub(crate) fn held(&self, number: u64) -> impl Iterator<Item = u64> + '_ {
        let words = &self.held[place_of(number) * self.stride..][..self.stride];
        words.iter().copied()
    }

    /// How many ticks older the baseline was of what a datagram held of an index, if that is known; else 0.
    pub(crate) fn against(&self, number: u64, index: u16) -> u16 {
        age_of(&self.ring[place_of(number)].against, index)
    }

    /// What the datagrams so far held of this index is about something else than it will be.
    pub(crate) fn disown(&mut self, index: u16) {
        let keep = !(1 << (index % 64));
        let words = self.held.iter_mut().skip(usize::from(index) / 64);
        for word in words.step_by(self.stride.max(1)) {
            *word &= keep;
        }
    }

    /// The same of all but some indices, 64 at a time.
    pub(crate) fn disown_all_but(&mut self, kept: impl Iterator<Item = u64> + Clone) {
        for held in self.held.chunks_mut(self.stride.max(1)) {
            let mut kept = kept.clone();
            for word in held {
                *word &= kept.next().unwrap_or(0);
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

    fn hold(flights: &mut Flights, index: usize) {
        flights.hold(index / 64, 1 << (index % 64));
    }

    fn held(flights: &Flights, number: u64) -> Vec<(u16, u16)> {
        let mut all = Vec::new();
        for (word, held) in flights.held(number).enumerate() {
            for lane in (0..64).filter(|lane| held >> lane & 1 == 1) {
                let index = word as u16 * 64 + lane;
                all.push((index, flights.against(number, index)));
            }
        }
        all
    }

    #[test]
    fn what_a_datagram_held_survives_a_growing_view() {
        let mut flights = Flights::default();
        flights.make_room(3);
        flights.begin(70, Tick(5), OwnSent::default());
        hold(&mut flights, 0);
        hold(&mut flights, 2);
        flights.hold_against(70, 2, 9);
        flights.make_room(500);
        flights.begin(71, Tick(6), OwnSent::default());
        hold(&mut flights, 499);
        assert_eq!(held(&flights, 70), [(0, 0), (2, 9)]);
        assert_eq!(held(&flights, 71), [(499, 0)]);
        flights.begin(70 + FLIGHTS_MAX as u64, Tick(7), OwnSent::default());
        assert_eq!(flights.tick_of(70), None);
        assert_eq!(held(&flights, 70 + FLIGHTS_MAX as u64), []);
    }

    #[test]
    fn what_is_disowned_is_forgotten_and_nothing_else() {
        let mut flights = Flights::default();
        flights.make_room(130);
        for number in [1, 2] {
            flights.begin(number, Tick(number), OwnSent::default());
            for index in [0, 65, 129] {
                hold(&mut flights, index);
            }
        }
        flights.disown(65);
        assert_eq!(held(&flights, 1), [(0, 0), (129, 0)]);
        flights.disown_all_but([0, 0, 2].into_iter());
        assert_eq!(held(&flights, 1), [(129, 0)]);
        assert_eq!(held(&flights, 2), [(129, 0)]);
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
