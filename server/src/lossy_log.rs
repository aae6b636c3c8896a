//! Log lines on their way to stderr, on a thread of their own.
//!
//! Whoever logs may be the tick: a terminal that is held (Ctrl-S) or a pipe nobody reads must not
//! stop the world. Lines wait in a bounded queue; one more is dropped, and how many is said once
//! there is room again.

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::JoinHandle;

use crossbeam_channel::{Receiver, Sender, TrySendError, bounded};
use tracing_subscriber::fmt::MakeWriter;

/// Lines that may wait.
const LINES_MAX: usize = 1_024;

/// What logs write to.
#[derive(Clone, Debug)]
pub struct LossyLog {
    lines: Sender<Option<Vec<u8>>>,
    dropped: Arc<AtomicU64>,
}

/// Ends the thread, once it has written what waits, when dropped.
#[derive(Debug)]
pub struct LogEnd {
    lines: Sender<Option<Vec<u8>>>,
    thread: Option<JoinHandle<()>>,
}

impl LossyLog {
    /// Writes to `out` on a thread of its own.
    ///
    /// # Errors
    /// No thread to be had.
    pub fn start(out: impl Write + Send + 'static) -> std::io::Result<(Self, LogEnd)> {
        let (lines, waiting) = bounded(LINES_MAX);
        let dropped = Arc::new(AtomicU64::new(0));
        let log = Self {
            lines: lines.clone(),
            dropped: dropped.clone(),
        };
        let thread = std::thread::Builder::new()
            .name("log".into())
            .spawn(move || write(out, &waiting, &dropped))?;
        let thread = Some(thread);
        Ok((log, LogEnd { lines, thread }))
    }
}

fn write(mut out: impl Write, lines: &Receiver<Option<Vec<u8>>>, dropped: &AtomicU64) {
    while let Ok(Some(line)) = lines.recv() {
        // A stderr that is closed is no reason to stop: others may still be listening elsewhere.
        let _closed = out.write_all(&line);
        let lost = dropped.swap(0, Ordering::Relaxed);
        if lost > 0 {
            let _closed = writeln!(out, "({lost} log lines dropped: stderr was too slow)");
        }
    }
    let _closed = out.flush();
}

impl Drop for LogEnd {
    fn drop(&mut self) {
        if self.lines.send(None).is_ok()
            && let Some(thread) = self.thread.take()
        {
            let _panicked = thread.join();
        }
    }
}

impl Write for LossyLog {
    fn write(&mut self, line: &[u8]) -> std::io::Result<usize> {
        if let Err(TrySendError::Full(_)) = self.lines.try_send(Some(line.to_vec())) {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for LossyLog {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

#[cfg(test)]
mod tests {
    use parking_lot::Mutex;

    use super::*;

    /// An output that is held until let go.
    #[derive(Clone, Default)]
    struct Held(Arc<Mutex<Vec<u8>>>);

    impl Write for Held {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn an_output_that_is_held_stops_nobody_and_what_is_dropped_is_said() {
        let out = Held::default();
        let (mut log, end) = LossyLog::start(out.clone()).unwrap();
        let lines = LINES_MAX + 10;
        {
            let _held = out.0.lock();
            for line in 0..lines {
                log.write_all(format!("{line}\n").as_bytes()).unwrap();
            }
        }
        drop(end);
        let written = String::from_utf8(out.0.lock().clone()).unwrap();
        assert!(written.starts_with("0\n"), "{written}");
        assert!(written.contains("log lines dropped"), "{written}");
    }
}
