// Hand-written policies: found in their folder, split, named and validated strictly before anything is decided with them.
// A problem names the file and the line. A file that somebody else could have written is refused before it is read.

import { hash } from 'node:crypto';
import nodePath from 'node:path';
import {
  policySetTextToParts,
  policyToJson,
  schemaToJson,
  validate,
  type DetailedError,
  type PolicyJson,
  type Schema,
} from '@cedar-policy/cedar-wasm/nodejs';
import { fileRightsProblem, type FileStatus, folderRightsProblem } from '../core/file-rights.ts';
import { plainName } from '../core/identifier.ts';
import { limits } from '../core/limits.ts';
import { scopeOf, type SetPolicy } from './policy-set.ts';
import { cedarSchema, crossingGroup, namespace } from './schema.ts';
import { statementsOf, type Statement } from './statements.ts';

export interface PolicyFile {
  /** Name within the folder. */
  readonly name: string;
  /** Where it was read, for problems; the name where it was not read from a disk. */
  readonly path?: string;
  readonly text: string;
}

export interface PolicyProblem {
  readonly file: string;
  /** From 1; null where the problem has no place in the file. */
  readonly line: number | null;
  readonly message: string;
}

/** The part of `node:fs` that loading needs. */
export interface PolicyFolder {
  readonly realpathSync: (path: string) => string;
  readonly readdirSync: (path: string) => readonly string[];
  readonly statSync: (
    path: string,
  ) => FileStatus & { readonly size: number; readonly isFile: () => boolean; readonly isDirectory: () => boolean };
  readonly readFileSync: (path: string) => Uint8Array;
}

/** One hand-written policy that validated. */
export interface WrittenPolicy extends SetPolicy {
  readonly file: string;
  readonly line: number | null;
  readonly json: PolicyJson;
}

type Loaded = { readonly files: readonly PolicyFile[] } | { readonly problems: readonly PolicyProblem[] };

/** What the file system calls it. */
export const errorCode = (error: unknown): string => (error instanceof Error && 'code' in error ? String(error.code) : 'unknown error');

const readOne = (path: string, name: string, folder: PolicyFolder, userId: number | null): PolicyFile | PolicyProblem => {
  const problem = (message: string): PolicyProblem => ({ file: path, line: null, message });
  const target = folder.realpathSync(path);
  const status = folder.statSync(target);
  if (!status.isFile()) return problem('is not a file');
  const rights =
    fileRightsProblem(target, status, userId) ??
    folderRightsProblem(nodePath.dirname(target), folder.statSync(nodePath.dirname(target)), userId);
  if (rights !== null) return problem(rights);
  const bytes = status.size > limits.policyFileBytes ? null : folder.readFileSync(target);
  if (bytes === null || bytes.length > limits.policyFileBytes) return problem(`is larger than ${limits.policyFileBytes} bytes`);
  try {
    return { name, path: target, text: new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes) };
  } catch {
    return problem('is not UTF-8 text');
  }
};

export interface PolicyFolderWorld {
  readonly files: PolicyFolder;
  readonly userId: number | null;
}

const loadFiles = (path: string, ending: string, { files: folder, userId }: PolicyFolderWorld): Loaded => {
  const whole = (message: string): Loaded => ({ problems: [{ file: path, line: null, message }] });
  try {
    const target = folder.realpathSync(path);
    const status = folder.statSync(target);
    if (!status.isDirectory()) return whole('is not a folder');
    const rights = folderRightsProblem(target, status, userId);
    if (rights !== null) return whole(rights);
    const entries = folder.readdirSync(target).toSorted();
    const inner = entries.find((entry) => folder.statSync(nodePath.join(target, entry)).isDirectory());
    if (inner !== undefined) return whole(`holds the folder ${inner}, whose policies would not be read; move them up`);
    const names = entries.filter((entry) => entry.endsWith(ending));
    if (names.length > limits.policyFilesCount) return whole(`holds more than ${limits.policyFilesCount} files that end in ${ending}`);
    const read = names.map((name) => readOne(nodePath.join(target, name), name, folder, userId));
    const problems = read.filter((each) => 'message' in each);
    return problems.length > 0 ? { problems } : { files: read.filter((each) => 'text' in each) };
  } catch (error) {
    return whole(
      errorCode(error) === 'ENOENT'
        ? 'does not exist, or holds a link that leads nowhere; make the folder, or take `policies` out of the config'
        : `cannot be read (${errorCode(error)})`,
    );
  }
};

