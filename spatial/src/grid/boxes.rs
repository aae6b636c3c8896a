//! Sorted rows in blocks of sixteen, the least box around each block, sixteen boxes to a node, and
//! nodes of nodes until few are left: what a query walks from the top.
//!
//! The shape of a packed R-tree (Kamel, Faloutsos: "On packing R-trees", CIKM 1993; here along the
//! Hilbert curve of the cells), so that cells need not be looked up, no seam of the cube is
//! special, and any radius and crowd will do. Rows are `f64` and decide; boxes are `f32`, which
//! halves what a query reads, and only ever err on the side of going in ([`Query`] has the proof).

use glam::DVec3;

/// Rows in a block and boxes in a node: two AVX-512 registers of `f64`, one of `f32`.
pub(super) const LANES: usize = 16;
/// Nodes that a walk starts with: so few are looked at faster one after the other than through a
/// node above them, for whose answer everything would wait.
const TOP_NODES_MAX: usize = 8;
/// Squared radii up to this, m², can be told from "infinitely far" in `f32`.
pub(super) const REACH2_MAX: f64 = 1e36;

/// Positions of sixteen rows, one coordinate after the other; NaN where there is no row.
#[derive(Clone, Copy, Debug)]
#[repr(align(64))]
pub(super) struct Block(pub(super) [[f64; LANES]; 3]);

/// Sixteen boxes, one coordinate after the other, rounded outwards. Where there is none, it is
/// turned inside out and, its distance squared, infinitely far from everything.
#[derive(Clone, Copy, Debug)]
#[repr(align(64))]
pub(super) struct Node {
    pub(super) low: [[f32; LANES]; 3],
    pub(super) high: [[f32; LANES]; 3],
}

impl Node {
    /// Takes the box of a child, by the child's number.
    #[inline]
    fn put(&mut self, child: usize, [low, high]: [[f32; 3]; 2]) {
        for axis in 0..3 {
            self.low[axis][child % LANES] = low[axis];
            self.high[axis][child % LANES] = high[axis];
        }
    }
}

const NO_ROWS: Block = Block([[f64::NAN; LANES]; 3]);
/// Finite: of a point that is itself beyond `f32` the distance to an infinity would be NaN, which
/// counts as near.
const NO_BOXES: Node = Node {
    low: [[f32::MAX; LANES]; 3],
    high: [[f32::MIN; LANES]; 3],
};

/// What is asked, in both precisions.
///
/// A row is near if its squared distance, each operation rounded to `f64`, is at most `reach2`.
/// Its box must then be gone into. Along an axis on which the box lies above the point, the
/// `f32` numbers `low` (rounded down) and `point_high` (rounded up) differ by no more than the row's
/// coordinate and the point's; the same below. So the exact distance of what `f32` knows is no more
/// than the true one, and the two computed ones differ from these by fewer than 4 roundings of
/// 2⁻⁵³ and 6 of 2⁻²⁴ (difference, square, two sums; what underflows only gets smaller):
/// `reach2 × (1 + 10⁻⁶)`, rounded up to `f32`, covers both.
#[derive(Clone, Copy, Debug)]
pub(super) struct Query {
    pub(super) point: DVec3,
    pub(super) reach2: f64,
    pub(super) point_low: [f32; 3],
    pub(super) point_high: [f32; 3],
    pub(super) box_reach2: f32,
}

impl Query {
    /// The point must be finite, the squared radius at most [`REACH2_MAX`].
    #[inline]
    pub(super) fn new(point: DVec3, reach2: f64) -> Self {
        Self {
            point,
            reach2,
            point_low: point.to_array().map(rounded_down),
            point_high: point.to_array().map(rounded_up),
            box_reach2: rounded_up(reach2 * (1.0 + 1e-6)),
        }
    }
}

/// A number of `f32` below `x`: the nearest one, moved by more than its last place is worth. What is
/// beyond `f32` goes to its end. No branch: which way a number was rounded is a coin toss.
#[inline]
fn rounded_down(x: f64) -> f32 {
    let near = (x as f32).clamp(f32::MIN, f32::MAX);
    near - (near.abs() * f32::EPSILON + f32::MIN_POSITIVE)
}

/// A number of `f32` above `x`.
#[inline]
fn rounded_up(x: f64) -> f32 {
    -rounded_down(-x)
}

