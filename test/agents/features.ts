// Which rows of the table of wire formats the runs of the CLI agents stand for: each by the title of the test that shows it.
// Throws on a title that no test of that CLI has, so that the table says nothing that is not run.

import { readFileSync } from 'node:fs';
import type { FeatureName } from '../clients/feature.ts';
import type { CliName } from './clis.ts';

interface Shown {
  readonly feature: FeatureName;
  readonly title: string;
  /** Streamed where it is not said: these agents ask for nothing else in a turn of their own. */
  readonly whole?: true;
}

export interface CliFeature extends Shown {
  readonly cli: CliName;
}

const TEXT = 'a turn of text is one request, passes as it was sent, and is printed';
const SERVER = 'tools of a server that the person connects are read, judged by their names, and answer';
const SEARCH = 'a search that the provider would run is one tool, where it is called and where the provider is asked';
const CLAUDE_THINKING = 'signed thinking, parallel calls, a failed one and a conversation that goes on are recorded';
const CLAUDE_MEDIA = 'an image and a PDF that a tool brings are noted as what nobody could inspect';
const CODEX_THINKING = 'encrypted reasoning, parallel calls and a conversation that goes on are recorded';
const GEMINI_THINKING = 'signed thoughts, parallel calls, a failed one and a conversation that goes on are recorded';
const GEMINI_IMAGE = 'an image that a tool brings is counted first, and noted as what nobody could inspect';

const shown: Readonly<Record<CliName, readonly Shown[]>> = {
  'claude-code': [
    { feature: 'text', title: TEXT },
    { feature: 'system prompt', title: 'what came from the person, the workspace, the model and the tools is told apart' },
    { feature: 'tools', title: SERVER },
    { feature: 'parallel tools', title: CLAUDE_THINKING },
    { feature: 'tool results', title: 'a tool that the role may use is run, and what came of it settles the crossing' },
    { feature: 'several turns', title: CLAUDE_THINKING },
    { feature: 'thinking', title: CLAUDE_THINKING },
    { feature: 'images', title: CLAUDE_MEDIA },
    { feature: 'documents', title: CLAUDE_MEDIA },
    { feature: 'hosted tools', title: SEARCH },
    { feature: 'compaction', title: 'a conversation that is summed up is so by a request like any other' },
    {
      feature: 'model list',
      title: 'in its gateway mode it lists the models of the role, and tools that it defers are judged when they are called',
    },
    {
      feature: 'error of the provider',
      title: 'what the provider says about its own trouble passes through, and each repetition is a crossing',
    },
  ],
  codex: [
    { feature: 'text', title: TEXT },
    { feature: 'system prompt', title: 'what came from the person, the workspace, the model and the tools is told apart' },
    { feature: 'tools', title: SERVER },
    { feature: 'parallel tools', title: CODEX_THINKING },
    { feature: 'tool results', title: 'a program that the role may use is run, recorded as not inspected, and settled by what came of it' },
    { feature: 'several turns', title: CODEX_THINKING },
    { feature: 'thinking', title: CODEX_THINKING },
    { feature: 'structured output', title: 'an answer in a form that the person gave is asked for in that form' },
    { feature: 'images', title: 'images, from the person and from a tool, are noted as what nobody could inspect' },
    {
      feature: 'hosted tools',
      title: 'a search that the provider would run is offered where the role may use it; else it is denied by its name, once',
    },
    { feature: 'compaction', title: 'a conversation that grew too long is summed up by a request like any other' },
  ],
  'gemini-cli': [
    { feature: 'text', title: TEXT },
    { feature: 'system prompt', title: 'what came from the person, the workspace, the model and the tools is told apart' },
    { feature: 'tools', title: SERVER },
    { feature: 'parallel tools', title: GEMINI_THINKING },
    { feature: 'tool results', title: 'a tool that the role may use is run, and what came of it settles the crossing' },
    { feature: 'several turns', title: GEMINI_THINKING },
    { feature: 'thinking', title: GEMINI_THINKING },
    { feature: 'structured output', title: 'without a model of its own choice it asks a small one first which to take', whole: true },
    { feature: 'images', title: GEMINI_IMAGE },
    { feature: 'token counts', title: GEMINI_IMAGE, whole: true },
    { feature: 'hosted tools', title: SEARCH, whole: true },
  ],
};

const titlesIn = (cli: CliName): ReadonlySet<string> => {
  const text = readFileSync(new URL(`./${cli}.test.ts`, import.meta.url), 'utf8');
  return new Set(
    [...text.matchAll(/^test\(\s*'(?:G-[A-Z]+-\d+(?:, )?)*(?:: )?(.*)',?/gm)].map(([, title = '']) => title.split("', {")[0] ?? ''),
  );
};

export const cliFeatures = (): readonly CliFeature[] =>
  (Object.keys(shown) as CliName[]).flatMap((cli) => {
    const titles = titlesIn(cli);
    return shown[cli].map((each) => {
      if (!titles.has(each.title)) throw new Error(`no test of ${cli} is called: ${each.title}`);
      return { ...each, cli };
    });
  });
