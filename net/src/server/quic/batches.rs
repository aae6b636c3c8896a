//! What a tick has for the clients, on its way from the loop to the connections.
//!
//! A datagram goes straight into its connection. If there is something for the stream as well, the
//! session's own task sends both, one right after the other, so that QUIC finds them together and one
//! packet carries them: a packet more costs the server a seal, a system call's share and an
//! acknowledgement. A session's datagrams leave in the order of their ticks all the same: a client that
//! gets them in another has forgotten what the late ones are against.

use std::collections::VecDeque;
use std::iter::Peekable;
use std::sync::Arc;
use std::vec::IntoIter;

use bluemarble_shared_protocol::{CloseCode, ServerMessage, SessionId};
use bytes::Bytes;
use parking_lot::Mutex;
use tokio::sync::Notify;

use super::Shared;
use super::session::Outgoing;
use super::stats::QuicStats;
use super::wire::{Gone, Wire};
use crate::server::event::SessionCommand;

/// Commands that wait in one batch; more come together only if the sender has lagged for many ticks.
/// Beyond, the sessions of the oldest are closed as overloaded, as if their own queue were full.
const COMMANDS_MAX: usize = 65_536;

/// Whose batches overtake each other: a world's own.
pub(super) type Lane = u64;

/// What waits to be handed out.
#[derive(Debug, Default)]
pub(super) struct Batches {
    waiting: Mutex<VecDeque<Batch>>,
    some: Notify,
}

/// What one tick of a world has for its clients.
#[derive(Debug)]
struct Batch {
    lane: Lane,
    /// Sessions ascending.
    datagrams: Vec<(SessionId, Bytes)>,
    commands: Vec<SessionCommand>,
}

/// What adding a batch left behind.
#[derive(Debug, Default)]
struct Overtaken {
    /// Datagrams that will not be sent.
    datagrams: usize,
    /// The oldest commands, if too many wait.
    commands: Vec<SessionCommand>,
}

impl Batch {
    /// The oldest commands, as far as there are too many.
    fn excess(&mut self) -> Vec<SessionCommand> {
        let excess = self.commands.len().saturating_sub(COMMANDS_MAX);
        self.commands.drain(..excess).collect()
    }
}

impl Batches {
    /// Has the sender look again.
    pub(super) fn wake(&self) {
        self.some.notify_one();
    }

    /// Adds a batch. Commands alone join the newest of the lane; of more than `most` in a lane, the
    /// oldest loses its datagrams, and the next one gets its commands.
    fn add(&self, batch: Batch, most: usize) -> Overtaken {
        let lane = batch.lane;
        let ours = |batch: &Batch| batch.lane == lane;
        let mut waiting = self.waiting.lock();
        let mut overtaken = Overtaken::default();
        if batch.datagrams.is_empty()
            && let Some(newest) = waiting.iter_mut().rfind(|batch| ours(batch))
        {
            newest.commands.extend(batch.commands);
            overtaken.commands = newest.excess();
            return overtaken;
        }
        waiting.push_back(batch);
        if waiting.iter().filter(|batch| ours(batch)).count() <= most.max(1) {
            return overtaken;
        }
        let oldest = waiting.iter().position(ours);
        if let Some(oldest) = oldest.and_then(|at| waiting.remove(at)) {
            overtaken.datagrams = oldest.datagrams.len();
            if let Some(next) = waiting.iter_mut().find(|batch| ours(batch)) {
                let later = std::mem::replace(&mut next.commands, oldest.commands);
                next.commands.extend(later);
                overtaken.commands = next.excess();
            }
        }
        overtaken
    }

    fn take(&self) -> Option<Batch> {
        self.waiting.lock().pop_front()
    }
}

/// Passes batches on to the connections, until the server has stopped.
pub(super) async fn send(shared: Arc<Shared>) {
    while !shared.stops() {
        match shared.batches.take() {
            Some(batch) => shared.hand_out(batch),
            None => shared.batches.some.notified().await,
        }
    }
}

impl Shared {
    pub(super) fn enqueue(
        &self,
        lane: Lane,
        datagrams: Vec<(SessionId, Bytes)>,
        commands: Vec<SessionCommand>,
    ) {
        let batch = Batch {
            lane,
            datagrams,
            commands,
        };
        let overtaken = self.batches.add(batch, self.limits.batches_max);
        self.stats.dropped_out.add(overtaken.datagrams as u64);
        for command in overtaken.commands {
            if let Some(wire) = self.wire_of(command.session()) {
                let code = CloseCode::Overloaded;
                self.close(&wire, code, code.reason());
            }
        }
        self.batches.wake();
    }

    /// Whatever waits, now.
    pub(super) fn hand_out_all(&self) {
        while let Some(batch) = self.batches.take() {
            self.hand_out(batch);
        }
    }