/// Blocks and the nodes over them.
#[derive(Clone, Debug, Default)]
pub(super) struct BoxTree {
    blocks: Vec<Block>,
    /// Boxes around blocks first, the few nodes at the top last.
    nodes: Vec<Vec<Node>>,
}

impl BoxTree {
    /// Takes the positions of so many slots.
    pub(super) fn refill(&mut self, len: usize, position: impl Fn(usize) -> DVec3) {
        self.blocks.resize(len.div_ceil(LANES), NO_ROWS);
        if let Some(last) = self.blocks.last_mut() {
            *last = NO_ROWS;
        }
        self.prepare_nodes();
        for n in 0..self.blocks.len() {
            let first = n * LANES;
            let block = &mut self.blocks[n];
            for lane in 0..LANES.min(len - first) {
                let pos = position(first + lane);
                block.0[0][lane] = pos.x;
                block.0[1][lane] = pos.y;
                block.0[2][lane] = pos.z;
            }
            // One behind: what was just written in small pieces cannot be read at once in large.
            if let Some(before) = n.checked_sub(1) {
                self.nodes[0][before / LANES].put(before, box_of_rows(&self.blocks[before]));
            }
        }
        if let Some(last) = self.blocks.len().checked_sub(1) {
            self.nodes[0][last / LANES].put(last, box_of_rows(&self.blocks[last]));
        }
        for level in 1..self.nodes.len() {
            let (lower, upper) = self.nodes.split_at_mut(level);
            for (child, node) in lower[level - 1].iter().enumerate() {
                upper[0][child / LANES].put(child, box_of_boxes(node));
            }
        }
    }

    /// As many nodes as the blocks need, the last of each level without boxes.
    fn prepare_nodes(&mut self) {
        let (mut level, mut below) = (0, self.blocks.len());
        while below > TOP_NODES_MAX || (level == 0 && below > 0) {
            if self.nodes.len() == level {
                self.nodes.push(Vec::new());
            }
            let nodes = &mut self.nodes[level];
            nodes.resize(below.div_ceil(LANES), NO_BOXES);
            if let Some(last) = nodes.last_mut() {
                *last = NO_BOXES;
            }
            below = nodes.len();
            level += 1;
        }
        self.nodes.truncate(level);
    }

    /// The blocks, in slot order.
    pub(super) fn blocks(&self) -> &[Block] {
        &self.blocks
    }

    /// The levels of nodes: boxes around blocks first, the few nodes at the top last.
    pub(super) fn nodes(&self) -> &[Vec<Node>] {
        &self.nodes
    }

    /// Goes down to the blocks, level by level, and leaves what it finds in `found`, in slot order.
    /// `boxes` writes down, in order, which of a node's boxes to go into, the first one's number
    /// being given, and says how many: never one that is not there. `rows` writes down which rows of a
    /// block are near, and how far. Always inlined, so that both closures can be compiled for
    /// the registers of whoever calls.
    #[inline(always)]
    pub(super) fn walk(
        &self,
        found: &mut Found,
        mut boxes: impl FnMut(&Node, u32, &mut [u32; LANES]) -> usize,
        mut rows: impl FnMut(&Block, u32, &mut [u32; LANES], &mut [f64; LANES]) -> usize,
    ) {
        let Found {
            slots,
            dist2,
            len,
            here,
            below,
        } = found;
        *len = 0;
        let top_nodes = self.nodes.last().map_or(0, Vec::len);
        here.clear();
        here.extend(0..top_nodes as u32);
        let mut here_len = top_nodes;
        for nodes in self.nodes.iter().rev() {
            let mut below_len = 0;
            grow(below, here_len * LANES);
            for &node in &here[..here_len] {
                let list = room(below, below_len);
                below_len += boxes(&nodes[node as usize], node * LANES as u32, list);
            }
            std::mem::swap(here, below);
            here_len = below_len;
        }
        grow(slots, here_len * LANES);
        grow(dist2, here_len * LANES);
        for &block in &here[..here_len] {
            let (slots, dist2) = (room(slots, *len), room(dist2, *len));
            *len += rows(
                &self.blocks[block as usize],
                block * LANES as u32,
                slots,
                dist2,
            );
        }
    }
}

/// Makes a list at least so long.
#[inline]
fn grow<T: Copy + Default>(list: &mut Vec<T>, len: usize) {
    if list.len() < len {
        list.resize(len, T::default());
    }
}

