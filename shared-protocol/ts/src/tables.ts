// Which prefix code each field of a motion has (docs/PROTOCOL.md, chapter 10): by version of the tables,
// class of motion and class of the baseline's age.

import { BucketCode } from "./bucket-code.js";
import { TABLE_WIDTHS } from "./table-widths.js";

/** The fields of a walker's motion, in the order in which they are written; the schema before the newest has
 * no shape. */
export const WALKER_FIELDS = [
  "shape",
  "heading",
  "velocity ahead",
  "velocity aside",
  "velocity up",
  "position ahead",
  "position aside",
  "position up",
] as const;

/** The fields of a body's motion. */
export const BODY_FIELDS = [
  "slip",
  "rotation first",
  "rotation second",
  "rotation third",
  "velocity x",
  "velocity y",
  "velocity z",
  "position x",
  "position y",
  "position z",
] as const;

/** One version of all tables: by class of age, then field. */
export interface TableSet {
  readonly version: number;
  /** Whether a walker's delta begins with its shape. */
  readonly shaped: boolean;
  readonly walkers: readonly (readonly BucketCode[])[];
  readonly bodies: readonly (readonly BucketCode[])[];
}

/** The widths of a set's buckets. */
export interface TableWidths {
  readonly version: number;
  readonly walkers: readonly (readonly (readonly number[])[])[];
  readonly bodies: readonly (readonly (readonly number[])[])[];
}

/** All sets that this library knows, the newest first. */
export const TABLE_SETS: readonly TableSet[] = TABLE_WIDTHS.map(({ version, walkers, bodies }) => ({
  version,
  shaped: walkers[0]?.length === WALKER_FIELDS.length,
  walkers: walkers.map((codes) => codes.map((widths) => new BucketCode(widths))),
  bodies: bodies.map((codes) => codes.map((widths) => new BucketCode(widths))),
}));
