// Two kinds of plots as SVG text: bars in groups and lines over a number. Readable on light and dark pages, in the colours of who is shown.
// Pure, and the same figures always give the same bytes, so that a committed plot can be compared with what its results give.

const width = 860;
const left = 230;
const right = 90;
const barHeight = 18;
const groupGap = 16;
const headHeight = 58;
const lineHeight = 380;

/** One colour each, on light and on dark; who has none is grey. */
const colours: Readonly<Record<string, readonly [light: string, dark: string]>> = {
  envelope: ['#0969da', '#58a6ff'],
  'undici proxy': ['#6e7781', '#a0a8b2'],
  nginx: ['#1a7f37', '#3fb950'],
  'nginx, with a log': ['#57ab5a', '#7ee787'],
  Portkey: ['#bc4c00', '#f0883e'],
  'Portkey, with a guardrail': ['#d4833b', '#ffb77c'],
  LiteLLM: ['#8250df', '#bc8cff'],
  'LiteLLM, with a key': ['#a475f9', '#d2a8ff'],
  squid: ['#9a6700', '#d29922'],
  direct: ['#24292f', '#e6edf3'],
  target: ['#cf222e', '#ff7b72'],
};

const names = Object.keys(colours);
const classOf = (name: string): string => `c${names.indexOf(name)}`;

const style = (): string => {
  const of = (which: 0 | 1): string =>
    [
      ...names.map((name) => `.${classOf(name)}{--c:${colours[name]?.[which] ?? ''}}`),
      `.c-1{--c:${which === 0 ? '#8c959f' : '#8b949e'}}`,
    ].join('');
  return (
    `text{font:13px system-ui,sans-serif;fill:#24292f}.b{fill:#fff}.t{font-weight:600;font-size:15px}.s{fill:#57606a;font-size:12px}.g{stroke:#d0d7de}` +
    `.f{fill:var(--c)}.l{stroke:var(--c);fill:none;stroke-width:2}.m{stroke:var(--c);stroke-dasharray:5 4}.w{stroke:#24292f}${of(0)}` +
    `@media(prefers-color-scheme:dark){text{fill:#e6edf3}.b{fill:#0d1117}.s{fill:#9198a1}.g{stroke:#3d444d}.w{stroke:#e6edf3}${of(1)}}`
  );
};

const escaped = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
const at = (value: number): string => String(Math.round(value * 10) / 10);

const text = (x: number, y: number, said: string, more = ''): string => `<text x="${at(x)}" y="${at(y)}"${more}>${escaped(said)}</text>`;

const line = (x1: number, y1: number, x2: number, y2: number, classes: string): string =>
  `<line x1="${at(x1)}" y1="${at(y1)}" x2="${at(x2)}" y2="${at(y2)}" class="${classes}"/>`;

const page = (height: number, title: string, subtitle: string, parts: readonly string[]): string =>
  [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${Math.ceil(height)}" role="img" aria-label="${escaped(title)}">`,
    `<style>${style()}</style>`,
    `<rect width="${width}" height="${Math.ceil(height)}" rx="6" class="b"/>`,
    text(16, 26, title, ' class="t"'),
    text(16, 45, subtitle, ' class="s"'),
    ...parts,
    '</svg>\n',
  ].join('\n');

/** A round number not far above, so that the axis ends on it. */
const roundUp = (value: number): number => {
  const power = 10 ** Math.floor(Math.log10(value));
  return (([1, 1.5, 2, 3, 4, 5, 6, 8, 10] as const).find((step) => step * power >= value) ?? 10) * power;
};

/** As people write it: `12,300`, `4.2`, `0.15`. */
export const shown = (value: number): string => {
  if (!Number.isFinite(value)) return '–';
  if (Math.abs(value) >= 1_000) return Math.round(value).toLocaleString('en-US');
  const digits = Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : 2;
  return String(Number(value.toFixed(digits)));
};

export interface Bar {
  readonly name: string;
  readonly value: number;
  /** 10th and 90th percentile. */
  readonly spread?: readonly [number, number];
  /** Whose colour it has; its name's without it. */
  readonly who?: string;
}

export interface BarChart {
  readonly title: string;
  readonly subtitle: string;
  readonly groups: readonly { readonly name: string; readonly bars: readonly Bar[] }[];
  /** A line through all bars, such as a target. */
  readonly mark?: { readonly value: number; readonly name: string };
}

