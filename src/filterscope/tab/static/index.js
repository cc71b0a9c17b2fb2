/** Entry point of TensorBoard's Filters tab: TensorBoard imports this module in an iframe and calls `render`. */

import { fetchLayers, fetchOverview } from "./data/api.js";
import { readAddress } from "./page/host.js";
import { leadsToLayer } from "./page/link.js";

/** In this order: narrow screens have the last word. */
const STYLES = [
  "page/style.css",
  "panels/sidebar.css",
  "panels/toolbar.css",
  "panels/find.css",
  "panels/messages.css",
  "views/grid.css",
  "panels/detail.css",
  "panels/passes.css",
  "panels/transport.css",
  "panels/scrubber.css",
  "panels/overview.css",
  "panels/glossary.css",
  "page/narrow.css",
];

export async function render() {
  // The list of layers is on its way while the rest of the modules come.
  const layers = fetchLayers();
  layers.catch(() => {});
  // So is what happened in the run, unless the address leads to a layer: that comes first then.
  const address = readAddress();
  const likely = address.get("run") || null;
  const overview = leadsToLayer(address) ? null : fetchOverview({ likely }, address.get("scalar") ?? null);
  overview?.catch(() => {});
  document.documentElement.lang = "en";
  document.title = "Filters";
  const styled = STYLES.map(addStyle);
  const [{ App }, { followTheme }] = await Promise.all([import("./page/app.js"), import("./page/theme.js")]);
  const app = new App();
  followTheme(() => app.schedule());
  // Sizes are measured: without its style sheets the page has others.
  await Promise.all(styled);
  document.body.append(app.element);
  app.start(layers, overview);
}

function addStyle(name) {
  const link = document.createElement("link");
  Object.assign(link, { rel: "stylesheet", href: new URL(name, import.meta.url).href });
  const settled = new Promise((resolve) => {
    link.addEventListener("load", resolve);
    link.addEventListener("error", resolve);
  });
  document.head.append(link);
  return settled;
}
