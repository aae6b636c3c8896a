//! A steady tick asks the allocator for nothing per entity: what it does ask for is a handful of small
//! things per zone. One test and a binary of its own, because the allocator counts for the whole
//! process.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![allow(
    unsafe_code,
    reason = "there is no other way to see what is allocated than to be the allocator"
)]

mod scene;

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicU64, Ordering};

use scene::{first_contact, pool};

/// The system's, counting how often it is asked for memory, by any thread.
struct Counting;

static ASKED: AtomicU64 = AtomicU64::new(0);

// SAFETY: every call goes on to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ASKED.fetch_add(1, Ordering::Relaxed);
        // SAFETY: what the caller must hold to is what the system's allocator asks.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        ASKED.fetch_add(1, Ordering::Relaxed);
        // SAFETY: as above.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, old: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        ASKED.fetch_add(1, Ordering::Relaxed);
        // SAFETY: as above.
        unsafe { System.realloc(old, layout, new_size) }
    }

    unsafe fn dealloc(&self, old: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { System.dealloc(old, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

#[test]
fn a_steady_tick_allocates_nothing_per_entity() {
    let pool = pool(1);
    let mut world = first_contact(1);
    // Lists grow, everybody meets somebody, and the past fills up.
    for _ in 0..200 {
        let inputs = world.scripted_inputs();
        world.step(&inputs, &pool).unwrap();
    }
    let mut ticks: Vec<u64> = (0..50)
        .map(|_| {
            let inputs = world.scripted_inputs();
            let before = ASKED.load(Ordering::Relaxed);
            world.step(&inputs, &pool).unwrap();
            ASKED.load(Ordering::Relaxed) - before
        })
        .collect();
    ticks.sort_unstable();
    let entities = world.entities() as u64;
    assert!(entities > 1_500);
    eprintln!("{entities} entities; allocations in a tick: {ticks:?}");
    // The list of frames, what is remembered of them, the first blow somebody gets: some ten.
    assert!(ticks[ticks.len() - 1] < 60, "{ticks:?}");
}