/** Horizontal, each with its figure; a whisker is the spread of rounds. */
export const barChart = ({ title, subtitle, groups, mark }: BarChart): string => {
  const bars = groups.flatMap((group) => group.bars);
  const most = roundUp(
    Math.max(...bars.map(({ value, spread }) => Math.max(value, spread?.[1] ?? 0)).filter(Number.isFinite), mark?.value ?? 0, 1e-9),
  );
  const x = (value: number): number => left + (Math.min(value, most) / most) * (width - left - right);
  const parts: string[] = [];
  let y = headHeight + (mark === undefined ? 0 : 16);
  const top = y;
  for (const group of groups) {
    if (group.name !== '') {
      parts.push(text(16, y + 13, group.name, ' class="s"'));
      y += barHeight + 2;
    }
    for (const { name, value, spread, who } of group.bars) {
      const middle = y + (barHeight - 2) / 2;
      const end = x(Number.isFinite(value) ? value : 0);
      parts.push(text(left - 10, middle + 4, name, ' text-anchor="end"'));
      parts.push(`<rect x="${left}" y="${at(y)}" width="${at(end - left)}" height="${barHeight - 2}" class="f ${classOf(who ?? name)}"/>`);
      if (spread !== undefined) parts.push(line(x(spread[0]), middle, x(spread[1]), middle, 'w'));
      parts.push(text(Math.max(end, spread === undefined ? 0 : x(spread[1])) + 6, middle + 4, shown(value)));
      y += barHeight + 3;
    }
    y += groupGap;
  }
  if (mark !== undefined) {
    parts.push(line(x(mark.value), top - 8, x(mark.value), y - groupGap, `m ${classOf('target')}`));
    parts.push(text(x(mark.value), top - 12, mark.name, ' class="s" text-anchor="middle"'));
  }
  return page(y, title, subtitle, [line(left, top - 2, left, y - groupGap, 'g'), ...parts]);
};

export interface Series {
  readonly name: string;
  readonly points: readonly (readonly [x: number, y: number])[];
  readonly who?: string;
  readonly dashed?: boolean;
}

export interface LineChart {
  readonly title: string;
  readonly subtitle: string;
  readonly x: string;
  readonly y: string;
  readonly series: readonly Series[];
  readonly logarithmic?: { readonly x?: boolean; readonly y?: boolean };
  readonly mark?: { readonly value: number; readonly name: string };
}

interface Axis {
  readonly place: (value: number) => number;
  readonly ticks: readonly number[];
}

const axis = (values: readonly number[], logarithmic: boolean, from: number, to: number): Axis => {
  const finite = values.filter(Number.isFinite);
  if (logarithmic) {
    const least = 10 ** Math.floor(Math.log10(Math.max(1e-6, Math.min(...finite))));
    const most = 10 ** Math.ceil(Math.log10(Math.max(...finite, least * 10)));
    const decades = Math.round(Math.log10(most / least));
    const ticks = Array.from({ length: decades + 1 }, (_, index) => least * 10 ** index);
    return { ticks, place: (value) => from + (Math.log10(Math.max(value, least) / least) / decades) * (to - from) };
  }
  const most = roundUp(Math.max(...finite, 1e-9));
  return { ticks: [0, 0.25, 0.5, 0.75, 1].map((share) => share * most), place: (value) => from + (value / most) * (to - from) };
};

/** A name at the end of each line, moved apart where they would stand on each other. */
const labels = (ends: readonly { readonly name: string; readonly x: number; readonly y: number }[]): readonly string[] => {
  let lowest = Number.NEGATIVE_INFINITY;
  return ends
    .toSorted((a, b) => a.y - b.y)
    .map(({ name, x, y }) => {
      lowest = Math.max(y, lowest + 15);
      return text(x + 8, lowest + 4, name);
    });
};

export const lineChart = ({ title, subtitle, x, y, series, logarithmic = {}, mark }: LineChart): string => {
  const [from, to, top, bottom] = [70, width - 200, headHeight + 26, headHeight + lineHeight];
  const all = series.flatMap(({ points }) => points);
  const across = axis(
    all.map(([value]) => value),
    logarithmic.x === true,
    from,
    to,
  );
  const up = axis([...all.map(([, value]) => value), ...(mark === undefined ? [] : [mark.value])], logarithmic.y === true, bottom, top);
  const grid = [
    ...up.ticks.flatMap((tick) => [
      line(from, up.place(tick), to, up.place(tick), 'g'),
      text(from - 8, up.place(tick) + 4, shown(tick), ' text-anchor="end" class="s"'),
    ]),
    ...(logarithmic.x === true ? [...new Set(all.map(([value]) => value))] : across.ticks).map((tick) =>
      text(across.place(tick), bottom + 18, shown(tick), ' text-anchor="middle" class="s"'),
    ),
    text((from + to) / 2, bottom + 38, x, ' text-anchor="middle" class="s"'),
    text(16, headHeight + 8, y, ' class="s"'),
  ];
  const drawn = series.map(({ name, who = name, points, dashed = false }) => {
    const path = points.map(([a, b], index) => `${index === 0 ? 'M' : 'L'}${at(across.place(a))} ${at(up.place(b))}`).join('');
    return `<path d="${path}" class="l ${classOf(who)}"${dashed ? ' stroke-dasharray="6 4"' : ''}/>`;
  });
  const ends = series.flatMap(({ name, points }) => {
    const last = points.at(-1);
    return last === undefined ? [] : [{ name, x: across.place(last[0]), y: up.place(last[1]) }];
  });
  const marked =
    mark === undefined
      ? []
      : [
          line(from, up.place(mark.value), to, up.place(mark.value), `m ${classOf('target')}`),
          text(from + 6, up.place(mark.value) - 5, mark.name, ' class="s"'),
        ];
  return page(bottom + 52, title, subtitle, [...grid, ...marked, ...drawn, ...labels(ends)]);
};
