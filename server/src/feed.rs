//! One tick thread, a few admin readers: a feed never makes the tick wait.
//!
//! Each reader has its own bounded queue and asks for every n-th tick. A reader whose queue is
//! full when an item comes is dropped on the spot (its stream ends) and counted; a gap in a stream
//! that promises every tick would be worse than its end.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use bluemarble_shared_protocol::Tick;
use parking_lot::Mutex;
use tokio::sync::mpsc;

/// A feed of items, one per tick at most.
#[derive(Debug)]
pub struct Feed<T> {
    readers: Mutex<Vec<Reader<T>>>,
    /// Mirrors `readers.len()`, so that a tick without readers takes no lock.
    count: AtomicUsize,
    lagging: AtomicU64,
    lag_max: usize,
    readers_max: usize,
}

#[derive(Debug)]
struct Reader<T> {
    every: u64,
    queue: mpsc::Sender<T>,
}

/// All places are taken.
#[derive(Debug, thiserror::Error)]
#[error("this stream already has {0} readers")]
pub struct TooManyReaders(usize);

impl<T: Clone> Feed<T> {
    /// At most `readers_max` readers, each at most `lag_max` items behind.
    pub fn new(lag_max: usize, readers_max: usize) -> Self {
        Self {
            readers: Mutex::new(Vec::new()),
            count: AtomicUsize::new(0),
            lagging: AtomicU64::new(0),
            lag_max,
            readers_max,
        }
    }

    /// Items of ticks divisible by `every`, from the next one on.
    ///
    /// # Errors
    /// All places are taken.
    pub fn subscribe(&self, every: u64) -> Result<mpsc::Receiver<T>, TooManyReaders> {
        let mut readers = self.readers.lock();
        readers.retain(|reader| !reader.queue.is_closed());
        if readers.len() >= self.readers_max {
            return Err(TooManyReaders(readers.len()));
        }
        let (queue, receiver) = mpsc::channel(self.lag_max);
        readers.push(Reader {
            every: every.max(1),
            queue,
        });
        self.count.store(readers.len(), Ordering::Release);
        Ok(receiver)
    }

    /// Whether anybody wants this tick.
    pub fn is_wanted(&self, tick: Tick) -> bool {
        self.count.load(Ordering::Acquire) > 0
            && self
                .readers
                .lock()
                .iter()
                .any(|reader| tick.0.is_multiple_of(reader.every))
    }

    /// Gives `item` to all who want this tick; drops those that have gone or lag.
    pub fn publish(&self, tick: Tick, item: &T) {
        if self.count.load(Ordering::Acquire) == 0 {
            return;
        }
        let mut readers = self.readers.lock();
        readers.retain(|reader| {
            if !tick.0.is_multiple_of(reader.every) {
                return true;
            }
            match reader.queue.try_send(item.clone()) {
                Ok(()) => true,
                Err(mpsc::error::TrySendError::Closed(_)) => false,
                Err(mpsc::error::TrySendError::Full(_)) => {
                    self.lagging.fetch_add(1, Ordering::Relaxed);
                    false
                }
            }
        });
        self.count.store(readers.len(), Ordering::Release);
    }

    /// Ends every stream.
    pub fn close(&self) {
        self.readers.lock().clear();
        self.count.store(0, Ordering::Release);
    }

    /// Readers dropped because they lagged.
    pub fn lagging_dropped(&self) -> u64 {
        self.lagging.load(Ordering::Relaxed)
    }

    /// Readers now.
    pub fn readers(&self) -> usize {
        self.count.load(Ordering::Acquire)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reader_gets_the_ticks_it_asked_for() {
        let feed = Feed::new(8, 4);
        assert!(!feed.is_wanted(Tick(4)));
        let mut every = feed.subscribe(1).unwrap();
        let mut fourth = feed.subscribe(4).unwrap();
        for tick in 1..=8 {
            feed.publish(Tick(tick), &tick);
        }
        let drain = |queue: &mut mpsc::Receiver<u64>| {
            std::iter::from_fn(|| queue.try_recv().ok()).collect::<Vec<_>>()
        };
        assert_eq!(drain(&mut every), (1..=8).collect::<Vec<_>>());
        assert_eq!(drain(&mut fourth), [4, 8]);
    }

    #[test]
    fn a_slow_reader_is_dropped_and_counted_and_others_are_not() {
        let feed = Feed::new(2, 4);
        let mut slow = feed.subscribe(1).unwrap();
        let mut quick = feed.subscribe(1).unwrap();
        for tick in 0..5 {
            feed.publish(Tick(tick), &tick);
            assert_eq!(quick.try_recv().unwrap(), tick);
        }
        assert_eq!((feed.lagging_dropped(), feed.readers()), (1, 1));
        assert_eq!(slow.try_recv().unwrap(), 0);
        assert_eq!(slow.try_recv().unwrap(), 1);
        assert_eq!(
            slow.try_recv(),
            Err(mpsc::error::TryRecvError::Disconnected)
        );
    }

    #[test]
    fn a_reader_that_left_makes_room() {
        let feed = Feed::<u64>::new(2, 1);
        let first = feed.subscribe(1).unwrap();
        assert!(feed.subscribe(1).is_err());
        drop(first);
        assert!(feed.subscribe(1).is_ok());
    }
}
