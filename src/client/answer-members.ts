// What may stand in an answer of the envelope, looked at member by member: it may be of another version, or no envelope at all.
// Pure; never throws.

export type Members = { readonly [name: string]: unknown };

export const members = (value: unknown): Members => (typeof value === 'object' && value !== null ? (value as Members) : {});
export const isText = (value: unknown): value is string => typeof value === 'string' && value.length > 0;
export const isCount = (value: unknown): value is number => typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
export const texts = (value: unknown): readonly string[] => (Array.isArray(value) ? value.filter(isText) : []);
