//! Columns of numbers as bytes that compress well: of all numbers first the lowest bytes, then the
//! next, and so on. What neighbours have in common (signs, exponents, the leading bits of places near
//! each other, a component that is zero for most) so comes to lie together.
//!
//! ```text
//! three u16:   01 00   02 00   03 01      as planes:   01 02 03   00 00 01
//! ```

/// Bytes being written.
#[derive(Default)]
pub(crate) struct PlaneWriter(pub(crate) Vec<u8>);

impl PlaneWriter {
    /// A column: the little-endian bytes of its numbers.
    pub(crate) fn column<const N: usize>(
        &mut self,
        numbers: impl ExactSizeIterator<Item = [u8; N]>,
    ) {
        let (start, count) = (self.0.len(), numbers.len());
        self.0.resize(start + count * N, 0);
        let planes = &mut self.0[start..];
        for (row, number) in numbers.enumerate() {
            for (plane, byte) in number.into_iter().enumerate() {
                planes[plane * count + row] = byte;
            }
        }
    }

    /// Bytes as they are, behind a `u32` that counts them.
    pub(crate) fn counted(&mut self, bytes: &[u8]) {
        let count = u32::try_from(bytes.len()).expect("a part is far below 4 GiB");
        self.0.extend_from_slice(&count.to_le_bytes());
        self.0.extend_from_slice(bytes);
    }
}

/// Bytes being read.
pub(crate) struct PlaneReader<'a>(pub(crate) &'a [u8]);

/// The numbers of one column.
#[derive(Clone, Copy)]
pub(crate) struct Column<'a, const N: usize> {
    planes: &'a [u8],
    count: usize,
}

impl<'a> PlaneReader<'a> {
    /// A column of `count` numbers; `None` if there are not so many bytes.
    pub(crate) fn column<const N: usize>(&mut self, count: usize) -> Option<Column<'a, N>> {
        let (planes, rest) = self.0.split_at_checked(count.checked_mul(N)?)?;
        self.0 = rest;
        Some(Column { planes, count })
    }

    /// The inverse of [`PlaneWriter::counted`].
    pub(crate) fn counted(&mut self) -> Option<&'a [u8]> {
        let (count, rest) = self.0.split_first_chunk()?;
        let count = usize::try_from(u32::from_le_bytes(*count)).ok()?;
        let (bytes, rest) = rest.split_at_checked(count)?;
        self.0 = rest;
        Some(bytes)
    }
}

impl<const N: usize> Column<'_, N> {
    /// The bytes of one number.
    ///
    /// # Panics
    /// When `row` is not below the column's count.
    pub(crate) fn at(&self, row: usize) -> [u8; N] {
        assert!(row < self.count, "a row of the column");
        std::array::from_fn(|plane| self.planes[plane * self.count + row])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_planes_of_bytes_and_come_back() {
        let mut out = PlaneWriter::default();
        out.column([1_u16, 2, 0x0103].into_iter().map(u16::to_le_bytes));
        out.counted(b"ab");
        assert_eq!(out.0, [1, 2, 3, 0, 0, 1, 2, 0, 0, 0, b'a', b'b']);
        let mut read = PlaneReader(&out.0);
        let column = read.column::<2>(3).unwrap();
        let numbers = [0, 1, 2].map(|row| u16::from_le_bytes(column.at(row)));
        assert_eq!(numbers, [1, 2, 0x0103]);
        assert_eq!(read.counted(), Some(b"ab".as_slice()));
        assert!(read.0.is_empty());
    }

    #[test]
    fn what_is_not_there_is_not_read() {
        let mut read = PlaneReader(&[1, 2, 3]);
        assert!(read.column::<2>(2).is_none());
        assert!(read.column::<8>(usize::MAX).is_none());
        assert!(PlaneReader(&[9, 0, 0, 0, 1]).counted().is_none());
        assert!(PlaneReader(&[9, 0]).counted().is_none());
    }
}
