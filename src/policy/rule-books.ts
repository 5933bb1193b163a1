// The sets of rules that commands ask: of a config and a folder, of a release that was kept, of the last release with other policies.
// Reads through what is passed in. A folder, file or release that cannot be used is a problem with its place, never an exception.

import type { RuleBook } from '../core/rules.ts';
import {
  errorCode,
  loadPolicyFiles,
  loadPolicyTests,
  type PolicyFile,
  type PolicyFolderWorld,
  type PolicyProblem,
} from './policy-files.ts';
import { exportForCedar, runPolicyTests, type TestReport } from './policy-tests.ts';
import { createRuleBook, keptSettings, ruleBookOfRelease } from './rule-book.ts';
import { compileRules, type PolicySettings, type Rules } from './rules.ts';

export interface RuleBookParts {
  readonly folders: PolicyFolderWorld;
  /** Digest of the release that was last active; null where none is marked. Throws where the mark cannot be read. */
  readonly lastRelease: (releases: string) => string | null;
  /** Content of a kept release, and whether it still has its digest; null where it is not there. Throws where it cannot be read. */
  readonly keptRelease: (releases: string, digest: string) => { readonly bytes: Uint8Array; readonly isWhole: boolean } | null;
}

type Problems = { readonly problems: readonly PolicyProblem[] };

interface Configured {
  readonly config: PolicySettings;
}

export interface RuleBooks {
  readonly ofConfig: (configured: Configured, folder: string | null) => RuleBook | Problems;
  readonly ofRelease: (releases: string, digest: string) => RuleBook | { readonly problem: string; readonly missing: boolean };
  readonly ofLastRelease: (releases: string, folder: string) => RuleBook | Problems;
  readonly lastInForce: (releases: string) => RuleBook | { readonly problem: string };
  readonly test: (configured: Configured, folder: string) => TestReport | Problems;
  readonly exported: (configured: Configured, folder: string) => ReadonlyMap<string, string> | Problems;
}

const unmarked = { problem: 'no release is marked as the active one there' };

/** What `read` finds, or why it cannot be read. */
const reading = <T>(what: string, read: () => T): T | { readonly problem: string } => {
  try {
    return read();
  } catch (error) {
    return { problem: `${what} cannot be read (${errorCode(error)})` };
  }
};

export const createRuleBooks = ({ folders, lastRelease, keptRelease }: RuleBookParts): RuleBooks => {
  const rulesOf = (settings: PolicySettings, folder: string | null): Rules | Problems => {
    const read = folder === null ? { files: [] } : loadPolicyFiles(folder, folders);
    return 'problems' in read ? read : compileRules(settings, read.files);
  };
  const bookOf = (settings: PolicySettings, folder: string | null): RuleBook | Problems => {
    const rules = rulesOf(settings, folder);
    return 'problems' in rules ? rules : createRuleBook(settings, rules);
  };
  const contentOf = (releases: string, digest: string): Uint8Array | { readonly problem: string; readonly missing: boolean } => {
    const kept = reading('the kept release', () => keptRelease(releases, digest));
    if (kept === null) return { problem: 'its release is not kept here', missing: true };
    if ('problem' in kept) return { ...kept, missing: false };
    return kept.isWhole ? kept.bytes : { problem: 'the kept release is not what it was when it was kept', missing: false };
  };
  const lastContent = (releases: string): Uint8Array | { readonly problem: string } => {
    const digest = reading('the mark of the active release', () => lastRelease(releases)) ?? unmarked;
    return typeof digest === 'string' ? contentOf(releases, digest) : digest;
  };
  const withTests = <T>(
    settings: PolicySettings,
    folder: string,
    then: (rules: Rules, files: readonly PolicyFile[]) => T,
  ): T | Problems => {
    const rules = rulesOf(settings, folder);
    if ('problems' in rules) return rules;
    const read = loadPolicyTests(folder, folders);
    return 'problems' in read ? read : then(rules, read.files);
  };
  return {
    ofConfig: ({ config }, folder) => bookOf(config, folder),
    ofRelease: (releases, digest) => {
      const content = contentOf(releases, digest);
      if ('problem' in content) return content;
      const book = ruleBookOfRelease(content);
      return 'problem' in book ? { ...book, missing: false } : book;
    },
    lastInForce: (releases) => {
      const content = lastContent(releases);
      return 'problem' in content ? content : ruleBookOfRelease(content);
    },
    ofLastRelease: (releases, folder) => {
      const content = lastContent(releases);
      const settings = 'problem' in content ? content : keptSettings(content);
      return 'problem' in settings ? { problems: [{ file: releases, line: null, message: settings.problem }] } : bookOf(settings, folder);
    },
    test: ({ config }, folder) => withTests(config, folder, runPolicyTests),
    exported: ({ config }, folder) => withTests(config, folder, exportForCedar),
  };
};
