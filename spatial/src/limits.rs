//! Every bound of this crate, with its reason.

/// Smallest planet radius, metres: below this a walker's step is no longer small against the
/// curvature.
pub const RADIUS_M_MIN: f64 = 100.0;
/// Largest planet radius, metres (a little over Jupiter's): an `f64` metre still resolves 15 nm.
pub const RADIUS_M_MAX: f64 = 100_000_000.0;
/// Strongest gravity, m/s² (Jupiter has 25): a body falling for seconds stays within sane speeds.
pub const GRAVITY_MPS2_MAX: f64 = 100.0;
/// Highest ground over the planet's radius, metres: bounds what a wire position must hold.
pub const GROUND_M_MAX: f64 = 20_000.0;
/// Largest planet descriptor, bytes: it is written by hand.
pub const DESCRIPTOR_BYTES_MAX: usize = 64 * 1024;
/// Largest data file of a planet, bytes: a mistake in a path should not fill memory.
pub const PLANET_FILE_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// Most pixels of a raster: 10800 × 5400 is 58 million, stored as bits or bytes.
pub const RASTER_PIXELS_MAX: u64 = 256 * 1024 * 1024;
/// Most settlements of a planet: GeoNames lists 34,000 of 15,000 people or more.
pub const SETTLEMENTS_MAX: usize = 1_000_000;
/// Longest settlement name, bytes of UTF-8.
pub const SETTLEMENT_NAME_BYTES_MAX: usize = 200;
/// Most octaves of ground roughness: each costs 8 hashes per ground query.
pub const ROUGHNESS_OCTAVES_MAX: usize = 8;
/// Most obstacles of a planet: at ~100 bytes each in the tree this is 400 MB.
pub const OBSTACLES_MAX: usize = 4_000_000;
/// Thinnest obstacle, metres (radius): a walker's stride must not step over it unseen.
pub const OBSTACLE_RADIUS_M_MIN: f64 = 0.25;
/// Widest obstacle, metres: queries for "what is near" widen their search by this much.
pub const OBSTACLE_RADIUS_M_MAX: f64 = 10.0;
/// Tallest obstacle, metres: lines of sight search this far below themselves.
pub const OBSTACLE_HEIGHT_M_MAX: f64 = 50.0;
/// Longest line of sight that is looked along, metres; what is further apart does not see.
pub const SIGHT_M_MAX: f64 = 2_000.0;
/// Farthest standing thing from the centre along any axis, metres: ten thousand of the largest
/// planets, and squares of distances stay far below overflow.
pub const STANDING_M_MAX: f64 = 1e12;
