// What has to hold of a CLI agent for the envelope to hold it, each fact tried on the program that is installed: against an envelope of its own
// whose model is simulated. Says of each fact whether it still holds, and what was seen instead. Runs, files and records come in as arguments.

import { occurrences, textOf, type RecordMembers } from './examined-records.ts';
import type { AgentAdapter } from './agents/adapter.ts';

export interface ExaminedRun {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
  /** Of this run alone. */
  readonly records: readonly RecordMembers[];
}

export interface ExaminationStage {
  /** The workspace anew, with these files. */
  readonly lay: (files: Readonly<Record<string, string>>) => void;
  /** Starts the agent under `run` in a role: `worker` may use the shell tool, `bare` no tool. */
  readonly run: (role: 'worker' | 'bare', argv: readonly string[]) => Promise<ExaminedRun>;
  /** A file of the workspace; null when it is not there. */
  readonly read: (path: string) => string | null;
  /** An address where nobody should come, and how often somebody came. */
  readonly trap: { readonly origin: string; readonly visits: () => number };
  /** A file outside the workspace that nobody should make. */
  readonly mark: { readonly path: string; readonly made: () => boolean };
  /** What runs left behind of their own folders. */
  readonly leftovers: () => readonly string[];
}

export interface FactFound {
  /** Stable name. */
  readonly fact: string;
  readonly says: string;
  readonly holds: boolean;
  /** What was seen where it does not hold. */
  readonly seen: string;
}

interface Trial {
  readonly fact: string;
  readonly says: string;
  /** Empty where it holds, else what was seen. */
  readonly attempt: (adapter: AgentAdapter, stage: ExaminationStage) => Promise<string>;
}

/** A model that the envelope of the examination has and no role may call. */
export const deniedModel = 'model-of-nobody';

const shownCharacters = 300;
const shown = ({ exitCode, stdout, stderr }: ExaminedRun): string => {
  const said = `${stdout} ${stderr}`.replaceAll(/\s+/g, ' ').trim();
  return `exit code ${exitCode}${said === '' ? '' : `, and it said: ${said.slice(0, shownCharacters)}`}`;
};

/** The first complaint that is not empty. */
const first = (...complaints: readonly (string | false)[]): string =>
  complaints.find((complaint) => complaint !== false && complaint !== '') || '';

const ofModel = ({ records }: ExaminedRun, kind: string): readonly RecordMembers[] =>
  records.filter((record) => record['stream'] === 'model' && record['kind'] === kind);
const ofTools = ({ records }: ExaminedRun, kind: string): readonly RecordMembers[] =>
  records.filter((record) => record['action_type'] === 'tool_call' && record['kind'] === kind);

const environmentFile = 'environment-of-a-tool';
const shellPrompt = ({ expects }: AgentAdapter, command: string): string => {
  const { tool, input } = expects.shell(command);
  return `call ${tool} with ${JSON.stringify(input)}`;
};

const worker = (adapter: AgentAdapter, stage: ExaminationStage, prompt: string, model = adapter.expects.model): Promise<ExaminedRun> =>
  stage.run('worker', adapter.expects.headless(prompt, model));

const answers: Trial['attempt'] = async (adapter, stage) => {
  stage.lay({});
  const ran = await worker(adapter, stage, 'say hello');
  const outcomes = ofModel(ran, 'outcome');
  return first(
    (ran.exitCode !== 0 || !ran.stdout.trim().startsWith('[simulated]')) && shown(ran),
    outcomes.length !== 1 && `${outcomes.length} model requests for one turn of text`,
    outcomes.some((outcome) => outcome['success'] !== true) && 'a model request failed',
  );
};

const identified: Trial['attempt'] = async (adapter, stage) => {
  const [opened] = (await worker(adapter, stage, 'say hello')).records.filter(({ kind }) => kind === 'opened');
  return first(
    typeof opened?.['agent_version'] !== 'string' && 'no file says its version',
    typeof opened?.['agent_digest'] !== 'string' && 'its files have no digest',
  );
};

const toolNames: Trial['attempt'] = async (adapter, stage) => {
  const offered = ofModel(await worker(adapter, stage, 'say hello'), 'decision').flatMap((record) => record['tools_offered'] ?? []);
  const unknown = offered.filter((name): name is string => typeof name === 'string' && !name.includes('/'));
  return first(offered.length === 0 && 'it offers no tool', unknown.length > 0 && `no canonical name for ${unknown.join(', ')}`);
};

const shell: Trial['attempt'] = async (adapter, stage) => {
  stage.lay({});
  const ran = await worker(adapter, stage, shellPrompt(adapter, `env > ${environmentFile}`));
  const [decision] = ofTools(ran, 'decision');
  const [outcome] = ofTools(ran, 'outcome');
  const judged = textOf(decision, 'tool', 'name');
  return first(
    stage.read(environmentFile) === null && `the command did not run: ${shown(ran)}`,
    judged !== 'builtin/shell' && `the tool was judged as ${judged ?? 'nothing'}`,
    outcome?.['success'] !== true && 'no result of the call came back',
  );
};

