// Cedar as text: how entities and compiled policies are written, and how an entity that was written is read back.
// Pure. What is compiled is validated afterwards like any other policy.

import { namespace } from './schema.ts';

export interface EntityId {
  readonly type: string;
  readonly id: string;
}

export const uid = (type: string, id: string): EntityId => ({ type: `${namespace}::${type}`, id });
export const written = ({ type, id }: EntityId): string => `${type}::${JSON.stringify(id)}`;
export const entity = (type: string, id: string): string => written(uid(type, id));
export const entities = (type: string, ids: readonly string[]): string => `[${ids.map((id) => entity(type, id)).join(', ')}]`;

const form = /^([A-Za-z_]\w*(?:::[A-Za-z_]\w*)*)::("(?:[^"\\]|\\.)*")$/;

/** The entity that `written` wrote; null for anything else. */
export const entityIn = (text: unknown): EntityId | null => {
  const [, type, quoted] = (typeof text === 'string' ? form.exec(text) : null) ?? [];
  if (type === undefined || quoted === undefined) return null;
  try {
    const id: unknown = JSON.parse(quoted);
    return typeof id === 'string' ? { type, id } : null;
  } catch {
    return null;
  }
};

// What a person may write into a config is more than an id: all that is not plain is written as its code point, which no reading ends early.
const escaped = (text: string): string =>
  text.replaceAll(/[\\"]/g, '\\$&').replaceAll(/[^ -~\p{L}\p{N}]/gu, (character) => `\\u{${character.codePointAt(0)?.toString(16)}}`);

/** A text that means exactly `text`. */
export const textLiteral = (text: string): string => `"${escaped(text)}"`;

/** A pattern for `like`: the parts as they are, and whatever it may be between them. */
export const patternLiteral = (parts: readonly string[]): string =>
  `"${parts.map((part) => escaped(part).replaceAll('*', '\\*')).join('*')}"`;

export interface PolicyParts {
  readonly id: string;
  readonly effect: 'permit' | 'forbid';
  readonly approval?: string;
  /** Scope, such as `principal in Sealwright::Role::"demo"`. */
  readonly principal: string;
  readonly action: string;
  readonly resource: string;
  /** One condition, or several that must all hold. */
  readonly when?: string | readonly string[];
  readonly unless?: string;
}

const clause = (condition: string | readonly string[]): string =>
  typeof condition === 'string' ? `when { ${condition} }` : `when {\n  ${condition.join(' &&\n  ')}\n}`;

export const policyText = ({ id, effect, approval, principal, action, resource, when, unless }: PolicyParts): string =>
  [
    `@id(${JSON.stringify(id)})`,
    ...(approval === undefined ? [] : [`@approval(${JSON.stringify(approval)})`]),
    `${effect} (`,
    `  ${principal},`,
    `  ${action},`,
    `  ${resource}`,
    ')',
    ...(when === undefined ? [] : [clause(when)]),
    ...(unless === undefined ? [] : [`unless { ${unless} }`]),
  ].join('\n') + ';';
