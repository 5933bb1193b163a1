// Metrics as text: the Prometheus text format 0.0.4, and OpenMetrics 1.0 for whoever asks for it.
// Pure. Both hold the same families and the same values.

import type { MetricRow } from './metric-table.ts';
import type { HistogramValue, LabelValues, Samples } from './instruments.ts';

export interface Family extends MetricRow {
  /** Without `_total` or `_info`. */
  readonly name: string;
  readonly samples: Samples;
}

export type ExpositionFormat = 'text' | 'openmetrics';

export const contentTypes: Readonly<Record<ExpositionFormat, string>> = {
  text: 'text/plain; version=0.0.4; charset=utf-8',
  openmetrics: 'application/openmetrics-text; version=1.0.0; charset=utf-8',
};

/** What an `Accept` field asks for: the text format, unless OpenMetrics 1.0 is preferred to it (RFC 9110 section 12.5.1). */
export const expositionFor = (accept: string | undefined): ExpositionFormat => {
  let [openmetrics, text] = [0, 0];
  for (const range of (accept ?? '').toLowerCase().split(',')) {
    const [type = '', ...parameters] = range.split(';').map((part) => part.trim());
    const of = (name: string): string | undefined => parameters.find((each) => each.startsWith(`${name}=`))?.slice(name.length + 1);
    const given = Number(of('q') ?? 1);
    const weight = Number.isFinite(given) ? given : 0;
    if (type === 'application/openmetrics-text' && ['1.0.0', undefined].includes(of('version')))
      openmetrics = Math.max(openmetrics, weight);
    else if (type === 'text/plain' || type === 'text/*' || type === '*/*') text = Math.max(text, weight);
  }
  return openmetrics > 0 && openmetrics >= text ? 'openmetrics' : 'text';
};

const escaped = (text: string): string => text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n');

const numberText = (value: number): string => {
  if (Number.isFinite(value)) return String(value);
  return Number.isNaN(value) ? 'NaN' : value > 0 ? '+Inf' : '-Inf';
};

const labelText = (names: readonly string[], values: LabelValues): string =>
  names.length === 0 ? '' : `{${names.map((name, index) => `${name}="${escaped(values[index] ?? '').replaceAll('"', '\\"')}"`).join(',')}}`;

/** OpenMetrics writes a bound always with a fraction. */
const boundText = (bound: number, format: ExpositionFormat): string =>
  format === 'openmetrics' && Number.isInteger(bound) ? `${bound}.0` : numberText(bound);

const histogramLines = ({ name, labels: names }: Family, values: LabelValues, value: HistogramValue, format: ExpositionFormat): string => {
  let count = 0;
  const lines = value.counts.map((inBucket, index) => {
    count += inBucket;
    const bound = value.bounds[index];
    const le = bound === undefined ? '+Inf' : boundText(bound, format);
    return `${name}_bucket${labelText([...names, 'le'], [...values, le])} ${count}\n`;
  });
  const labels = labelText(names, values);
  return `${lines.join('')}${name}_sum${labels} ${numberText(value.sum)}\n${name}_count${labels} ${count}\n`;
};

const suffixes = { counter: '_total', info: '_info', gauge: '', histogram: '' } as const;

const familyText = (family: Family, format: ExpositionFormat): string => {
  const { name, type, help, labels: names, samples } = family;
  const sampleName = `${name}${suffixes[type]}`;
  let lines = '';
  for (const { labels, value } of samples()) {
    lines +=
      typeof value === 'number'
        ? `${sampleName}${labelText(names, labels)} ${numberText(value)}\n`
        : histogramLines(family, labels, value, format);
  }
  if (lines === '') return '';
  // The older format knows no `info`, and names a family as its samples are named.
  const [shownName, shownType] = format === 'openmetrics' ? [name, type] : [sampleName, type === 'info' ? 'gauge' : type];
  const shownHelp = format === 'openmetrics' ? escaped(help).replaceAll('"', '\\"') : escaped(help);
  return `# HELP ${shownName} ${shownHelp}\n# TYPE ${shownName} ${shownType}\n${lines}`;
};

export const expose = (families: readonly Family[], format: ExpositionFormat): string =>
  `${families.map((family) => familyText(family, format)).join('')}${format === 'openmetrics' ? '# EOF\n' : ''}`;
