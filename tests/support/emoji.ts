/** One emoji of each kind that is recommended for general interchange, by what it shows (UTS #51). */
export const EMOJI = {
  // One character, with a selector, and with a skin tone.
  grin: "\u{1F600}",
  heart: "\u2764\uFE0F",
  finger: "\u261D\u{1F3FB}",
  keyCap: "1\uFE0F\u20E3",
  // Of two letters, and of tags.
  france: "\u{1F1EB}\u{1F1F7}",
  england: "\u{1F3F4}\u{E0067}\u{E0062}\u{E0065}\u{E006E}\u{E0067}\u{E007F}",
  // Joined.
  family: "\u{1F468}\u200D\u{1F469}\u200D\u{1F467}",
  couple: "\u{1F469}\u200D\u2764\uFE0F\u200D\u{1F468}",
  rainbow: "\u{1F3F3}\uFE0F\u200D\u{1F308}",
  detective: "\u{1F575}\u{1F3FB}\u200D\u2642\uFE0F",
  brokenChain: "\u26D3\uFE0F\u200D\u{1F4A5}",
} as const;