/// The sixteen places from `from` on.
#[inline(always)]
fn room<T>(list: &mut [T], from: usize) -> &mut [T; LANES] {
    list[from..]
        .first_chunk_mut()
        .expect("every block and node before has taken at most its sixteen places")
}

/// What a walk finds, and its lists: kept by whoever asks, for their memory.
#[derive(Clone, Debug, Default)]
pub(super) struct Found {
    slots: Vec<u32>,
    dist2: Vec<f64>,
    /// How many of these were found last.
    len: usize,
    /// Numbers of nodes, and at last of blocks, to go into.
    here: Vec<u32>,
    below: Vec<u32>,
}

impl Found {
    /// Slots, ascending, and squared distances, m².
    #[inline]
    pub(super) fn as_slices(&self) -> (&[u32], &[f64]) {
        (&self.slots[..self.len], &self.dist2[..self.len])
    }

    pub(super) fn clear(&mut self) {
        self.len = 0;
    }

    /// One more than the walk found.
    pub(super) fn push(&mut self, slot: u32, dist2: f64) {
        grow(&mut self.slots, self.len + 1);
        grow(&mut self.dist2, self.len + 1);
        self.slots[self.len] = slot;
        self.dist2[self.len] = dist2;
        self.len += 1;
    }
}

#[inline]
fn box_of_rows(rows: &Block) -> [[f32; 3]; 2] {
    let [x, y, z] = rows
        .0
        .each_ref()
        .map(|lanes| span(lanes, lanes, f64::INFINITY, f64::NEG_INFINITY));
    [
        [x, y, z].map(|(low, _)| rounded_down(low)),
        [x, y, z].map(|(_, high)| rounded_up(high)),
    ]
}

#[inline]
fn box_of_boxes(node: &Node) -> [[f32; 3]; 2] {
    let span = |axis: usize| {
        let (low, high) = (&node.low[axis], &node.high[axis]);
        span(low, high, f32::INFINITY, f32::NEG_INFINITY)
    };
    let [x, y, z] = [span(0), span(1), span(2)];
    [[x.0, y.0, z.0], [x.1, y.1, z.1]]
}

/// The least of the first sixteen numbers and the greatest of the second. NaN counts for nothing: a
/// row that is nowhere is near to nothing and needs no box. Four at a time, which vectorises.
#[inline(always)]
fn span<T: Copy + PartialOrd>(
    lows: &[T; LANES],
    highs: &[T; LANES],
    infinity: T,
    minus_infinity: T,
) -> (T, T) {
    let smaller = |a: T, b: T| if a < b { a } else { b };
    let larger = |a: T, b: T| if a > b { a } else { b };
    let (mut low, mut high) = ([infinity; 4], [minus_infinity; 4]);
    for four in 0..LANES / 4 {
        for k in 0..4 {
            low[k] = smaller(lows[4 * four + k], low[k]);
            high[k] = larger(highs[4 * four + k], high[k]);
        }
    }
    (
        smaller(smaller(low[0], low[1]), smaller(low[2], low[3])),
        larger(larger(high[0], high[1]), larger(high[2], high[3])),
    )
}

/// The walk in plain code.
pub(super) mod portable {
    use super::{Block, BoxTree, DVec3, Found, LANES, Node, Query};

    /// See [`super::super::simd::Usable::search`].
    pub(in super::super) fn search(tree: &BoxTree, query: &Query, found: &mut Found) {
        tree.walk(
            found,
            |node, first, list| {
                let dist2 = distances2_to_boxes(node, query);
                let mut count = 0;
                for (child, &dist2) in (first..).zip(&dist2) {
                    // Never more than the lane, which the compiler cannot see.
                    list[count % LANES] = child;
                    count += usize::from(dist2 <= query.box_reach2);
                }
                count
            },
            |rows, first, slots, dist2_found| {
                let dist2 = distances2(rows, query.point);
                let mut count = 0;
                for (slot, &dist2) in (first..).zip(&dist2) {
                    slots[count % LANES] = slot;
                    dist2_found[count % LANES] = dist2;
                    count += usize::from(dist2 <= query.reach2);
                }
                count
            },
        );
    }

    /// Squared distances of a block's rows, m².
    #[inline(always)]
    pub(in super::super) fn distances2(rows: &Block, pos: DVec3) -> [f64; LANES] {
        let [x, y, z] = &rows.0;
        let mut dist2 = [0.0; LANES];
        for lane in 0..LANES {
            let (x, y, z) = (x[lane] - pos.x, y[lane] - pos.y, z[lane] - pos.z);
            dist2[lane] = x * x + y * y + z * z;
        }
        dist2
    }