const credential: Trial['attempt'] = async (adapter, stage) => {
  stage.lay({});
  await worker(adapter, stage, shellPrompt(adapter, `env > ${environmentFile}`));
  const environment = stage.read(environmentFile);
  if (environment === null) return 'the shell tool did not run';
  return /sw_[A-Za-z0-9_-]{43}/.test(environment) ? 'the environment of a tool holds the credential of the invocation' : '';
};

const modelDenied: Trial['attempt'] = async (adapter, stage) => {
  stage.lay({});
  const ran = await worker(adapter, stage, 'say hello', deniedModel);
  const denials = ofModel(ran, 'decision').filter((record) => record['denial'] === 'model_not_permitted');
  const times = occurrences(`${ran.stdout}${ran.stderr}`, `may not call the model ${deniedModel}`);
  return first(
    denials.length !== 1 && `it was asked for ${denials.length} times`,
    times < 1 && `our sentence is not shown: ${shown(ran)}`,
    ran.exitCode !== adapter.expects.deniedExit && `exit code ${ran.exitCode}, not ${adapter.expects.deniedExit}`,
  );
};

const toolDenied: Trial['attempt'] = async (adapter, stage) => {
  stage.lay({});
  const ran = await stage.run('bare', adapter.expects.headless(shellPrompt(adapter, 'touch made'), adapter.expects.model));
  const times = occurrences(ran.stdout, 'may not use the tool builtin/shell');
  return first(
    stage.read('made') !== null && 'the refused command ran',
    times !== 1 && `our sentence is shown ${times} times: ${shown(ran)}`,
    ran.exitCode !== 1 && `exit code ${ran.exitCode}, not 1`,
  );
};

const workspace: Trial['attempt'] = async (adapter, stage) => {
  stage.lay(adapter.expects.hostileFiles(stage.trap.origin, stage.mark.path));
  const ran = await worker(adapter, stage, 'say hello');
  return first(
    stage.trap.visits() > 0 && 'it went to the address that the workspace named',
    stage.mark.made() && 'a command of the workspace ran',
    (ran.exitCode !== 0 || ofModel(ran, 'outcome').length !== 1) && `it did not work as it does elsewhere: ${shown(ran)}`,
  );
};

const instructions: Trial['attempt'] = async ({ expects, ...adapter }, stage) => {
  const said = 'Standing instructions that the examination put here. '.repeat(200);
  const tokens = async (files: Readonly<Record<string, string>>): Promise<number> => {
    stage.lay(files);
    const [outcome] = ofModel(await worker({ ...adapter, expects }, stage, 'say hello'), 'outcome');
    return Number(outcome?.['input_token_count'] ?? 0);
  };
  const [without, with_] = [await tokens({}), await tokens({ [expects.instructions]: said })];
  // The simulated model counts a unit for four bytes.
  return with_ - without < said.length / 8 ? `the text of ${expects.instructions} does not reach the model` : '';
};

const resumes: Trial['attempt'] = async (adapter, stage) => {
  stage.lay({});
  const said = `remember ${'this and that, '.repeat(200)}`;
  const begun = ofModel(await worker(adapter, stage, said), 'outcome')[0];
  const again = await stage.run('worker', adapter.expects.resumed('and now?', adapter.expects.model));
  const gone = ofModel(again, 'outcome')[0];
  const grew = Number(gone?.['input_token_count'] ?? 0) > Number(begun?.['input_token_count'] ?? 0);
  return again.exitCode === 0 && grew ? '' : `the second run does not know of the first: ${shown(again)}`;
};

const leaves: Trial['attempt'] = async (_adapter, stage) => stage.leftovers().join(', ');

const trials: readonly Trial[] = [
  { fact: 'answers', says: 'answers a prompt by one request through the model door and prints the answer alone', attempt: answers },
  { fact: 'identified', says: 'its version and the digest of its files are found', attempt: identified },
  { fact: 'tool_names', says: 'every tool that it offers has a canonical name', attempt: toolNames },
  { fact: 'shell', says: 'its shell tool is decided before it runs, and its result comes back', attempt: shell },
  { fact: 'credential', says: 'its tools do not get the credential by their environment', attempt: credential },
  {
    fact: 'model_denied',
    says: 'a denied model is asked for once, our sentence is shown, and the exit code says so',
    attempt: modelDenied,
  },
  { fact: 'tool_denied', says: 'a denied tool does not run, our sentence is shown once, and `run` ends with 1', attempt: toolDenied },
  { fact: 'workspace', says: 'a hostile workspace changes no address, runs no command and opens no server', attempt: workspace },
  { fact: 'instructions', says: 'the standing instructions of the workspace reach the model', attempt: instructions },
  { fact: 'resumes', says: 'a second run goes on with the conversation of the first', attempt: resumes },
  { fact: 'leaves', says: 'of a run nothing stays but its conversation', attempt: leaves },
];

export const trialsCount = trials.length;

/** Tries one fact after the other. */
export async function* examineAgent(adapter: AgentAdapter, stage: ExaminationStage): AsyncGenerator<FactFound> {
  for (const { fact, says, attempt } of trials) {
    const seen = await attempt(adapter, stage);
    yield { fact, says, holds: seen === '', seen };
  }
}
