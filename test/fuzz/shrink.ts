// Makes an input shorter and plainer for as long as something holds for it: what is left shows what it is about.
// Contract: the result holds if the input did; asks as long as it may go on.

const plainByte = 0x61;
const windowBytesMax = 24;

export const shrink = async (
  input: Uint8Array,
  holds: (candidate: Uint8Array) => Promise<boolean>,
  mayGoOn: () => boolean,
): Promise<Uint8Array> => {
  let best: Buffer = Buffer.from(input);
  const keeps = async (candidate: Buffer): Promise<boolean> => {
    if (!mayGoOn() || !(await holds(candidate))) return false;
    best = candidate;
    return true;
  };
  for (let size = best.length; size >= 1 && mayGoOn(); size = size > 1 ? Math.ceil(size / 2) : 0) {
    for (let end = best.length; end > 0; end -= size) {
      await keeps(Buffer.concat([best.subarray(0, Math.max(0, end - size)), best.subarray(end)]));
    }
  }
  // What belongs together begins and ends anywhere.
  for (let size = Math.min(windowBytesMax, best.length); size >= 1; size--) {
    for (let at = 0; at + size <= best.length && mayGoOn(); at++) {
      while (at + size <= best.length && (await keeps(Buffer.concat([best.subarray(0, at), best.subarray(at + size)]))));
    }
  }
  for (let at = 0; at < best.length && mayGoOn(); at++) {
    if (best[at] === plainByte) continue;
    const plainer = Buffer.from(best);
    plainer[at] = plainByte;
    await keeps(plainer);
  }
  return best;
};