    /// Lower bounds (but for the roundings in [`Query`]) of the squared distances to all in a
    /// node's boxes, m²; infinite where there is none.
    #[inline(always)]
    pub(in super::super) fn distances2_to_boxes(node: &Node, query: &Query) -> [f32; LANES] {
        let larger = |a: f32, b: f32| if a > b { a } else { b };
        let mut dist2 = [0.0; LANES];
        for axis in 0..3 {
            let boxes = node.low[axis].iter().zip(&node.high[axis]);
            for ((low, high), dist2) in boxes.zip(&mut dist2) {
                let below = low - query.point_high[axis];
                let above = query.point_low[axis] - high;
                let outside = larger(larger(below, above), 0.0);
                *dist2 += outside * outside;
            }
        }
        dist2
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mix::{mix64, unit};

    fn draw(n: u64) -> f64 {
        unit(mix64(n)) * 2.0 - 1.0
    }

    fn power_of_two(exponent: i64) -> f64 {
        f64::from_bits(((1023 + exponent) as u64) << 52)
    }

    /// Across all magnitudes: whatever is within the radius in `f64` lies in a box that is gone
    /// into, with the radius exactly on the row, which is where rounding the wrong way shows.
    #[test]
    fn no_box_hides_a_row_that_is_near() {
        for n in 0..40_000u64 {
            let magnitude = power_of_two(n as i64 % 200 - 140);
            let spread = magnitude * power_of_two(-(n as i64 % 41));
            let at =
                |k: u64| DVec3::new(draw(n * 64 + k), draw(n * 64 + k + 1), draw(n * 64 + k + 2));
            let middle = at(0) * magnitude;
            let mut rows = NO_ROWS;
            for lane in 0..1 + (n % 16) as usize {
                let pos = middle + at(3 + 3 * lane as u64) * spread;
                for (axis, coordinate) in pos.to_array().into_iter().enumerate() {
                    rows.0[axis][lane] = coordinate;
                }
            }
            let mut node = NO_BOXES;
            node.put(5, box_of_rows(&rows));
            let point = middle + at(60) * spread * 3.0;
            let nearest = portable::distances2(&rows, point)
                .into_iter()
                .filter(|dist2| !dist2.is_nan())
                .fold(
                    f64::INFINITY,
                    |least, dist2| if dist2 < least { dist2 } else { least },
                );
            if nearest > REACH2_MAX {
                continue;
            }
            let query = Query::new(point, nearest);
            let boxes = portable::distances2_to_boxes(&node, &query);
            assert!(boxes[5] <= query.box_reach2, "{n}: {point} {rows:?}");
            let others = boxes.iter().enumerate().filter(|(lane, _)| *lane != 5);
            assert!(
                others
                    .map(|(_, dist2)| dist2)
                    .all(|dist2| *dist2 > query.box_reach2)
            );
        }
    }

    #[test]
    fn rounding_goes_outwards_and_not_far() {
        let ends = [
            0.0,
            -0.0,
            1e-320,
            1e-40,
            1.0,
            0.1,
            1e30,
            f64::MAX,
            f64::INFINITY,
        ];
        for x in ends.into_iter().chain((0..2_000).map(|n| draw(n) * 6.4e6)) {
            for x in [x, -x] {
                let (low, high) = (f64::from(rounded_down(x)), f64::from(rounded_up(x)));
                assert!(low <= x && x <= high, "{low} {x} {high}");
                if x.abs() < 1e30 {
                    assert!(high - low <= x.abs() * 4e-7 + 1e-37, "{low} {x} {high}");
                }
            }
        }
    }

    #[test]
    fn a_row_that_is_nowhere_widens_no_box() {
        let mut rows = NO_ROWS;
        let [low, high] = box_of_rows(&rows);
        assert!(low.iter().zip(&high).all(|(low, high)| low > high));
        for (axis, lanes) in rows.0.iter_mut().enumerate() {
            lanes[7] = axis as f64;
        }
        let [low, high] = box_of_rows(&rows);
        for axis in 0..3 {
            assert!(
                (low[axis] - axis as f32).abs() < 1e-6 && (high[axis] - axis as f32).abs() < 1e-6
            );
        }
    }
}
