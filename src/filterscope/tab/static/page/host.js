/** What TensorBoard's page does for the tab that lives in its iframe: the address bar, and word of a reload.
 *
 * TensorBoard keeps `p.<plugin>.<key>` in the fragment of its address for plugins, over reloads and changes of tab. */

const PREFIX = "p.filterscope.";

/** The window whose address the user sees; our own where that one belongs to another origin. */
function addressWindow() {
  try {
    void window.parent.location.hash;
    return window.parent;
  } catch {
    return window;
  }
}

function fragment() {
  return addressWindow()
    .location.hash.replace(/^#/, "")
    .split("&")
    .filter((part) => part !== "");
}

function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** Our keys and values in the address. */
export function readAddress() {
  const found = new Map();
  for (const part of fragment()) {
    const [name, ...value] = part.split("=");
    const key = decoded(name);
    if (key.startsWith(PREFIX)) found.set(key.slice(PREFIX.length), decoded(value.join("=")));
  }
  return found;
}

/** Put our keys and values into the address, in place: no entry in the history for every epoch. */
export function writeAddress(entries) {
  const others = fragment().filter((part) => !decoded(part.split("=")[0]).startsWith(PREFIX));
  const ours = [...entries].map(([key, value]) => `${encodeURIComponent(PREFIX + key)}=${encodeURIComponent(value)}`);
  const target = addressWindow();
  const { pathname, search, hash: before } = target.location;
  const hash = `#${[...others, ...ours].join("&")}`;
  if (hash === before) return;
  try {
    // A fragment alone would be taken from the page's <base>, which TensorBoard sets for the tab.
    target.history.replaceState(target.history.state, "", `${pathname}${search}${hash}`);
  } catch {
    // Browsers refuse when it happens too often; the next write brings it up to date.
  }
}

/** Copy the address; false where the browser does not let us. */
export async function copyAddress() {
  try {
    await navigator.clipboard.writeText(addressWindow().location.href);
    return true;
  } catch {
    return false;
  }
}

/** Call back when another link into the tab is followed, or the user goes back. */
export function onAddress(callback) {
  addressWindow().addEventListener("hashchange", callback);
}

/** Call back when TensorBoard reloads its data. Its protocol is experimental: without it, polling does. */
export function onReload(callback) {
  if (window.parent === window) return;
  const { port1, port2 } = new MessageChannel();
  port1.onmessage = ({ data }) => {
    let message;
    try {
      message = JSON.parse(data);
    } catch {
      return;
    }
    if (message.isReply) return;
    if (message.type === "experimental.DataReloaded") callback();
    port1.postMessage(
      JSON.stringify({ type: message.type, id: message.id, payload: null, error: null, isReply: true }),
    );
  };
  window.parent.postMessage("experimental.bootstrap", "*", [port2]);
}

/** Have keys work at once, unless the user is typing in TensorBoard. */
export function takeFocus() {
  try {
    if (window.parent.document.activeElement?.matches("input, textarea")) return;
  } catch {
    return;
  }
  window.focus();
}
