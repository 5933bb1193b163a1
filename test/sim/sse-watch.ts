// Reads the events of a released stream as a client would, without sharing code with the envelope's own reader.
// Contract: gives each event once, when its last byte has come; bytes of an unfinished event wait.

export interface SeenEvent {
  readonly data: Readonly<Record<string, unknown>>;
  /** The event by which some formats say that nothing more comes. */
  readonly isDone: boolean;
}

const parse = (block: string): SeenEvent | null => {
  const data = block
    .split(/\r\n|\n/)
    .filter((line) => line.startsWith('data:'))
    .map((line) => line.slice(5).trimStart())
    .join('\n');
  if (data === '[DONE]') return { data: {}, isDone: true };
  try {
    return { data: JSON.parse(data) as SeenEvent['data'], isDone: false };
  } catch {
    return null;
  }
};

/** A function that takes bytes and answers the events that they complete. */
export const createEventWatch = (): ((bytes: Uint8Array) => readonly SeenEvent[]) => {
  const decoder = new TextDecoder();
  let pending = '';
  return (bytes) => {
    pending += decoder.decode(bytes, { stream: true });
    const blocks = pending.split(/\r\n\r\n|\n\n/);
    pending = blocks.pop() ?? '';
    return blocks.flatMap((block) => parse(block) ?? []);
  };
};