    fn hand_out(&self, batch: Batch) {
        let mut commands = batch.commands;
        // Stable: a session's own stay in order.
        commands.sort_by_key(SessionCommand::session);
        let mut datagrams = batch.datagrams.into_iter().peekable();
        let mut commands = commands.into_iter().peekable();
        let sessions = self.sessions.read();
        let send = |session: SessionId, bytes| match sessions.get(&session) {
            Some(handle) => handle.riding.send(&handle.wire, &self.stats, Some(bytes)),
            None => self.stats.unsendable.one_more(),
        };
        while let Some(session) = commands.peek().map(SessionCommand::session) {
            let (messages, end) = all_of(session, &mut commands);
            while let Some((earlier, bytes)) = datagrams.next_if(|(id, _)| *id < session) {
                send(earlier, bytes);
            }
            let Some(handle) = sessions.get(&session) else {
                continue;
            };
            // Behind messages that wait, datagrams would become stale.
            if !(messages.is_empty() || handle.is_behind()) {
                let own = std::iter::from_fn(|| datagrams.next_if(|(id, _)| *id == session));
                handle.riding.hold(own.map(|(_, bytes)| bytes));
            }
            while let Some((_, bytes)) = datagrams.next_if(|(id, _)| *id == session) {
                send(session, bytes);
            }
            if !messages.is_empty() {
                self.give(handle, Outgoing::Messages(messages));
            }
            if let Some(end) = end {
                self.give(handle, end);
            }
        }
        for (session, bytes) in datagrams {
            send(session, bytes);
        }
    }
}

/// A session's datagrams that wait for its task; empty but for the moment in which it is about to run.
#[derive(Debug, Default)]
pub(super) struct Riding(Mutex<Vec<Bytes>>);

impl Riding {
    /// Leaves datagrams to the session's task, to be sent with the messages that follow.
    fn hold(&self, datagrams: impl Iterator<Item = Bytes>) {
        self.0.lock().extend(datagrams);
    }

    /// Sends those that wait, then one more. The next ones cannot overtake them.
    pub(super) fn send(&self, wire: &Wire, stats: &QuicStats, newest: Option<Bytes>) {
        let mut waiting = self.0.lock();
        for bytes in waiting.drain(..).chain(newest) {
            match wire.send_datagram(bytes) {
                Ok(()) => stats.datagrams_out.one_more(),
                Err(Gone) => stats.unsendable.one_more(),
            }
        }
    }
}

/// A session's messages, and how it is to end, after which nothing counts.
fn all_of(
    session: SessionId,
    commands: &mut Peekable<IntoIter<SessionCommand>>,
) -> (Vec<ServerMessage>, Option<Outgoing>) {
    let mut messages = Vec::new();
    let mut end = None;
    while let Some(command) = commands.next_if(|command| command.session() == session) {
        match command {
            _ if end.is_some() => {}
            SessionCommand::Send { message, .. } => messages.push(message),
            SessionCommand::Close { code, reason, .. } => {
                end = Some(Outgoing::Close { code, reason });
            }
        }
    }
    (messages, end)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batch(lane: Lane, n: u64) -> Batch {
        Batch {
            lane,
            datagrams: vec![(SessionId(1), Bytes::new())],
            commands: vec![told(n)],
        }
    }

    fn told(n: u64) -> SessionCommand {
        SessionCommand::Send {
            session: SessionId(1),
            message: ServerMessage::Queued { ahead: n as u32 },
        }
    }

    #[test]
    fn a_stale_batch_loses_its_datagrams_and_passes_its_commands_on_in_order() {
        let batches = Batches::default();
        for n in 0..5 {
            let overtaken = batches.add(batch(n % 2, n), 2);
            assert_eq!(overtaken.datagrams, usize::from(n == 4), "lanes are apart");
            assert!(overtaken.commands.is_empty());
        }
        let left: Vec<Batch> = std::iter::from_fn(|| batches.take()).collect();
        let commands: Vec<_> = left.into_iter().map(|batch| batch.commands).collect();
        let expected = [
            vec![told(1)],
            vec![told(0), told(2)],
            vec![told(3)],
            vec![told(4)],
        ];
        assert_eq!(commands, expected);
    }

    #[test]
    fn of_too_many_commands_the_oldest_are_left_over() {
        let batches = Batches::default();
        let mut first = batch(0, 0);
        first.commands = (0..COMMANDS_MAX as u64).map(told).collect();
        assert!(batches.add(first, 1).commands.is_empty());
        let overtaken = batches.add(batch(0, 7), 1);
        assert_eq!(overtaken.commands, [told(0)]);
        assert_eq!(batches.take().unwrap().commands.len(), COMMANDS_MAX);
    }
}
