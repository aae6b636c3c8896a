// The bounds of docs/PROTOCOL.md, chapter 6, that a client has to know, and how much of the past it keeps.

/** Most bytes of a datagram, either way. */
export const DATAGRAM_BYTES_MAX = 1_100;
/** Most bytes of a message on the control stream, either way. */
export const MESSAGE_BYTES_MAX = 16_384;
/** Most bytes of a ticket or a token. */
export const TICKET_BYTES_MAX = 1_024;
/** Most bytes of a client's self-description. */
export const CLIENT_BYTES_MAX = 64;
/** Most ids or cards in one message. */
export const CARDS_PER_MESSAGE_MAX = 256;
/** Most bytes of a character's name. */
export const NAME_BYTES_MAX = 32;
/** Most bytes of the planet's name. */
export const PLANET_NAME_BYTES_MAX = 64;
/** Most states in one report of a divergence. */
export const REPORTED_STATES_MAX = 256;
/** Most events in one message. */
export const EVENTS_PER_MESSAGE_MAX = 64;
/** Most wounds of others in one message, which is one tick's. */
export const WOUNDS_PER_MESSAGE_MAX = 32;
/** Most ids in one report of who is in view. */
export const HELD_IDS_MAX = 2_000;
/** Most ids that one message says are to be forgotten. */
export const FORGOTTEN_IDS_MAX = 256;
/** Most gifts that may wait for their answers. */
export const GIFTS_REMEMBERED = 16;
/** Most kinds of entities in a world. */
export const KINDS_MAX = 128;
/** Most bytes of a kind's name. */
export const KIND_NAME_BYTES_MAX = 64;
/** Most versions of fields that a hello or a welcome lists. */
export const FIELDS_MAX = 64;
/** Most bytes of a field's name. */
export const FIELD_NAME_BYTES_MAX = 16;
/** Most bytes of the reason of a close. */
export const CLOSE_REASON_BYTES_MAX = 256;
/** Most intents in one datagram. */
export const INTENTS_PER_DATAGRAM_MAX = 8;
/** How many numbers behind the newest a datagram may be and still be taken: as far as an
 * acknowledgement reaches. */
export const LATE_NUMBERS_MAX = 32;
/** How many numbers back a baseline may lie. */
export const BASELINE_BACK_MAX = 127;
/** Greatest age of a baseline, ticks. */
export const BASELINE_AGE_MAX = 256;
/** Indices that the server may give to entities. */
export const INDICES_MAX = 16_384;
