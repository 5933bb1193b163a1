// What differs from one run of a CLI agent to the next, whoever started it: by pattern, with what stands in its place. Whatever is not here must be
// the same under `run` as without it. Applied in order.

export const volatile: readonly (readonly [pattern: RegExp, instead: string])[] = [
  // Sessions, messages, threads.
  [/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g, '<id>'],
  // How long it took.
  [/"(?:\w*duration\w*|\w*_ms|\w*Ms|ttft\w*|totalLatency\w*)":\s*\d+(?:\.\d+)?/g, '<duration>'],
  [/"timestamp":\s*"[^"]*"/g, '<time>'],
  // Calls that Gemini CLI names by the time of day.
  [/_\d{13}_\d+/g, '_<call>'],
  // Folders of one run.
  [/\/runs\/\d+-[0-9a-f]{8}-\w{6}\//g, '/runs/<run>/'],
];

export const masked = (text: string): string => volatile.reduce((masking, [pattern, instead]) => masking.replace(pattern, instead), text);

/** The same of screens. */
const onScreens: readonly (readonly [pattern: RegExp, instead: string])[] = [
  // Claude Code: one of many words for being done, and a hint that goes after a while.
  [/✻ \p{L}+ for \d+s/gu, '✻ <done>'],
  [/ +● \w+ · \/effort/g, ''],
  // Codex: how long, and when.
  [/Worked for .*/g, 'Worked for <time>'],
];

export const maskedScreen = (screen: string): string =>
  onScreens.reduce((masking, [pattern, instead]) => masking.replace(pattern, instead), screen);
