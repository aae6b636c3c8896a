// Which fields an entity's state has on the wire, each in which version (docs/PROTOCOL.md, chapter 3):
// what client and server have to agree on before the first snapshot.

import { TABLE_SETS, type TableSet } from "./tables.js";

/** One version of one field. */
export interface FieldVersion {
  /** The field's number. */
  readonly id: number;
  /** Version of its layout. */
  readonly layout: number;
  /** Version of the tables that code it; 0 = none do. */
  readonly tables: number;
}

/** A field by name, as a welcome lists it. */
export interface NamedField extends FieldVersion {
  readonly name: string;
}

/** When tables code a field: in every schema, only where deltas of walkers begin with their shape, or never. */
type Coded = "always" | "shaped" | "never";

/** What a field's number means, whether tables code it, and whether shapes gave it another layout. */
const FIELDS: readonly { readonly id: number; readonly name: string; readonly coded: Coded; readonly shaped?: true }[] = [
  { id: 1, name: "change", coded: "shaped", shaped: true },
  { id: 2, name: "cell", coded: "never" },
  { id: 3, name: "kind", coded: "never" },
  { id: 4, name: "position", coded: "always", shaped: true },
  { id: 5, name: "velocity", coded: "always", shaped: true },
  { id: 6, name: "heading", coded: "always" },
  { id: 7, name: "rotation", coded: "always" },
  { id: 8, name: "health", coded: "never" },
  { id: 9, name: "action", coded: "never" },
  { id: 10, name: "flags", coded: "never" },
];

/** The fields of a schema with these tables. */
function fieldsWith({ version, shaped }: TableSet): FieldVersion[] {
  return FIELDS.map((field) => {
    const coded = field.coded === "always" || (field.coded === "shaped" && shaped);
    return { id: field.id, layout: shaped && field.shaped ? 2 : 1, tables: coded ? version : 0 };
  });
}

/** Every version of every field that this library reads, as a hello lists them. */
export const KNOWN_FIELDS: readonly FieldVersion[] = TABLE_SETS.flatMap(fieldsWith)
  .filter((field, n, all) => all.findIndex((other) => sameVersion(other, field)) === n)
  .sort((a, b) => a.id - b.id || a.layout - b.layout || a.tables - b.tables);

/** The server's snapshots have a field that this library cannot read. */
export class SchemaMismatch extends Error {
  override readonly name = "SchemaMismatch";

  constructor(field: NamedField) {
    const tables = field.tables === 0 ? "" : ` with tables ${field.tables}`;
    const version = `version ${field.layout}${tables}`;
    super(`the field ${field.name}: snapshots have it in ${version}, which this client does not know`);
  }
}

/** The tables of the schema that a welcome names.
 *
 * @throws SchemaMismatch naming the first field that is not known so. */
export function tablesOf(fields: readonly NamedField[]): TableSet {
  for (const tables of TABLE_SETS) {
    const own = fieldsWith(tables);
    if (own.length === fields.length && own.every((field, n) => sameVersion(field, fields[n]!))) return tables;
  }
  const newest = fieldsWith(TABLE_SETS[0]!);
  const other = fields.find((field) => !newest.some((own) => sameVersion(own, field)));
  throw new SchemaMismatch(other ?? { name: "fields", id: 0, layout: 0, tables: 0 });
}

function sameVersion(a: FieldVersion, b: FieldVersion): boolean {
  return a.id === b.id && a.layout === b.layout && a.tables === b.tables;
}
