//! What went over the loopback device, as the kernel counts it (proc(5), `/proc/net/dev`): the one measure of
//! bytes that works for programs one cannot look into.

/// Headers of IPv4 and UDP, bytes.
const HEADERS: u64 = 28;

/// Bytes and packets so far.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Loopback {
    bytes: u64,
    packets: u64,
}

impl Loopback {
    /// By now; `None` where the system does not say.
    pub fn now() -> Option<Self> {
        Self::of(&std::fs::read_to_string("/proc/net/dev").ok()?)
    }

    fn of(text: &str) -> Option<Self> {
        let line = text
            .lines()
            .find_map(|line| line.trim().strip_prefix("lo:"))?;
        let mut numbers = line.split_whitespace().map(str::parse);
        let (bytes, packets) = (numbers.next()?.ok()?, numbers.next()?.ok()?);
        Some(Self { bytes, packets })
    }

    /// UDP payload since `earlier`, bytes, if nothing but UDP was sent. Segments that were handed to the
    /// kernel as one count as one packet with one header, which is what is taken off.
    pub fn payload_since(&self, earlier: &Self) -> u64 {
        let bytes = self.bytes - earlier.bytes;
        bytes.saturating_sub(HEADERS * (self.packets - earlier.packets))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_loopback_device_is_found_and_headers_are_taken_off() {
        let page = |bytes, packets| {
            format!(
                "Inter-|   Receive  |  Transmit\n face |bytes    packets errs drop\n  eth0: 9 9 0 0\n    lo: {bytes} {packets} 0 0 0\n"
            )
        };
        let (before, after) = (
            Loopback::of(&page(1_000, 10)).unwrap(),
            Loopback::of(&page(3_280, 20)).unwrap(),
        );
        assert_eq!(after.payload_since(&before), 2_000);
        assert_eq!(Loopback::of("nothing"), None);
    }
}
