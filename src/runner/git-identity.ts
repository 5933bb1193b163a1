// Name and address that the person commits with, as settings of git for a home that is otherwise empty: nothing else of the person's settings, which can
// name programs. Read from the person's own files where git looks for them, without what these include; nothing where there is none. Never throws.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { GitSetting } from './git-config.ts';
import { readGitConfig } from './git-config.ts';

const members = ['name', 'email'] as const;

/** Later ones win. */
const filesOf = (userHome: string): readonly string[] => [join(userHome, '.config', 'git', 'config'), join(userHome, '.gitconfig')];

const settingsIn = (path: string): readonly GitSetting[] => {
  try {
    // A character a byte, so that whatever the name is written in stays as it is.
    return readGitConfig(readFileSync(path, 'latin1'))?.settings ?? [];
  } catch {
    return [];
  }
};

const quoted = (value: string): string => `"${value.replaceAll(/[\\"]/g, String.raw`\$&`)}"`;

/** In Latin-1, a character a byte. */
export const gitIdentity = (userHome: string): string => {
  const settings = filesOf(userHome).flatMap(settingsIn);
  const lines = members.flatMap((member) => {
    const value = settings.findLast(({ section, key }) => section === 'user' && key === member)?.value ?? '';
    // oxlint-disable-next-line no-control-regex -- no name has one
    return value === '' || /[\u0000-\u001f\u007f]/.test(value) ? [] : [`\t${member} = ${quoted(value)}\n`];
  });
  return lines.length === 0 ? '' : `[user]\n${lines.join('')}`;
};
