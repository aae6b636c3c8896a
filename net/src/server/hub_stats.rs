//! What the session logic counts: every drop, refusal and close by reason, and what replication
//! sends. Plain integers; whoever serves metrics copies them.

use bluemarble_shared_protocol::CloseCode;

/// Defines the struct, and `each` over all of it, from one list.
macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        /// Counters of one hub's lifetime, and a few gauges of its last tick.
        #[derive(Clone, Debug, Default, PartialEq, Eq)]
        pub struct HubStats {
            $($(#[$doc])* pub $name: u64,)*
            /// Sessions closed by this side, in the order of [`CloseCode::ALL`].
            pub closed: [u64; CloseCode::ALL.len()],
        }

        impl HubStats {
            /// Every count by name, close codes as `closed_<label>`, in a fixed order.
            pub fn each(&self, mut see: impl FnMut(&str, u64)) {
                $(see(stringify!($name), self.$name);)*
                for (code, count) in CloseCode::ALL.iter().zip(self.closed) {
                    see(&format!("closed_{}", code.label()), count);
                }
            }
        }
    };
}

counters! {
    /// Gauge: sessions now.
    sessions,
    /// Gauge: avatars without a session, waiting out their grace period.
    unattended,
    /// Gauge: entities in all views together, last tick.
    in_view,
    /// Gauge: entities in the world, last tick.
    entities,
    /// Gauge: players who wait in line because the world is overloaded.
    waiting,
    /// Gauge: sessions without a connection, kept for their owners.
    parked,
    /// Sessions opened.
    opened,
    /// Avatars that an operator had leave.
    expelled,
    /// Sessions taken up again with all their clients knew.
    resumed,
    /// Avatars taken up again by clients that have to be told everything anew.
    resumed_afresh,
    /// Claims to a session that is no more, or was taken up already.
    resume_refused,
    /// Sessions not kept because too many were.
    parked_full,
    /// Gauge: clients that have acknowledged nothing for a second.
    quiet,
    /// Players who had to wait in line.
    queued,
    /// Players turned away because the line was full.
    queue_full,
    /// Gifts that clients asked for.
    gifts_asked,
    /// Gifts asked for again while they were on their way.
    gifts_repeated,
    /// Gifts sealed into a tick.
    gifts_sealed,
    /// Answers to gifts, of what is durable.
    gifts_answered,
    /// Gifts whose giver was not there, or whose answer found nobody; their clients ask again.
    gifts_unanswered,
    /// Gifts put off because what happens was not being saved.
    gifts_not_saved,
    /// Avatars admitted or taken over again.
    admissions,
    /// Avatars that left the world.
    leaves,
    /// Events for a session that is no more.
    events_late,
    /// Datagrams received.
    datagrams_in,
    /// Bytes of those.
    bytes_in,
    /// Datagrams that did not parse.
    datagrams_malformed,
    /// Datagrams beyond the rate.
    datagrams_flooding,
    /// Intents that were queued.
    intents_in,
    /// Intents that were there already or had been applied: the redundancy at work.
    intents_repeated,
    /// Intents dropped because the session's queue was full: the oldest give way.
    intents_overflowed,
    /// Intents folded into the next one to catch up with a client that runs ahead.
    intents_folded,
    /// Intents that never arrived: numbers passed over.
    intents_missing,
    /// Session ticks in which no intent was there.
    intents_starved,
    /// View ticks that had to be clamped.
    view_ticks_clamped,
    /// Intents sealed.
    intents_sealed,
    /// Cards sent.
    cards_sent,
    /// Cards asked for that the asker may not see.
    cards_refused,
    /// Events sent to the players they happened to.
    events_sent,
    /// Events forgotten before their player was told: its line was silent for too long.
    events_forgotten,
    /// Wounds of others sent to those who saw them.
    wounds_sent,
    /// Wounds of others not told because there were more in view than there was room for.
    wounds_left_out,
    /// Messages dropped because the command queue was full.
    commands_dropped,
    /// Datagrams sent.
    datagrams_out,
    /// Bytes of those.
    bytes_out,
    /// Delta records sent.
    updates_sent,
    /// Full records sent.
    enters_sent,
    /// Removal records sent, repetitions included.
    removes_sent,
    /// Updates that needed a full record because no baseline was young enough.
    updates_in_full,
    /// Exact own states sent.
    own_full_sent,
    /// Own states sent as a hash.
    own_hash_sent,
    /// Reports about clients' paths.
    paths_in,
    /// Packets that congestion control has given up.
    packets_lost,
    /// Client ticks whose path takes less than the configured budget.
    path_limited,
    /// Client ticks whose budget did not take everything.
    budget_limited,
    /// Entities that found no place in a full view.
    view_full,
    /// Bit strings made.
    strings_encoded,
    /// Bit strings used again for another client.
    strings_shared,
    /// Client ticks whose datagrams said what their states add up to.
    checks_sent,
    /// How often a client was told whom it should have in view.
    presences_sent,
    /// Clients' reports that it is not what they made of them; each was answered with a fresh view.
    divergences,
    /// Such reports that came too soon after the one before.
    divergences_ignored,
    /// Differences found in reports, by field: the entity itself, which was not in the datagram.
    diverged_entity,
    /// An entity that a client had in view and should not.
    diverged_ghost,
    /// An entity that a client should have in view and had not.
    diverged_missing,
    /// The frame cell.
    diverged_cell,
    /// The kind.
    diverged_kind,
    /// The position.
    diverged_position,
    /// The velocity.
    diverged_velocity,
    /// The heading.
    diverged_heading,
    /// The rotation.
    diverged_rotation,
    /// The health.
    diverged_health,
    /// The action, or its count.
    diverged_action,
    /// The flags.
    diverged_flags,
    /// Acknowledgements of datagrams unknown or forgotten.
    acks_unknown,
    /// Datagrams acknowledged.
    acks,
}

impl HubStats {
    /// How many sessions this side closed with `code`.
    #[must_use]
    pub fn closed_with(&self, code: CloseCode) -> u64 {
        let at = CloseCode::ALL.iter().position(|known| *known == code);
        self.closed[at.expect("ALL holds every code")]
    }

    pub(super) fn count_close(&mut self, code: CloseCode) {
        let at = CloseCode::ALL.iter().position(|known| *known == code);
        self.closed[at.expect("ALL holds every code")] += 1;
    }
}
