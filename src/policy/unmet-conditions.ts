// Which conditions of the config on a tool's arguments a call does not meet, for the one who was refused.
// Asks Cedar for each condition alone, so that what is said is what decided. Decides nothing; a question that errors meets none.

import type { UnmetConditions } from '../core/tool-arguments.ts';
import { entity, policyText } from './cedar-text.ts';
import { givenArguments } from './compile-conditions.ts';
import { type CompiledPolicy, type ConditionalEntry, settingOf } from './compile-roles.ts';
import { createSlice, type Question, type Slice } from './evaluate.ts';
import type { SetPolicy } from './policy-set.ts';
import type { Asked } from './question.ts';
import { argumentsFact } from './schema.ts';

interface Conditional {
  readonly role: string;
  readonly tool: string;
  /** Where its conditions stand. */
  readonly place: string;
  readonly entry: ConditionalEntry;
}

const isCompiled = (policy: SetPolicy): policy is CompiledPolicy => 'source' in policy;

const conditionalIn = (policies: readonly SetPolicy[]): readonly Conditional[] =>
  policies
    .filter(isCompiled)
    .flatMap(({ source }) =>
      source.from === 'role' && source.entry !== undefined
        ? [{ role: source.name, tool: source.value, place: settingOf(source), entry: source.entry }]
        : [],
    );

const plainArgument = /^[A-Za-z_][A-Za-z0-9_-]*$/;

/** Setting of one condition, such as `agent_roles.demo.allowed_tools[1].when.amount`. */
export const conditionPlace = (place: string, argument: string): string =>
  `${place}.when${plainArgument.test(argument) ? `.${argument}` : `[${JSON.stringify(argument)}]`}`;

interface Conditions {
  /** Where each of them stands. */
  readonly settings: readonly string[];
  /** Permits by the name of each that is met. */
  readonly ask: Slice;
}

/** One permit for each condition, named after its place among them. */
const conditionsOf = (entries: readonly Conditional[]): Conditions => {
  const each = entries.flatMap(({ place, entry }) =>
    entry.conditions.map(({ argument, cedar }) => ({ setting: conditionPlace(place, argument), cedar })),
  );
  const policies = each.map(({ cedar }, index) => ({
    id: String(index),
    approval: undefined,
    text: policyText({
      id: String(index),
      effect: 'permit',
      principal: 'principal',
      action: `action == ${entity('Action', 'callTool')}`,
      resource: 'resource',
      when: [givenArguments, cedar],
    }),
  }));
  return { settings: each.map(({ setting }) => setting), ask: createSlice(policies) };
};

/** What a call of a tool with conditions does not meet of them; null where the config has none for the tool. */
export const createUnmet = (policies: readonly SetPolicy[]): ((asked: Asked, question: Question) => UnmetConditions | null) => {
  const conditional = conditionalIn(policies);
  const made = new Map<string, Conditions>();
  return ({ action, role, resource }, question) => {
    const entries = action === 'callTool' ? conditional.filter((each) => each.role === role && each.tool === resource.id) : [];
    if (entries.length === 0) return null;
    const name = JSON.stringify([role, resource.id]);
    const { settings, ask } = made.get(name) ?? conditionsOf(entries);
    made.set(name, { settings, ask });
    if (!Object.hasOwn(question.context, argumentsFact)) return { unreadable: true, settings };
    const found = ask(question);
    const met = new Set(found.found === 'permit' ? found.ids : []);
    return { unreadable: false, settings: settings.filter((_, index) => !met.has(String(index))) };
  };
};
