// Opens a page in the person's browser with the opener of the platform. The address stands in an argument list, so it must hold no secret.
// Best effort: answers whether an opener was started; what becomes of it is for the person to see.

import { spawn } from 'node:child_process';
import { findProgram, type ProgramPlace } from './program-path.ts';

const openers: Partial<Readonly<Record<NodeJS.Platform, string>>> = { darwin: '/usr/bin/open', linux: 'xdg-open' };

export const openBrowser = (url: string, platform: NodeJS.Platform, place: ProgramPlace): boolean => {
  const { env } = place;
  // Without a screen an opener would start a browser in this terminal, or nothing.
  if (platform === 'linux' && !env['DISPLAY'] && !env['WAYLAND_DISPLAY']) return false;
  const opener = openers[platform];
  const program = opener === undefined ? null : findProgram(opener, place);
  if (program === null) return false;
  const child = spawn(program, [url], { env, stdio: 'ignore', detached: true });
  child.on('error', () => undefined);
  child.unref();
  return true;
};
