// What the walks of all formats note of what could not be inspected: each thing once for the record, its kinds for policies,
// and in which part of the conversation it stands, where that part can be taken out.
// Pure; nothing here fails. What is noted is bounded, and of the kinds none is lost by that.

import { limits } from '../core/limits.ts';
import type { NotInspected, Opaque, OpaqueContent, OpaqueKind, OpaquePart } from '../core/opaque.ts';
import type { JsonNode } from './json.ts';
import { inPlaceOf, passageOf } from './passages.ts';

/** Kinds by the names under which formats have such content, and by why it was not inspected. */
const kindNames: ReadonlyMap<string, OpaqueKind> = new Map(
  (
    [
      ['image', 'image image_url input_image computer_screenshot image_generation_call'],
      ['audio', 'audio audio_url input_audio'],
      ['video', 'video video_url input_video'],
      ['document', 'document document_url file input_file text container_upload'],
    ] as const
  ).flatMap(([kind, names]) => names.split(' ').map((name) => [name, kind])),
);
const kindsByReason: ReadonlyMap<string, OpaqueKind> = new Map([
  ['url', 'url'],
  ['kept by the provider', 'stored'],
  ['file', 'stored'],
  ['file_id', 'stored'],
  ['encrypted', 'encrypted'],
  ['signed', 'encrypted'],
  ['token ids', 'token_ids'],
]);

const kindsOf = (what: string, why: string): readonly OpaqueKind[] => {
  const kinds = [kindNames.get(what), kindsByReason.get(why)].filter((kind) => kind !== undefined);
  return kinds.length > 0 ? kinds : ['other'];
};

/** What was noted in one place. */
class Noted {
  readonly #notes = new Map<string, NotInspected>();
  readonly #kinds = new Set<OpaqueKind>();
  #count = 0;
  #what = '';
  #why = '';

  /** How often anything was noted. */
  get count(): number {
    return this.#count;
  }

  add(what: string, why: string): void {
    this.#count += 1;
    // Of a long conversation most are like the one before.
    if (what === this.#what && why === this.#why) return;
    this.#what = what;
    this.#why = why;
    const key = `${what}\n${why}`;
    if (this.#notes.has(key)) return;
    for (const kind of kindsOf(what, why)) this.#kinds.add(kind);
    if (this.#notes.size < limits.listInRecordCount) this.#notes.set(key, { what, why });
    else this.#notes.set('', { what: 'further_content', why: `more than ${limits.listInRecordCount} kinds` });
  }

  found(): Opaque {
    return { notInspected: [...this.#notes.values()], kinds: [...this.#kinds].toSorted() };
  }
}

export interface Notes {
  /** Notes a kind of content once, however often it occurs. */
  readonly add: (what: string, why: string) => void;
  /** Whatever `visit` finds: what has the type of a medium is noted, though nothing in it is where such a medium has it. */
  readonly medium: (type: string, visit: () => void) => void;
  /**
   * What `visit` notes stands in `part`, which can be taken out; `shape` then stands in its place. Without a shape neither it nor anything in it can.
   */
  readonly inside: (part: JsonNode, shape: object | null, visit: () => void) => void;
  readonly list: () => readonly NotInspected[];
  readonly content: (conversation: OpaqueContent['conversation']) => OpaqueContent;
}

const nothing = new Uint8Array();
const UNKNOWN = 'unknown form';

/** `body` is what the nodes were read from; only the parts of a request need it. */
export const createNotes = (body: Uint8Array = nothing): Notes => {
  const everywhere = new Noted();
  const elsewhere = new Noted();
  const parts: OpaquePart[] = [];
  let here = elsewhere;
  let fixed = false;
  const visitFixed = (visit: () => void): void => {
    const outer = fixed;
    fixed = true;
    visit();
    fixed = outer;
  };
  return {
    add: (what, why) => {
      everywhere.add(what, why);
      here.add(what, why);
    },
    medium: (type, visit) => {
      const before = everywhere.count;
      visit();
      if (everywhere.count > before) return;
      everywhere.add(type, UNKNOWN);
      here.add(type, UNKNOWN);
    },
    inside: (part, shape, visit) => {
      if (fixed) return visit();
      if (shape === null) return visitFixed(visit);
      const [outer, inner, before] = [here, new Noted(), parts.length];
      here = inner;
      visit();
      here = outer;
      if (inner.count === 0) return;
      // What is taken out as a whole is not taken out in pieces.
      for (const { notInspected } of parts.splice(before)) for (const { what, why } of notInspected) inner.add(what, why);
      parts.push({ ...passageOf(part, body), ...inner.found(), replacement: () => inPlaceOf(part, shape, body) });
    },
    list: () => everywhere.found().notInspected,
    content: (conversation) => ({ elsewhere: elsewhere.found(), parts, conversation }),
  };
};
