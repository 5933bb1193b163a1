// What strace(1) wrote of a program and all that it started, as calls: whose, with what, and how they ended. Calls that others came between are put together.
// Processes of a jail are those that descend from the one that was made with a network namespace of its own.

export interface Call {
  readonly pid: number;
  readonly name: string;
  /** All between the brackets, as strace writes it. */
  readonly given: string;
  /** As strace writes it: a number, or `-1 ECODE (WORDS)`. */
  readonly result: string;
}

export const callsIn = (text: string): readonly Call[] => {
  const begun = new Map<string, string>();
  return text.split('\n').flatMap((line) => {
    const [, pid = '', said = ''] = /^(\d+) +(.*)$/.exec(line) ?? [];
    if (said.endsWith(' <unfinished ...>')) {
      begun.set(pid, said.slice(0, -' <unfinished ...>'.length));
      return [];
    }
    const resumed = /^<\.\.\. \w+ resumed>(.*)$/.exec(said)?.[1];
    const whole = resumed === undefined ? said : `${begun.get(pid) ?? ''}${resumed}`;
    const [, name, given = '', result = ''] = /^(\w+)\((.*)\) += (.*)$/.exec(whole) ?? [];
    return name === undefined ? [] : [{ pid: Number(pid), name, given, result }];
  });
};

/** What a call that makes a process answers: its id where strace runs. */
const madeBy = ({ result }: Call): number =>
  Number(/\/\* (\d+) in strace's PID NS \*\//.exec(result)?.[1] ?? /^\d+/.exec(result)?.[0] ?? Number.NaN);

const makesProcess = new Set(['clone', 'clone3', 'fork', 'vfork']);

export const jailedAmong = (calls: readonly Call[]): ReadonlySet<number> => {
  const made = calls.filter(({ name, result }) => makesProcess.has(name) && !result.startsWith('-1'));
  const jailed = new Set(made.filter(({ given }) => given.includes('CLONE_NEWNET')).map(madeBy));
  // A child can be made, and make others, before the call that made it has ended.
  for (let before = -1; before !== jailed.size;) {
    before = jailed.size;
    for (const call of made) if (jailed.has(call.pid)) jailed.add(madeBy(call));
  }
  return jailed;
};

/** `ADDRESS:PORT`, the path of a socket, or null where a call names no place. */
export const placeIn = ({ given }: Call): string | null => {
  const path = /sun_path=(@?"[^"]*")/.exec(given)?.[1];
  if (path !== undefined) return path.replaceAll('"', '');
  const port = /sin6?_port=htons\((\d+)\)/.exec(given)?.[1];
  const address = /inet_addr\("([^"]+)"\)|inet_pton\(AF_INET6, "([^"]+)"/.exec(given);
  return port === undefined || address === null ? null : `${address[1] ?? `[${address[2] ?? ''}]`}:${port}`;
};

const done = ({ result }: Call): boolean => !result.startsWith('-1') || result.includes('EINPROGRESS');
const addressing = new Set(['connect', 'sendto', 'sendmsg', 'sendmmsg']);

/** Where these processes got to: connections that were made or begun, and datagrams that were sent. */
export const placesReached = (calls: readonly Call[]): readonly string[] =>
  calls.flatMap((call) => {
    const place = addressing.has(call.name) && done(call) ? placeIn(call) : null;
    return place === null ? [] : [place];
  });

/** Sockets with a path that these processes made. */
export const socketsMade = (calls: readonly Call[]): readonly string[] =>
  calls.flatMap((call) => {
    const place = call.name === 'bind' && call.result === '0' ? placeIn(call) : null;
    return place === null ? [] : [place];
  });
