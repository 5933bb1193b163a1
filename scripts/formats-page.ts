// The page on wire formats, made from what the tests run: conformance cases, the features of the official clients, and the table of what is not carried.
// Pure; whoever asks writes it.

import { notCarriedTable } from '../src/wire/not-carried.ts';
import { formats } from '../src/wire/wire.ts';
import type { Feature } from '../test/clients/feature.ts';
import { clients, featureNames } from '../test/clients/feature.ts';
import { features } from '../test/clients/features.ts';
import { casesOf } from '../test/conformance/cases.ts';

export type Table = (head: readonly string[], rows: readonly (readonly string[])[]) => string;

const waysOf = (found: readonly Feature[]): string => {
  if (found.length > 0 && found.every(({ answeredBy }) => answeredBy === 'envelope')) return 'read by the client';
  const ways = [
    ...(found.some(({ streaming }) => !streaming) ? ['whole'] : []),
    ...(found.some(({ streaming }) => streaming) ? ['streamed'] : []),
  ];
  return ways.join(', ');
};

const formatSection = (name: string, prefix: string, table: Table): string => {
  const cases = casesOf(name);
  const operations = new Map(cases.map(({ expected: { request } }) => [request.operation, request.path]));
  const own = features.filter(({ format }) => format === name);
  const users = clients.filter((client) => own.some((feature) => feature.client === client));
  const rows = featureNames
    .filter((row) => own.some(({ feature }) => feature === row))
    .map((row) => [row, ...users.map((client) => waysOf(own.filter((each) => each.feature === row && each.client === client)))]);
  return `## ${name}

Under \`${prefix}\`: ${[...operations].map(([operation, path]) => `\`${operation}\` (such as \`${path}\`)`).join(', ')}. ${cases.length} conformance cases.

${table(['feature', ...users.map((client) => `\`${client}\``)], rows)}
`;
};

export const formatsPage = (generated: string, table: Table): string => `# Wire formats

${generated}

What is carried, as far as tests prove it. Each cell stands for a run of the vendor's own client against a scripted provider, once directly and
once through the envelope: what the application sees, what the provider receives, and every byte of the answer are the same. An empty cell is not
a refusal: nobody has run it. A list of models is answered by the envelope itself, with those that the role may call, so nothing is compared there:
the client reads it. Where a client leaves early (cancel, time-out), what was released by then is a matter of time: there the provider's end of the
call is looked at in the place of bytes. Beside these, [the conformance cases](../../test/conformance/README.md) hold the readers to each vendor's bytes.

${formats.map(({ name, prefix }) => formatSection(name, prefix, table)).join('\n')}
## Not carried

Refused by name, with this reason; so is every other path of a vendor. WebSocket connections are answered 426, so that clients use HTTP.

${table(
  ['under', 'path', 'what', 'why'],
  notCarriedTable.map(({ prefix, path, what, why }) => [`\`${prefix}\``, `\`${path}\``, what, why]),
)}
`;
