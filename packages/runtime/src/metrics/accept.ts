import type { Form } from './exposition.ts';

/** Which form a scraper prefers by its header Accept; the text format 0.0.4 where it does not say. */
export function formFor(accept: string | undefined): Form {
  const wants = (accept ?? '').split(',').map((range) => {
    const [type = '', ...parameters] = range.split(';').map((part) => part.trim().toLowerCase());
    const of = (name: string): string | undefined =>
      parameters.find((each) => each.startsWith(`${name}=`))?.slice(name.length + 1);
    return { type, version: of('version'), q: weightOf(of('q')) };
  });
  const best = (fits: (want: (typeof wants)[number]) => boolean): number =>
    Math.max(0, ...wants.filter(fits).map(({ q }) => q));
  const open = best(
    ({ type, version }) =>
      type === 'application/openmetrics-text' && (version === undefined || version === '1.0.0'),
  );
  const text = best(({ type }) => type === 'text/plain');
  return open > 0 && open >= text ? 'openmetrics' : 'text';
}

function weightOf(q: string | undefined): number {
  const weight = q === undefined ? 1 : Number(q);
  return weight >= 0 && weight <= 1 ? weight : 0;
}
