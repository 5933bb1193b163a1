// Lists that are longer than a record holds: the whole list goes into a manifest beside the ledger, the record keeps the first entries,
// how many it left out, and the digest of the manifest. A manifest that cannot be kept leaves its digest out, never the count.

import { canonicalJson, type Json } from '../core/canonical-json.ts';
import { limits } from '../core/limits.ts';

type JsonObject = { readonly [name: string]: Json };

/** Keeps the bytes durably under their digest and answers `sha256:HEX`; null when it cannot. */
export type KeepManifest = (bytes: Uint8Array) => Promise<string | null>;

const isObject = (value: Json | undefined): value is JsonObject => typeof value === 'object' && value !== null && !Array.isArray(value);

/** The lists directly in `facts` and one level below it, by their dotted names. */
const longLists = (facts: JsonObject): readonly (readonly [string, readonly Json[]])[] =>
  Object.entries(facts).flatMap(([name, value]) => {
    const inside = isObject(value)
      ? Object.entries(value).map(([inner, list]) => [`${name}.${inner}`, list] as const)
      : [[name, value] as const];
    return inside.flatMap(([path, list]) =>
      Array.isArray(list) && list.length > limits.listInRecordCount ? [[path, list as readonly Json[]] as const] : [],
    );
  });

/** Null for what a hostile runner nested too deep, or what JSON cannot say. */
const bytesOf = (list: readonly Json[]): Uint8Array | null => {
  try {
    return Buffer.from(canonicalJson(list));
  } catch {
    return null;
  }
};

/** Members that say what the record leaves out of `facts`; none where it leaves nothing out. `already` is what the reporter left out itself. */
export const manifestsOf = async (facts: JsonObject, keep: KeepManifest): Promise<JsonObject> => {
  const already = isObject(facts['truncated']) ? facts['truncated'] : {};
  const truncated: Record<string, Json> = { ...already };
  const manifests: Record<string, string> = {};
  for (const [name, list] of longLists(facts)) {
    const before = already[name];
    truncated[name] = list.length - limits.listInRecordCount + (typeof before === 'number' ? before : 0);
    const bytes = bytesOf(list);
    const digest = bytes === null ? null : await keep(bytes);
    if (digest !== null) manifests[name] = digest;
  }
  return Object.keys(truncated).length === 0 ? {} : { truncated, manifests };
};
