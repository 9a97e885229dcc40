import type { TestEvent } from 'node:test/reporters';

type Row = { outcome: 'passed' | 'skipped' | 'FAILED'; seconds: number; name: string; why: string };

/** A reporter of node:test that says at the end, in a table, what passed, what did not, and what was skipped for which reason. */
export default async function* table(events: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  const rows: Row[] = [];
  for await (const event of events) {
    if (event.type !== 'test:pass' && event.type !== 'test:fail') continue;
    const { name, nesting, skip, details } = event.data;
    if (nesting > 0) continue;
    const isSkipped = skip !== undefined && skip !== false;
    const outcome = event.type === 'test:fail' ? 'FAILED' : isSkipped ? 'skipped' : 'passed';
    const why = typeof skip === 'string' ? skip : '';
    rows.push({ outcome, seconds: details.duration_ms / 1000, name, why });
  }
  yield `\n${rows.map(lineOf).join('\n')}\n\n${countsOf(rows)}\n`;
}

function lineOf({ outcome, seconds, name, why }: Row): string {
  const time = outcome === 'skipped' ? '' : `${seconds.toFixed(0)} s`;
  return `${outcome}  ${time.padStart(6)}  ${name}${why === '' ? '' : ` (${why})`}`;
}

function countsOf(rows: readonly Row[]): string {
  const kinds = ['passed', 'skipped', 'FAILED'] as const;
  return kinds.map((kind) => `${rows.filter(({ outcome }) => outcome === kind).length} ${kind}`).join(', ');
}
