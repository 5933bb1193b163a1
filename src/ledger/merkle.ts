// The Merkle tree of RFC 6962 section 2.1 (algorithms as in RFC 9162 section 2.1) over SHA-256.
// Pure: nodes come from a hash source, so that the same proofs run over memory, tiles or a test.
// Making a proof throws RangeError on an index that lies outside the tree; verifying one never throws.

import { hash } from 'node:crypto';

export const hashBytes = 32;

/** The root of a perfect subtree: the node at `level` (0 = leaves) and `index`, which covers the leaves `[index * 2^level, (index + 1) * 2^level)`. */
export type HashSource = (level: number, index: number) => Uint8Array;

/** Called for each node at the moment its subtree is complete, leaves (level 0) included. */
export type NodeCompleted = (level: number, index: number, nodeHash: Uint8Array) => void;

/** By way of a string: Node answers with one in a quarter of the time that it needs for a buffer, whose memory is a piece of its own. */
export const sha256 = (data: Uint8Array): Uint8Array => {
  const text = hash('sha256', data, 'latin1');
  const digest = new Uint8Array(hashBytes);
  for (let at = 0; at < hashBytes; at += 1) digest[at] = text.charCodeAt(at);
  return digest;
};

/** Hash of the leaf that holds `data`: SHA-256(0x00 || data). */
export const leafHash = (data: Uint8Array): Uint8Array => {
  const prefixed = new Uint8Array(data.length + 1);
  prefixed.set(data, 1);
  return sha256(prefixed);
};

const nodeInput = new Uint8Array(1 + 2 * hashBytes);
nodeInput[0] = 1;

/** Hash of the node above two nodes: SHA-256(0x01 || left || right). */
export const nodeHash = (left: Uint8Array, right: Uint8Array): Uint8Array => {
  nodeInput.set(left, 1);
  nodeInput.set(right, 1 + hashBytes);
  return sha256(nodeInput);
};

/** Root of the tree without leaves: SHA-256 of nothing. */
export const emptyRoot: Uint8Array = sha256(new Uint8Array(0));

const half = (count: number): number => Math.floor(count / 2);
const isOdd = (count: number): boolean => count % 2 === 1;

export const sameHash = (a: Uint8Array, b: Uint8Array): boolean => Buffer.compare(a, b) === 0;

/** An appendable tree that keeps only the roots of its perfect subtrees (at most 53 hashes). */
export interface Frontier {
  readonly size: () => number;
  readonly append: (leaf: Uint8Array, completed?: NodeCompleted) => void;
  readonly root: () => Uint8Array;
  /** Roots of the perfect subtrees, largest first: with the size, all that `createFrontier` needs to go on. */
  readonly hashes: () => readonly Uint8Array[];
}

/** A frontier of `size` leaves whose perfect subtrees, largest first, have the roots `hashes`. */
export const createFrontier = (size = 0, hashes: readonly Uint8Array[] = []): Frontier => {
  const left = hashes.toReversed();
  const atLevel: (Uint8Array | undefined)[] = [];
  let fits = left.every((one) => one.length === hashBytes);
  for (let rest = size, level = 0; rest > 0; rest = half(rest), level += 1) {
    if (!isOdd(rest)) continue;
    atLevel[level] = left.shift();
    fits &&= atLevel[level] !== undefined;
  }
  if (!fits || left.length > 0) throw new RangeError(`${hashes.length} subtree roots do not make a tree of ${size} leaves`);
  let count = size;
  const present = (): Uint8Array[] => {
    const roots: Uint8Array[] = [];
    for (let rest = count, level = 0; rest > 0; rest = half(rest), level += 1) {
      const subtree = atLevel[level];
      if (isOdd(rest) && subtree !== undefined) roots.push(subtree);
    }
    return roots;
  };
  return {
    size: () => count,
    append: (leaf, completed) => {
      let node = leaf;
      let level = 0;
      completed?.(0, count, node);
      for (let rest = count; isOdd(rest); rest = half(rest)) {
        const sibling = atLevel[level];
        if (sibling === undefined) throw new RangeError(`no subtree at level ${level}`);
        node = nodeHash(sibling, node);
        level += 1;
        completed?.(level, half(rest), node);
      }
      atLevel[level] = node;
      count += 1;
    },
    root: () =>
      present().reduce<Uint8Array | undefined>((right, subtree) => (right ? nodeHash(subtree, right) : subtree), undefined) ?? emptyRoot,
    hashes: () => present().toReversed(),
  };
};

/** Largest power of two smaller than `count`, for count >= 2. */
const splitPoint = (count: number): number => 2 ** Math.floor(Math.log2(count - 1));

