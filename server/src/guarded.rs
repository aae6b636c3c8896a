//! Runs a step that may panic, and turns the panic into words.
//!
//! After a panic the world is neither at t−1 nor at t; whoever calls this must throw it away and
//! recover from the log.

use std::any::Any;
use std::backtrace::Backtrace;
use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, PanicHookInfo, catch_unwind};
use std::path::Path;
use std::sync::Once;

use bluemarble_shared_protocol::Tick;

use crate::data_dir::DataDir;

/// A panic, told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Panicked(pub String);

impl Panicked {
    /// Message and place, without the backtrace.
    pub fn in_short(&self) -> &str {
        self.0.lines().next().unwrap_or_default()
    }
}

/// Runs `step`; `Err` if it panics.
///
/// # Errors
/// The panic's message and where it was.
pub fn guarded<T>(step: impl FnOnce() -> T) -> Result<T, Panicked> {
    listen();
    LAST.take();
    catch_unwind(AssertUnwindSafe(step)).map_err(|payload| {
        let place = LAST.take().unwrap_or_default();
        Panicked(format!("{}{place}", message(payload.as_ref())))
    })
}

/// Keeps the sealed inputs of a tick whose step panicked, for whoever looks into it.
///
/// Failing to do so is only logged: the journal holds the same inputs.
pub fn keep_evidence(data: &DataDir, tick: Tick, inputs: &[u8], panic: &Panicked) {
    let file = data.evidence(tick.0);
    let folder = file.parent().unwrap_or(Path::new("."));
    let report = format!("tick {tick}\n{}\n", panic.0);
    let written = std::fs::create_dir_all(folder)
        .and_then(|()| std::fs::write(&file, inputs))
        .and_then(|()| std::fs::write(file.with_extension("txt"), report));
    match written {
        Ok(()) => tracing::error!("the inputs of tick {tick} are kept in {}", file.display()),
        Err(error) => tracing::error!("cannot write {}: {error}", file.display()),
    }
}

fn message(payload: &(dyn Any + Send)) -> &str {
    payload
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| payload.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("a panic without a message")
}

thread_local! {
    static LAST: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Notes where a panic of this thread was. A panic on a thread of the pool is passed on to the
/// caller without its place; the ordinary hook has printed that.
fn listen() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info: &PanicHookInfo<'_>| {
            let place = info
                .location()
                .map(|place| format!(" at {place}"))
                .unwrap_or_default();
            LAST.set(Some(format!("{place}\n{}", Backtrace::capture())));
            before(info);
        }));
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_told_with_its_place_and_a_result_passes() {
        assert_eq!(guarded(|| 3), Ok(3));
        let panicked = guarded(|| panic!("row {} is gone", 7)).unwrap_err();
        assert!(
            panicked.0.starts_with("row 7 is gone at "),
            "{}",
            panicked.0
        );
        assert!(panicked.0.contains("guarded.rs"), "{}", panicked.0);
    }

    #[test]
    fn evidence_holds_the_inputs_and_the_panic() {
        let dir = tempfile::tempdir().unwrap();
        let data = DataDir::at(dir.path());
        keep_evidence(&data, Tick(9), b"sealed", &Panicked("why".into()));
        assert_eq!(std::fs::read(data.evidence(9)).unwrap(), b"sealed");
        let told = std::fs::read_to_string(data.evidence(9).with_extension("txt")).unwrap();
        assert!(told.contains("tick 9") && told.contains("why"));
    }
}
