// HTML from templates in which every value is escaped, unless it is markup that such a template made.
// Pure. What a value holds can become neither markup nor an attribute, and characters that reorder or hide text are replaced.

import { printable, printableJson } from './printable.ts';

/** Text that a template made. Made nowhere else: the constructor is not exported. */
class Markup {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}
export type { Markup };

export type Shown = Markup | string | number | null | readonly Shown[];

const entities: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };
const escaped = (text: string): string => text.replaceAll(/[&<>"']/g, (character) => entities[character] ?? '');

/** Line feeds stay: a block of text may have lines. */
const visible = (text: string): string => text.split('\n').map(printable).join('\n').toWellFormed();

const shown = (value: Shown): string => {
  if (value === null) return '';
  if (value instanceof Markup) return value.text;
  if (typeof value === 'object') return value.map(shown).join('');
  return escaped(visible(String(value)));
};

/** A piece of HTML, under a name that no formatter of HTML knows: it would add white space. Attributes stand in quotes in the template. */
export const markup = (parts: TemplateStringsArray, ...values: readonly Shown[]): Markup =>
  new Markup(parts.reduce((text, part, at) => text + shown(values[at - 1] ?? null) + part));

/** JSON as the text of an element, where quotes need no escaping: what holds much of it becomes a third shorter. */
export const jsonText = (json: string): Markup =>
  new Markup(
    printableJson(json)
      .toWellFormed()
      .replaceAll(/[&<>]/g, (character) => entities[character] ?? ''),
  );

export const textOf = ({ text }: Markup): string => text;