/** Root over the leaves `[from, to)`, where `from` is aligned as in the decomposition of a tree. */
const rangeRoot = (source: HashSource, from: number, to: number): Uint8Array => {
  const count = to - from;
  const level = Math.log2(count);
  if (Number.isInteger(level)) return source(level, from / count);
  const middle = from + splitPoint(count);
  return nodeHash(rangeRoot(source, from, middle), rangeRoot(source, middle, to));
};

/** Root of the tree of the first `size` leaves. */
export const treeRoot = (source: HashSource, size: number): Uint8Array => (size === 0 ? emptyRoot : rangeRoot(source, 0, size));

/** Roots of the perfect subtrees of the first `size` leaves, largest first: what `createFrontier` takes. */
export const frontierHashes = (source: HashSource, size: number): Uint8Array[] => {
  const roots: Uint8Array[] = [];
  for (let from = 0; from < size;) {
    const count = 2 ** Math.floor(Math.log2(size - from));
    roots.push(source(Math.log2(count), from / count));
    from += count;
  }
  return roots;
};

/** RFC 6962 section 2.1.1: the hashes from the leaf's sibling up to the root's child. */
export const inclusionProof = (source: HashSource, index: number, size: number): Uint8Array[] => {
  if (!Number.isSafeInteger(index) || index < 0 || index >= size) throw new RangeError(`leaf ${index} is not in a tree of ${size}`);
  const path = (from: number, to: number): Uint8Array[] => {
    if (to - from === 1) return [];
    const middle = from + splitPoint(to - from);
    return index < middle ? [...path(from, middle), rangeRoot(source, middle, to)] : [...path(middle, to), rangeRoot(source, from, middle)];
  };
  return path(0, size);
};

/** RFC 6962 section 2.1.2: that the tree of the first `older` leaves is a prefix of the tree of `newer`. */
export const consistencyProof = (source: HashSource, older: number, newer: number): Uint8Array[] => {
  if (!Number.isSafeInteger(older) || older < 0 || older > newer)
    throw new RangeError(`a tree of ${older} is not a prefix of a tree of ${newer}`);
  const path = (from: number, to: number, whole: boolean): Uint8Array[] => {
    if (to === older) return whole ? [] : [rangeRoot(source, from, to)];
    const middle = from + splitPoint(to - from);
    return older <= middle
      ? [...path(from, middle, whole), rangeRoot(source, middle, to)]
      : [...path(middle, to, false), rangeRoot(source, from, middle)];
  };
  return older === 0 ? [] : path(0, newer, true);
};

/** RFC 9162 section 2.1.3.2. */
export const inclusionVerifies = (
  leaf: Uint8Array,
  index: number,
  size: number,
  proof: readonly Uint8Array[],
  root: Uint8Array,
): boolean => {
  if (!Number.isSafeInteger(size) || !Number.isSafeInteger(index) || index < 0 || index >= size) return false;
  if (leaf.length !== hashBytes || proof.some((one) => one.length !== hashBytes)) return false;
  let position = index;
  let last = size - 1;
  let node = leaf;
  for (const sibling of proof) {
    if (last === 0) return false;
    if (isOdd(position) || position === last) {
      node = nodeHash(sibling, node);
      while (!isOdd(position) && position !== 0) {
        position = half(position);
        last = half(last);
      }
    } else node = nodeHash(node, sibling);
    position = half(position);
    last = half(last);
  }
  return last === 0 && sameHash(node, root);
};

/** RFC 9162 section 2.1.4.2. Every tree is consistent with the empty one, whose root must be `emptyRoot`. */
export const consistencyVerifies = (
  older: number,
  newer: number,
  olderRoot: Uint8Array,
  newerRoot: Uint8Array,
  proof: readonly Uint8Array[],
): boolean => {
  if (!Number.isSafeInteger(older) || !Number.isSafeInteger(newer) || older < 0 || older > newer) return false;
  if (proof.some((one) => one.length !== hashBytes)) return false;
  if (older === newer) return proof.length === 0 && sameHash(olderRoot, newerRoot);
  if (older === 0) return proof.length === 0 && sameHash(olderRoot, emptyRoot);
  const hashes = Number.isInteger(Math.log2(older)) ? [olderRoot, ...proof] : [...proof];
  const first = hashes.shift();
  if (first === undefined || proof.length === 0) return false;
  let position = older - 1;
  let last = newer - 1;
  while (isOdd(position)) {
    position = half(position);
    last = half(last);
  }
  let olderNode = first;
  let newerNode = first;
  for (const sibling of hashes) {
    if (last === 0) return false;
    if (isOdd(position) || position === last) {
      olderNode = nodeHash(sibling, olderNode);
      newerNode = nodeHash(sibling, newerNode);
      while (!isOdd(position) && position !== 0) {
        position = half(position);
        last = half(last);
      }
    } else newerNode = nodeHash(newerNode, sibling);
    position = half(position);
    last = half(last);
  }
  return last === 0 && sameHash(olderNode, olderRoot) && sameHash(newerNode, newerRoot);
};
