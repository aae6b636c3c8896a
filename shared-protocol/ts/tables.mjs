// `npm run tables`: writes src/table-widths.ts from the vectors that the server's tests export.

import { readFileSync, writeFileSync } from "node:fs";

const { schemas } = JSON.parse(readFileSync(new URL("../vectors/codec.json", import.meta.url), "utf8"));
const row = (widths) => `        [${widths.join(", ")}],\n`;
const codes = (fields) => `      [\n${fields.map(row).join("")}      ],\n`;
const classes = (name, ages) => `    ${name}: [\n${ages.map(codes).join("")}    ],\n`;
const set = ({ tables, walkers, bodies }) =>
  `  {\n    version: ${tables},\n${classes("walkers", walkers)}${classes("bodies", bodies)}  },\n`;
const text = `// The widths of all prefix tables' buckets, as the server has them. \`npm run tables\` writes this file.

import type { TableWidths } from "./tables.js";

/** The newest first. */
export const TABLE_WIDTHS: readonly TableWidths[] = [
${schemas.map(set).join("")}];
`;
writeFileSync(new URL("src/table-widths.ts", import.meta.url), text);
