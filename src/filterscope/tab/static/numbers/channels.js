/** What the channels of a layer are called. */

/**
 * @param {{channel_names?: string[]}} header Of a bank.
 * @param {number} channel
 * @returns {string} Its name, or its number where channels have none.
 */
export function channelName(header, channel) {
  const name = header.channel_names?.[channel];
  return typeof name === "string" ? name : `channel ${channel}`;
}

/**
 * Whether channels are the letters of a sequence, such as DNA: taps of these have no frequencies.
 *
 * @param {{channel_names?: string[], complex: boolean}} header Of a bank.
 */
export function isLettered({ channel_names: names, complex }) {
  return Array.isArray(names) && names.length > 0 && !complex && names.every((name) => /^[A-Z]$/.test(name));
}
