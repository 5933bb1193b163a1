// Every path that a vendor's SDK calls is either carried or refused with the reason: read from the SDKs themselves, so that what a new version
// brings, and nobody has looked at, fails here.

import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { test } from 'node:test';
import { formatAt } from '../../src/wire/wire.ts';

const packages = fileURLToPath(new URL('../../node_modules/', import.meta.url));

const found = (pattern: string, path: RegExp): readonly string[] => {
  const texts = globSync(pattern, { cwd: packages }).map((file) => readFileSync(packages + file, 'utf8'));
  return [...new Set(texts.flatMap((text) => [...text.matchAll(path)].flatMap(([, named]) => named ?? [])))];
};

const inResources = /(?:_client\.\w+\(\s*|path\s*)['"`](\/[^'"`?]*)/g;
const inMaps = /(?:pathToFunc\("\/|formatMap\(')([^'"?]+)/g;

/** Of the same SDK's way to the cloud partner, which is another API. */
const ofPartner = /^(batchPredictionJobs|tuningJobs|\{parent\}\/tuningJobs|\{model\}:computeTokens|\{resourceName\}:fetchPredictOperation)/;

/** What the names in braces stand for. */
const standsFor: Readonly<Record<string, readonly string[]>> = {
  api_version: ['v1beta'],
  model: ['models/m'],
  models_url: ['models'],
  parent: ['corpora/c', 'fileSearchStores/s'],
  file_search_store_name: ['fileSearchStores/s'],
  operationName: ['models/m/operations/o', 'operations/o'],
  name: ['files/f', 'cachedContents/c', 'batches/b', 'tunedModels/t', 'fileSearchStores/s', 'operations/o'],
};

const filled = (path: string): readonly string[] => {
  const [placeholder, name = ''] = /\{(\w+)\}/.exec(path) ?? [];
  if (placeholder === undefined) return [path];
  return (standsFor[name] ?? ['x']).flatMap((value) => filled(path.replace(placeholder, value)));
};

const versioned = (path: string): string => (/^(upload\/)?v1beta\//.test(path) ? `/${path}` : `/v1beta/${path}`);

const ofGemini = found('@google/genai/dist/node/index.mjs', inMaps).filter((path) => !ofPartner.test(path));
const vendors: Readonly<Record<string, readonly string[]>> = {
  '/anthropic': found('@anthropic-ai/sdk/resources/**/*.mjs', inResources).map((path) => path.replaceAll(/\$\{[^}]*\}/g, 'x')),
  '/openai': found('openai/resources/**/*.mjs', inResources).map((path) => `/v1${path.replaceAll(/\$\{[^}]*\}/g, 'x')}`),
  '/gemini': ofGemini.flatMap(filled).map(versioned),
};

for (const [prefix, paths] of Object.entries(vendors))
  test(`${prefix}: each of ${paths.length} paths of the SDK is carried, or refused with the reason`, () => {
    assert.ok(paths.length > 40);
    const open = paths.filter((path) => {
      const asked = ['POST', 'GET', 'DELETE'].map((method) => formatAt(method, prefix + path));
      return asked.every((each) => each?.operation === undefined && each?.notCarried === null);
    });
    assert.deepEqual(open, []);
  });
