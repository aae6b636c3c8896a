//! Signals: SIGHUP has keys read again; the first Ctrl-C or SIGTERM asks for an orderly stop, the second ends the process.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::runtime::Handle;

use crate::exit::INTERRUPTED_STATUS;

/// Whether somebody has asked the program to stop.
#[derive(Clone, Debug, Default)]
pub struct StopRequest(Arc<AtomicBool>);

impl StopRequest {
    /// Asked?
    pub fn is_made(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }

    /// Asks.
    pub fn make(&self) {
        self.0.store(true, Ordering::Release);
    }

    /// Listens for signals on `runtime` from now on.
    ///
    /// # Errors
    /// The system refuses to tell about signals.
    pub fn on_signals(&self, runtime: &Handle) -> std::io::Result<()> {
        let _context = runtime.enter();
        let mut signals = Signals::listen()?;
        let request = self.clone();
        runtime.spawn(async move {
            loop {
                signals.next().await;
                if request.is_made() {
                    eprintln!(
                        "stopped at once: the final checkpoint may be missing; the journal \
                               brings the world back at the next start"
                    );
                    std::process::exit(INTERRUPTED_STATUS);
                }
                eprintln!(
                    "stopping: clients are told, a final checkpoint is written (again to \
                           stop at once)"
                );
                request.make();
            }
        });
        Ok(())
    }
}

/// Calls `reload` at every SIGHUP, on `runtime`.
///
/// # Errors
/// The system refuses to tell about signals.
#[cfg(unix)]
pub fn on_hangup(runtime: &Handle, reload: impl Fn() + Send + 'static) -> std::io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let _context = runtime.enter();
    let mut hangups = signal(SignalKind::hangup())?;
    runtime.spawn(async move {
        while hangups.recv().await.is_some() {
            reload();
        }
    });
    Ok(())
}

/// There is no such signal here.
#[cfg(not(unix))]
pub fn on_hangup(_runtime: &Handle, _reload: impl Fn() + Send + 'static) -> std::io::Result<()> {
    Ok(())
}

#[cfg(unix)]
struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn listen() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn listen() -> std::io::Result<Self> {
        Ok(Self)
    }

    async fn next(&mut self) {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
