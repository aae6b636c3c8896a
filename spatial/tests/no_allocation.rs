//! A steady tick of a crowd asks the allocator for nothing: the lists of the grid and of whoever
//! asks it are kept. One test and a binary of its own, because the allocator counts for the whole
//! process.
#![allow(
    unsafe_code,
    reason = "there is no other way to see what is allocated than to be the allocator"
)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicU64, Ordering};

use bluemarble_spatial::mix::{mix64, unit};
use bluemarble_spatial::{CellGrid, Level, Nearby, Nearest, SimdLevel};
use glam::DVec3;

/// The system's, counting how often it is asked for memory by the thread that the test runs on.
struct Counting;

static ASKED: AtomicU64 = AtomicU64::new(0);

thread_local! {
    // Without a destructor and made at compile time: looking at it allocates nothing.
    static IS_COUNTED: std::cell::Cell<bool> = const { std::cell::Cell::new(false) };
}

fn note() {
    if IS_COUNTED.get() {
        ASKED.fetch_add(1, Ordering::Relaxed);
    }
}

// SAFETY: every call goes on to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        note();
        // SAFETY: what the caller must hold to is what the system's allocator asks.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        note();
        // SAFETY: as above.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, old: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        note();
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

/// How often the allocator is asked while something is done.
fn allocations_of(work: impl FnOnce()) -> u64 {
    let before = ASKED.load(Ordering::Relaxed);
    IS_COUNTED.set(true);
    work();
    IS_COUNTED.set(false);
    ASKED.load(Ordering::Relaxed) - before
}

const PLANET_M: f64 = 50_000.0;
const STEPS: usize = 4;

/// A crowd at each of the steps of a walk in a circle: a third of them cross an edge of a cell at
/// each, and after the last they are where they began.
fn walk() -> Vec<Vec<DVec3>> {
    let draw = |n: u64| unit(mix64(n)) - 0.5;
    let offsets = [(0.0, 0.0), (4.0, 0.0), (4.0, 4.0), (0.0, 4.0)];
    offsets
        .map(|(x, y)| {
            // Around a corner of the cube.
            let place = |n: u64| {
                let aside = DVec3::new(draw(3 * n), draw(3 * n + 1), draw(3 * n + 2)) * 600.0;
                let at = DVec3::ONE.normalize() * PLANET_M + aside + DVec3::new(x, y, 0.0);
                at.normalize() * PLANET_M
            };
            (0..5_000).map(place).collect()
        })
        .to_vec()
}

#[test]
fn a_steady_tick_allocates_nothing() {
    assert_eq!(
        allocations_of(|| drop(std::hint::black_box(vec![1_u8; 100]))),
        1,
        "it counts"
    );
    let walk = walk();
    let ids: Vec<u64> = (0..5_000).map(mix64).collect();
    for simd in SimdLevel::ALL {
        let mut grid = CellGrid::with_simd(simd);
        let (mut nearby, mut nearest) = (Nearby::default(), Nearest::default());
        let mut tick = |step: usize| {
            let people = &walk[step % STEPS];
            grid.rebuild(Level::of(12), people, &ids);
            let mut found = 0;
            for &pos in people.iter().step_by(25) {
                found += grid.near(pos, 50.0, &mut nearby).len();
                grid.nearest(pos, 10, f64::INFINITY, &mut nearest);
                found += nearest.as_slice().len();
            }
            assert!(found > 200 * 20, "a crowd, not a desert: {found}");
        };
        // Lists grow in the first round; the second may still meet more cells at once.
        (0..2 * STEPS).for_each(&mut tick);
        for step in 2 * STEPS..4 * STEPS {
            assert_eq!(allocations_of(|| tick(step)), 0, "{simd:?}, tick {step}");
        }
    }
}
