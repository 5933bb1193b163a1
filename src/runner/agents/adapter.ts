// What an adapter of a CLI agent is: facts about one program, as data and pure functions. The runner does what they say; nothing here does anything.
// A fact names the version with which it was seen. `sealwright doctor --agent NAME` says which of them still hold for the version that is installed.

import type { AgentClient } from '../../core/principal.ts';
import type { CredentialVariable } from '../agent-environment.ts';

/** The folders of one run. Absolute. */
export interface Place {
  /** Origin of the model door, without a path. */
  readonly modelDoor: string;
  /** Folder of this run alone, not inside a temporary folder. It is empty but for what the adapter keeps. */
  readonly home: string;
  /** Where the agent works. */
  readonly workspace: string;
  /** Whether it runs in a jail, where its own sandbox has no place. */
  readonly jailed: boolean;
  /** Origin of the network door, a proxy, for the tools that it starts; null without one. */
  readonly networkDoor: string | null;
  /** What the doors accept from this agent. */
  readonly credential: string;
  /** Which of the tools that a provider may run by itself the role may use, by canonical name. */
  readonly hostedTools: readonly string[];
}

/** A file of the person or of the workspace that may be carried in. `label` is how a person is told of it. */
export interface CarriedFile {
  readonly label: string;
  readonly text: string;
}

/** What was found of a person's own configuration and may be carried in; read before, bounded, by the runner. */
export interface Carried {
  /** Standing instructions of the workspace, from its root inward. */
  readonly instructions: readonly CarriedFile[];
  /** What the person tells every agent of this kind. */
  readonly memory: CarriedFile | null;
  /** The person's file that lists MCP servers; never one of the workspace. */
  readonly mcpServers: CarriedFile | null;
}

/** How the agent is started. */
export interface Setup {
  /** Beside what every agent gets. */
  readonly environment: Readonly<Record<string, string>>;
  /** Text by path inside the home. Written anew for each run, mode 0600. */
  readonly files: Readonly<Record<string, string>>;
  /** In a jail: files of `/etc` that beat whatever the workspace, the person and its command line say. Text by path. */
  readonly managed: Readonly<Record<string, string>>;
  /** All arguments, those of the person included. */
  readonly argv: readonly string[];
  /** Labels of what was carried in. */
  readonly carried: readonly string[];
}

/** Where the files of an installed agent lie, and by what names they enter its digest. */
export interface AgentFile {
  readonly path: string;
  /** The same on every machine. */
  readonly name: string;
}

/** What an adapter may look at to find the files of its program. */
export interface Look {
  /** The folder and the parsed `package.json` of the nearest package around a file that has one of these names; null without one. */
  readonly packageAround: (path: string, names: readonly string[]) => InstalledPackage | null;
  /** The folder of a package as a file of another one would find it; null where it is not installed. */
  readonly packageFrom: (path: string, name: string) => InstalledPackage | null;
  /** Regular files below a folder, by their paths relative to it, sorted. */
  readonly filesBelow: (folder: string) => readonly string[];
  readonly platform: string;
}

export interface InstalledPackage {
  readonly folder: string;
  readonly version: string;
}

export interface InstalledAgent {
  /** Null where no file says it. */
  readonly version: string | null;
  /** All that runs when the agent runs, but for an interpreter. */
  readonly files: readonly AgentFile[];
}

/** One thing that has to hold, that `doctor --agent` looks at. */
export interface Expectations {
  /** Arguments of a run that answers one prompt and ends. */
  readonly headless: (prompt: string, model: string) => readonly string[];
  /** Arguments of a second run that goes on with the conversation. */
  readonly resumed: (prompt: string, model: string) => readonly string[];
  /** A model name for which it behaves as it does by default. */
  readonly model: string;
  /** The vendor's path of a turn, and how many of them a turn of text makes. */
  readonly path: RegExp;
  /** Its own name of the shell tool with arguments that run `command`. */
  readonly shell: (command: string) => { readonly tool: string; readonly input: Readonly<Record<string, unknown>> };
  /** Exit code of a run whose model request was denied. */
  readonly deniedExit: number;
  /** A workspace that tries to send it elsewhere, to change its settings and to run commands; `trap` is an address, `mark` a file to create. */
  readonly hostileFiles: (trap: string, mark: string) => Readonly<Record<string, string>>;
  /** The file of a workspace from which it takes standing instructions. */
  readonly instructions: string;
}

