//! What was published some ticks ago and nobody reads any more is written anew: a steady tick asks the
//! allocator for nothing.

use std::collections::VecDeque;
use std::sync::Arc;

/// Published things that may still be read, the oldest first.
#[derive(Debug)]
pub(super) struct Pool<T>(VecDeque<Arc<T>>);

impl<T> Default for Pool<T> {
    fn default() -> Self {
        Self(VecDeque::new())
    }
}

impl<T: Default> Pool<T> {
    /// Whoever reads for longer keeps what it reads to itself: some seconds of ticks.
    const KEPT_MAX: usize = 64;

    /// One that nobody else has, with whatever was in it.
    pub(super) fn take(&mut self) -> Arc<T> {
        let mut free = None;
        // One that is free is enough: if readers have become fewer, the rest is given back.
        while let Some(oldest) = self.0.front_mut()
            && Arc::get_mut(oldest).is_some()
        {
            free = self.0.pop_front();
        }
        free.unwrap_or_default()
    }

    /// Remembers one that is now published.
    pub(super) fn put(&mut self, published: &Arc<T>) {
        if self.0.len() >= Self::KEPT_MAX {
            self.0.pop_front();
        }
        self.0.push_back(Arc::clone(published));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_read_is_never_handed_out_and_what_is_not_is() {
        let mut pool = Pool::<Vec<u32>>::default();
        let publish = |pool: &mut Pool<Vec<u32>>, value| {
            let mut draft = pool.take();
            let list = Arc::get_mut(&mut draft).expect("nobody else has it");
            list.clear();
            list.push(value);
            pool.put(&draft);
            draft
        };
        let held: Vec<_> = (0..5).map(|n| publish(&mut pool, n)).collect();
        for (n, list) in held.iter().enumerate() {
            assert_eq!(**list, [n as u32]);
        }
        drop(held);
        // Two in turn from now on.
        let (mut last, mut seen) = (publish(&mut pool, 9), Vec::new());
        for n in 0..6 {
            last = publish(&mut pool, n);
            seen.push(Arc::as_ptr(&last));
        }
        assert_eq!(*last, [5]);
        assert_eq!(seen[0], seen[2]);
        assert_eq!(seen[1], seen[5]);
    }
}
