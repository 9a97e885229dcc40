/*
 * What Prometheus and its kin read: families of samples, as text. Two forms: the text format 0.0.4, which everybody reads, and
 * OpenMetrics 1.0 for a scraper that asks for it. In a file for node_exporter only the first may stand: it drops a whole file for
 * one type that it does not know.
 */

/** One series of a family; labels in the order in which they are written. */
export type Sample = { labels?: Readonly<Record<string, string>>; value: number };

/** What a histogram has seen: how many values, their sum, and how many were at most each bound, the lowest first. */
export type Distribution = { count: number; sum: number; buckets: { most: number; count: number }[] };

/** A histogram for one set of labels. */
type DistributionOf = { labels?: Readonly<Record<string, string>>; distribution: Distribution };

/**
 * A family: `name` as the text format 0.0.4 has it, a counter's with `_total` behind it, an `info`'s with `_info`; `help` is one
 * sentence. One without a sample is left out: unknown is not 0.
 */
export type Family = { name: string; help: string } & (
  | { type: 'gauge' | 'counter' | 'info'; samples: readonly Sample[] }
  | { type: 'histogram'; distributions: readonly DistributionOf[] }
);

/** The forms of the text. */
export type Form = 'text' | 'openmetrics';

/** The media type of each form, as a scraper wants to see it. */
export const MEDIA_TYPES: Readonly<Record<Form, string>> = {
  text: 'text/plain; version=0.0.4; charset=utf-8',
  openmetrics: 'application/openmetrics-text; version=1.0.0; charset=utf-8',
};

/** Writes families as the text of one form. */
export function exposed(families: readonly Family[], form: Form): string {
  const lines = families.flatMap((family) => {
    const samples = samplesOf(family);
    return samples.length === 0 ? [] : [...headOf(family, form), ...samples];
  });
  if (form === 'openmetrics') lines.push('# EOF');
  return `${lines.join('\n')}\n`;
}

/** In OpenMetrics a family has the bare name, and what stands behind it belongs to the sample. */
function headOf({ name, help, type }: Family, form: Form): string[] {
  const isOpen = form === 'openmetrics';
  const bare = isOpen && type !== 'gauge' ? name.replace(/_(total|info)$/, '') : name;
  const word = type === 'info' && !isOpen ? 'gauge' : type;
  const text = escaped(help);
  return [`# HELP ${bare} ${isOpen ? text.replaceAll('"', String.raw`\"`) : text}`, `# TYPE ${bare} ${word}`];
}

function samplesOf(family: Family): string[] {
  const { name } = family;
  if (family.type !== 'histogram')
    return family.samples.map(({ labels, value }) => lineOf(name, labels, value));
  return family.distributions.flatMap(({ labels = {}, distribution: { buckets, count, sum } }) => [
    ...buckets.map((bucket) =>
      lineOf(`${name}_bucket`, { ...labels, le: boundText(bucket.most) }, bucket.count),
    ),
    lineOf(`${name}_bucket`, { ...labels, le: '+Inf' }, count),
    lineOf(`${name}_sum`, labels, sum),
    lineOf(`${name}_count`, labels, count),
  ]);
}

function lineOf(name: string, labels: Readonly<Record<string, string>> = {}, value: number): string {
  const pairs = Object.entries(labels).map(([label, text]) => `${label}="${labelText(text)}"`);
  return `${name}${pairs.length === 0 ? '' : `{${pairs.join(',')}}`} ${numberText(value)}`;
}

/** Hosts and progs are called what others like: no text of theirs ends a line or a label, and half a character is none. */
function labelText(text: string): string {
  return escaped(text.toWellFormed()).replaceAll('"', String.raw`\"`);
}

function escaped(text: string): string {
  return text.replaceAll('\\', String.raw`\\`).replaceAll('\n', String.raw`\n`);
}

/** Bounds are written as OpenMetrics wants them, with a point, so that one series has one name in both forms. */
function boundText(most: number): string {
  return Number.isInteger(most) ? `${most}.0` : String(most);
}

function numberText(value: number): string {
  if (Number.isNaN(value)) return 'NaN';
  if (!Number.isFinite(value)) return value > 0 ? '+Inf' : '-Inf';
  return String(value);
}
