// The certificate and key that listeners show, read from files and read again when these change, without dropping a connection.
// What cannot be used is a problem at the start; later the old one stays in use and the operator is told, once for each change.

import { readFileSync, statSync } from 'node:fs';
import { createSecureContext } from 'node:tls';
import { limits } from '../core/limits.ts';

export interface TlsFiles {
  /** PEM: the certificate, then those that signed it. */
  readonly certificate: string;
  readonly key: string;
  /** PEM: who signs the certificates that clients must show; absent where none is asked for. */
  readonly client_ca?: string | undefined;
}

export interface SecureMaterial {
  readonly cert: Buffer;
  readonly key: Buffer;
  readonly ca?: Buffer;
}

export interface TlsIdentity {
  readonly current: () => SecureMaterial;
  /** Calls back with each newer one. */
  readonly onRenewed: (listener: (material: SecureMaterial) => void) => void;
  readonly stop: () => void;
}

/** What tells that a file changed without reading it. */
const stateOf = (paths: readonly string[]): string =>
  paths
    .map((path) => {
      const status = statSync(path, { throwIfNoEntry: false });
      return status === undefined ? 'none' : `${status.dev}:${status.ino}:${status.size}:${status.mtimeMs}`;
    })
    .join(' ');

const codeOf = (problem: unknown): string => (problem instanceof Error && 'code' in problem ? String(problem.code) : 'unknown error');

const read = ({ certificate, key, client_ca: clientCa }: TlsFiles): SecureMaterial => {
  const material = {
    cert: readFileSync(certificate),
    key: readFileSync(key),
    ...(clientCa !== undefined && { ca: readFileSync(clientCa) }),
  };
  // Refuses a key that is not the certificate's, and what is no PEM at all.
  createSecureContext(material);
  return material;
};

/** Reads the files, and looks at them every `everyMs` for newer ones. `say` is a line for the operator. */
export const openTlsIdentity = (
  files: TlsFiles,
  say: (line: string) => void,
  everyMs: number = limits.certificateLookMs,
): TlsIdentity | { readonly problem: string } => {
  const paths = [files.certificate, files.key, ...(files.client_ca === undefined ? [] : [files.client_ca])];
  let state = stateOf(paths);
  let material: SecureMaterial;
  try {
    material = read(files);
  } catch (problem) {
    return { problem: `The certificate and key of \`server.tls\` cannot be used (${codeOf(problem)}).` };
  }
  const listeners: ((material: SecureMaterial) => void)[] = [];
  const look = (): void => {
    const found = stateOf(paths);
    if (found === state) return;
    state = found;
    try {
      material = read(files);
    } catch (problem) {
      say(`the new certificate of server.tls cannot be used (${codeOf(problem)}); the old one stays in use`);
      return;
    }
    for (const listener of listeners) listener(material);
    say('the certificate of server.tls was renewed');
  };
  const timer = setInterval(look, everyMs);
  timer.unref();
  return { current: () => material, onRenewed: (listener) => void listeners.push(listener), stop: () => clearInterval(timer) };
};
