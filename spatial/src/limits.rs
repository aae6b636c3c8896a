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
/// The same as a share of the radius, for small planets: ground, detail and sea that are each this
/// far below it are still above the centre.
pub const GROUND_RADII_MAX: f64 = 0.25;
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
/// Widest mean distance between the corners at which the coarse ground is computed, metres: half is
/// four times the work for the same walk, double leaves more octaves to every single question.
pub const TERRAIN_SPACING_M: f64 = 36.0;
/// Corners that a wave of the coarse ground needs: with fewer, the surface through them is another.
pub const TERRAIN_SAMPLES_PER_WAVE: f64 = 4.5;
/// Tiles of computed ground that a planet keeps, 3 kB each, 96 MB in all when they are all in use: a
/// walker needs one at a time (560 m wide), so 10,000 scattered walkers take a third of them.
pub const TERRAIN_TILES: usize = 32_768;
/// Most layers of a planet's recipe: a tile computes each 361 times.
pub const TERRAIN_LAYERS_MAX: usize = 12;
/// Most octaves of one layer: from a continent to the finest wave a layer holds.
pub const LAYER_OCTAVES_MAX: u32 = 14;
/// Most octaves of detail: every question about the ground computes them all.
pub const DETAIL_OCTAVES_MAX: u32 = 6;
/// Shortest wave of detail, metres: finer than a stride nobody feels it.
pub const DETAIL_WAVELENGTH_M_MIN: f64 = 1.0;
/// Longest ray against the ground, metres: a grazing one takes 40,000 steps of 100 ns.
pub const RAY_M_MAX: f64 = 20_000.0;
/// Most obstacles of a planet: at ~100 bytes each in the tree this is 400 MB.
pub const OBSTACLES_MAX: usize = 4_000_000;
/// Thinnest obstacle, metres (radius): a walker's stride must not step over it unseen.
pub const OBSTACLE_RADIUS_M_MIN: f64 = 0.25;
/// Widest obstacle, metres: queries for "what is near" widen their search by this much.
pub const OBSTACLE_RADIUS_M_MAX: f64 = 10.0;
/// Tallest obstacle, metres: lines of sight search this far below themselves.
pub const OBSTACLE_HEIGHT_M_MAX: f64 = 50.0;
/// Lowest obstacle, metres: what is lower is a roughness of the ground.
pub const OBSTACLE_HEIGHT_M_MIN: f64 = 0.1;
/// Longest name or kind of a designed feature, bytes of UTF-8.
pub const FEATURE_TEXT_BYTES_MAX: usize = 200;
/// Longest line of sight that is looked along, metres; what is further apart does not see.
pub const SIGHT_M_MAX: f64 = 2_000.0;
/// Farthest standing thing from the centre along any axis, metres: ten thousand of the largest
/// planets, and squares of distances stay far below overflow.
pub const STANDING_M_MAX: f64 = 1e12;
/// Most cells of a load map: at 24 bytes each 100 MB, ten times what Earth's settlements fill.
pub const LOAD_CELLS_MAX: usize = 4_000_000;
/// Most cells that a search for a covering looks at: about a second, and a region without width
/// at the finest levels would have billions.
pub const COVERING_STEPS_MAX: usize = 1 << 20;
/// Most vertices of a polygon, all rings together: coastlines at 1 : 10 million have 100,000 for
/// the largest land mass.
pub const POLYGON_VERTICES_MAX: usize = 250_000;
/// Most arcs of a polygon near each of its arcs, on average: coastlines have ten or so, a thousand
/// arcs that all go half way round still pass, and the largest polygon is refused within ten seconds.
pub const POLYGON_PAIRS_PER_VERTEX_MAX: usize = 1_000;
/// Largest GeoJSON file, bytes: a hundred thousand features of a designer, or a country's borders.
pub const GEOJSON_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Most features of a GeoJSON file.
pub const GEOJSON_FEATURES_MAX: usize = 500_000;
/// Most positions of a GeoJSON file, those included that turn long edges into great circles; at
/// 32 bytes each 64 MB.
pub const GEOJSON_POSITIONS_MAX: usize = 2_000_000;
/// Deepest nesting of brackets in a GeoJSON file: a MultiPolygon needs 8, properties may add some.
pub const GEOJSON_DEPTH_MAX: usize = 32;
/// Most halvings of an edge until it is as straight on the ball as on the map: 1024 pieces.
pub const GEOJSON_HALVINGS_MAX: u32 = 10;
/// The same for a great circle that is drawn on the map: only next to a pole, which it may pass at
/// any distance, as many are needed as it takes from a radian to the tolerance.
pub const GEOJSON_POLE_HALVINGS_MAX: u32 = 24;