export interface AgentAdapter {
  readonly client: AgentClient;
  /** As a person calls it. */
  readonly title: string;
  /** Names under which it is installed, the usual one first. */
  readonly programs: readonly string[];
  /** The version with which every fact of the file was seen. */
  readonly seen: string;
  /** An older one is refused: what keeps it inside the envelope does not hold for it. */
  readonly oldest: string;
  readonly installed: (program: string, look: Look) => InstalledAgent;
  readonly setUp: (place: Place, carried: Carried, argv: readonly string[]) => Setup;
  /** Why these arguments of a person would lead round the envelope; null where they would not. */
  readonly objection: (argv: readonly string[]) => string | null;
  /** The one variable that brings it the credential; null where a file does. It gets no other. */
  readonly credentialVariable: CredentialVariable | null;
  /** Paths of the home that hold its conversations and outlive the run: folders end in a slash, and in their paths one `*` may stand for any folder. */
  readonly kept: readonly string[];
  /** Files that hold what may be carried in: below the person's home, and below the workspace. */
  readonly sources: {
    readonly memory: string;
    readonly mcpServers: string | null;
    readonly instructions: readonly string[];
  };
  /** Canonical names of the tools that are its own, by the names that the model has for them. */
  readonly tools: Readonly<Record<string, string>>;
  /** `server/tool` for a tool of an MCP server; null for another. */
  readonly mcpTool: (name: string) => string | null;
  readonly expects: Expectations;
}

/** Files of a package that make the agent, by the name of the package. */
export const namedFiles = (look: Look, name: string, { folder }: InstalledPackage, keep: (path: string) => boolean): readonly AgentFile[] =>
  look
    .filesBelow(folder)
    .filter(keep)
    .map((path) => ({ path: `${folder}/${path}`, name: `${name}/${path}` }));

/** A program that is one file. */
export const oneFile = (path: string): readonly AgentFile[] => [{ path, name: path.slice(path.lastIndexOf('/') + 1) }];

/** The first of these options that stands before `--`, by its name alone or with `=`. */
export const optionAmong = (argv: readonly string[], options: readonly string[]): string | null => {
  const given = beforeEnd(argv);
  return options.find((option) => given.some((argument) => argument === option || argument.startsWith(`${option}=`))) ?? null;
};

/** What the person and the workspace say, as one text in which the workspace's part says where it is from. */
export const standingText = ({ memory, instructions }: Carried): string =>
  [
    ...(memory === null ? [] : [memory.text]),
    ...instructions.map(({ label, text }) => `Instructions of this workspace, from ${label}:\n\n${text}`),
  ].join('\n\n');

/** What stands before `--`. */
export const beforeEnd = (argv: readonly string[]): readonly string[] => {
  const end = argv.indexOf('--');
  return end === -1 ? argv : argv.slice(0, end);
};

/** The first of these commands that the program could take for its own: it stands where a command may, whatever options come before it. */
export const commandAmong = (argv: readonly string[], commands: ReadonlySet<string>): string | null => {
  const given = beforeEnd(argv);
  for (const [index, argument] of given.entries()) {
    if (argument.startsWith('-')) continue;
    if (commands.has(argument)) return argument;
    // What follows an option may be its value, or a command.
    if (!(given[index - 1] ?? '').startsWith('-')) return null;
  }
  return null;
};

/** The MCP servers that a file of the person lists as JSON; null where there are none. Never those of a repository, which would be its programs. */
export const serversIn = (file: CarriedFile | null): object | null => {
  try {
    const { mcpServers } = JSON.parse(file?.text ?? '{}') as { readonly mcpServers?: unknown };
    return typeof mcpServers === 'object' && mcpServers !== null && Object.keys(mcpServers).length > 0 ? mcpServers : null;
  } catch {
    return null;
  }
};

/** How a person is told of memory and instructions. */
export const labelsOf = ({ memory, instructions }: Carried): readonly string[] => [
  ...(memory === null ? [] : [memory.label]),
  ...instructions.map(({ label }) => label),
];
