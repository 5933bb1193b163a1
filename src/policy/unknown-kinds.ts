// Kinds of content that a policy asks for and that no request has: a rule that never applies, or always.
// Pure; looks at the syntax of a validated policy. What is not written as a text beside the fact is not seen.

import { isOpaqueKind } from '../core/opaque.ts';

const fact = 'not_inspected';

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const isFact = (expression: unknown): boolean => isObject(expression) && isObject(expression['.']) && expression['.']['attr'] === fact;

const textsIn = (value: unknown): readonly string[] => {
  if (Array.isArray(value)) return value.flatMap(textsIn);
  if (!isObject(value)) return [];
  return typeof value['Value'] === 'string' ? [value['Value']] : Object.values(value).flatMap(textsIn);
};

/** Each that `conditions` name beside the fact and that is none of the kinds there are. */
export const unknownKinds = (conditions: unknown): readonly string[] => {
  if (Array.isArray(conditions)) return [...new Set(conditions.flatMap(unknownKinds))];
  if (!isObject(conditions)) return [];
  const { left, right } = conditions;
  const asked = isFact(left) ? textsIn(right) : isFact(right) ? textsIn(left) : [];
  return [...new Set([...asked.filter((kind) => !isOpaqueKind(kind)), ...Object.values(conditions).flatMap(unknownKinds)])];
};
