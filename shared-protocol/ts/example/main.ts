// `npm run example`: the example's page for the server that runs on this machine.

import { servePages } from "./pages.js";

const HELP = `Usage: npm run example -- [--data-dir DIR] [--port PORT]

  --data-dir DIR   the data directory of a running bluemarble-server
                   [default: bluemarble-data in the repository's root]
  --port PORT      where the page is, on this machine [default: 8080]`;

const settings = { dataDir: "../../bluemarble-data", port: 8_080 };
const args = process.argv.slice(2);
while (args.length > 0) {
  const [flag, value] = [args.shift(), args.shift()];
  if (flag === "--data-dir" && value !== undefined) settings.dataDir = value;
  else if (flag === "--port" && value !== undefined && /^\d+$/.test(value)) settings.port = Number(value);
  else {
    console.log(HELP);
    process.exit(flag === "--help" || flag === "-h" ? 0 : 2);
  }
}
const pages = await servePages(settings.dataDir, settings.port);
console.log(`open ${pages.url} in a browser that has WebTransport (Chromium, Chrome, Edge, Firefox)`);