/** The `*.cedar` files of the folder at `path`, sorted by name. Other files are ignored; a folder in it is refused, because nobody would read it. */
export const loadPolicyFiles = (path: string, world: PolicyFolderWorld): Loaded => loadFiles(path, '.cedar', world);

/** The tests beside them. */
export const loadPolicyTests = (path: string, world: PolicyFolderWorld): Loaded => loadFiles(path, '.test.json', world);

/** Cedar counts bytes of UTF-8 from 0. */
const lineOf = (text: string, offsetBytes: number): number => {
  const bytes = Buffer.from(text).subarray(0, offsetBytes);
  let line = 1;
  for (let at = bytes.indexOf('\n'); at !== -1; at = bytes.indexOf('\n', at + 1)) line += 1;
  return line;
};

const sentenceOf = (error: DetailedError): string => {
  const message = error.message.replace(/^for policy `[^`]*`, /, '').replace(/^failed to parse policies from string: /, '');
  const label = error.sourceLocations?.[0]?.label ?? null;
  return [message, label, error.help].filter((part) => part !== null && part !== '').join('; ');
};

let parsedSchema: Schema | null = null;

/** The schema in Cedar's own JSON, which it reads in half the time, once for each file. */
const schemaAsJson = (): Schema => {
  if (parsedSchema !== null) return parsedSchema;
  const parsed = schemaToJson(cedarSchema);
  if (parsed.type === 'failure') throw new Error('the Cedar schema does not parse');
  return (parsedSchema = parsed.json);
};

/** Digests of texts that validated. Whether one does depends on nothing but itself: it is asked once, however many sets of rules hold it. */
const validated = new Set<string>();

const remember = (digest: string): void => {
  if (validated.size >= limits.policyTextsValidatedCount) validated.clear();
  validated.add(digest);
};

/** What Cedar's parser and strict validator have against `text`. A policy that can never apply is a problem too: a forbid in it would forbid nothing. */
export const validationProblems = (file: PolicyFile): readonly PolicyProblem[] => {
  const digest = hash('sha256', file.text);
  const problems = validated.has(digest) ? [] : problemsOf(file);
  if (problems.length === 0) remember(digest);
  return problems;
};

const problemsOf = ({ name, path, text }: PolicyFile): readonly PolicyProblem[] => {
  const answer = validate({ schema: schemaAsJson(), policies: { staticPolicies: text } });
  const errors =
    answer.type === 'failure'
      ? answer.errors
      : [...answer.validationErrors, ...answer.validationWarnings].map(({ error }) => error).concat(answer.otherWarnings);
  const problems = errors.map((error) => {
    const start = error.sourceLocations?.[0]?.start;
    return { file: path ?? name, line: start === undefined ? null : lineOf(text, start), message: sentenceOf(error) };
  });
  return eachFactOnce(problems);
};

const missingFact = /^(attribute `\w+`) .*not found/;
const crossingOnly = `write \`action in ${namespace}::Action::"${crossingGroup}"\` for what agents do, or name the action`;

/** A fact that some actions lack is said once, with the way out, and not once for each action. */
const eachFactOnce = (problems: readonly PolicyProblem[]): readonly PolicyProblem[] => {
  const factOf = ({ line, message }: PolicyProblem): string => `${line} ${missingFact.exec(message)?.[1] ?? message}`;
  const facts = Map.groupBy(problems, factOf);
  return [...facts.values()].flatMap(([first, ...others]) => {
    if (first === undefined) return [];
    const lacking = missingFact.exec(first.message)?.[1];
    return lacking === undefined || others.length === 0
      ? [first]
      : [{ ...first, message: `${lacking} is not a fact of every action that the policy is for; ${crossingOnly}` }];
  });
};

const approvalProblem = (effect: string, approval: string | undefined): string | null => {
  if (approval === undefined) return null;
  if (effect !== 'forbid') return '@approval belongs on a forbid: it says that a person can lift it';
  return plainName.test(approval) && approval.length <= limits.labelCharacters
    ? null
    : '@approval needs a name, such as @approval("refund")';
};

/** How ids of policies begin that the config became, and the settings that they come from. */
const compiledPrefixes = { 'role/': 'agent_roles', 'group/': 'identity.groups', 'agent/': 'agents', 'identity/': 'settings of identity' };

const namingProblem = (id: string | undefined): string | null => {
  if (id === undefined) return 'the policy has no @id("…"); records name the policies that decided';
  if (id.length > limits.labelCharacters || !plainName.test(id)) return '@id must be a name of letters, digits and . _ : / @ + -';
  const reserved = Object.entries(compiledPrefixes).find(([prefix]) => id.startsWith(prefix));
  return reserved === undefined ? null : `@id must not begin with ${reserved[0]}, which stands for what ${reserved[1]} say`;
};

const modeProblem = (mode: string | undefined): string | null =>
  mode === undefined || mode === 'observe' ? null : '@mode knows only "observe"; without it the policy is enforced';

export const isTooDeep = ({ depth }: Statement): boolean => depth > limits.policyDepthCount;

const tooDeep =
  'the policy nests or chains more than the engine can follow; write a list, such as `resource in [A, B, C]`, or several policies';

/** The policies of one file, or what is wrong with it. */
export const readPolicyFile = (
  file: PolicyFile,
): { readonly policies: readonly WrittenPolicy[]; readonly problems: readonly PolicyProblem[] } => {
  const statements = statementsOf(file.text);
  // Before anything else: what is too deep for the engine would end it.
  const deep = statements.filter(isTooDeep).map(({ line }) => ({ file: file.path ?? file.name, line, message: tooDeep }));
  if (deep.length > 0) return { policies: [], problems: deep };
  const lines = new Map(statements.map(({ text, line }) => [text, line]));
  const at = (part: string): number | null => lines.get(part) ?? null;
  // First alone: the parser says where a template stands only by refusing it.
  const parts = policySetTextToParts(file.text);
  if (parts.type === 'success' && parts.policy_templates.length > 0) {
    const problems = parts.policy_templates.map((part) => ({
      file: file.path ?? file.name,
      line: at(part),
      message: 'templates are not used here; write the policy out',
    }));
    return { policies: [], problems };
  }
  const invalid = validationProblems(file);
  if (invalid.length > 0) return { policies: [], problems: invalid };
  const unreadable = (line: number | null): PolicyProblem => ({ file: file.path ?? file.name, line, message: 'the policy cannot be read' });
  if (parts.type === 'failure') return { policies: [], problems: [unreadable(null)] };
  const problems: PolicyProblem[] = [];
  const policies = parts.policies.flatMap((text): readonly WrittenPolicy[] => {
    const parsed = policyToJson(text);
    if (parsed.type === 'failure') {
      problems.push(unreadable(at(text)));
      return [];
    }
    const { effect, annotations } = parsed.json;
    const id = annotations?.['id'];
    const approval = annotations?.['approval'];
    const mode = annotations?.['mode'];
    const message = namingProblem(id) ?? approvalProblem(effect, approval) ?? modeProblem(mode);
    const place = { file: file.path ?? file.name, line: at(text) };
    if (message !== null || id === undefined) {
      problems.push({ ...place, message: message ?? '' });
      return [];
    }
    return [{ ...scopeOf(parsed.json), ...place, id, text, effect, approval, observes: mode === 'observe', json: parsed.json }];
  });
  return { policies, problems };
};
