// Which exit codes a daemon's program has, by its sources.
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { EXIT, EXIT_MEANS } from '../../packages/runtime/src/process/exit-codes.ts';
import { ROOT } from '../say.ts';

/** The sources that every daemon runs, whose exit codes are its own. */
const OF_ALL_DAEMONS = ['packages/runtime/src/**/lifecycle.ts', 'packages/runtime/src/**/tell.ts'];

/** The exit codes that the sources of a daemon name, and those of what every daemon is made of. */
export function exitCodesOf(name: 'server' | 'client'): (readonly [code: number, means: string])[] {
  const files = [`packages/${name}/src/**/*.ts`, ...OF_ALL_DAEMONS].flatMap((each) =>
    globSync(each, { cwd: ROOT }),
  );
  const text = files.map((file) => readFileSync(join(ROOT, file), 'utf8')).join('\n');
  return Object.entries(EXIT).flatMap(([code, number]) =>
    new RegExp(`\\bEXIT\\.${code}\\b`).test(text)
      ? [[number, EXIT_MEANS[code as keyof typeof EXIT]] as const]
      : [],
  );
}
