// A client of BlueMarble for browsers. docs/PROTOCOL.md is what all of it follows; each file names its
// chapter.

export { type EntityState, type Action } from "./entity-state.js";
export { CardBook } from "./card-book.js";
export { type SeenState, checkOf } from "./check.js";
export { ClientCore, type CoreConfig, type OwnAvatar, type Taken } from "./client-core.js";
export { CloseCode, closeName } from "./close.js";
export { type WireDirection, fromWire, toWire } from "./direction.js";
export type { Acks, Intent, Wish } from "./intents.js";
export { PlayClock } from "./play-clock.js";
export { type ShownPose, poseAt } from "./poses.js";
export { Malformed } from "./malformed.js";
export { EventBook } from "./event-book.js";
export { GiftBook, type GiftReceipt } from "./gift-book.js";
export {
  COINS,
  type Card,
  type GameEvent,
  type Gift,
  type GiftAnswer,
  type GiftOutcome,
  type Purse,
  type Stack,
  type TimedEvent,
  type Welcome,
  type Wound,
  PROTOCOL_VERSION,
} from "./messages.js";
export type { OwnBody, Support, Vitals } from "./own-section.js";
export { type Axes, type Pose, PlanetFrame, axesOf, compass } from "./planet-frame.js";
export {
  STANDING,
  Session,
  type SessionCounts,
  type SessionEnd,
  SessionEnded,
  type SessionListener,
  type SessionOptions,
} from "./session.js";
export type { RemoveReason, Strain } from "./snapshot.js";
export { type Address, type CloseInfo, type Transport, openWebTransport } from "./transport.js";
export type { Vector } from "./vector.js";
export { type RemovedEntity, type SeenEntity, type TimedState, View } from "./view.js";
