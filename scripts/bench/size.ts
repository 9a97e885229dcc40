import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Figure } from './figures.ts';
import type { BenchFleet } from './load/fleet.ts';

/** Installed size of an architecture, and that of the two installers. */
export function measureSizes(fleet: BenchFleet): Figure[] {
  const installed = [fleet.library, fleet.bin].flatMap((folder) =>
    readdirSync(folder).map((name) => statSync(join(folder, name)).size),
  );
  const total = installed.reduce((sum, size) => sum + size, 0) / 1e6;
  const raw = `${installed.length} files`;
  const figures: Figure[] = [
    { name: 'installed size', value: total, unit: 'MB', bound: 'most', goal: 140, raw },
  ];
  for (const role of ['client', 'server'] as const) {
    fleet.script('installers.ts', [role, `--certs=${fleet.certs}`, `--dist=${fleet.dist}`]);
    const value = statSync(join(fleet.dist, `${role}-install.sh`)).size / 1e6;
    figures.push({
      name: `${role}-install.sh`,
      value,
      unit: 'MB',
      bound: 'most',
      goal: 60,
      raw: 'this architecture',
    });
  }
  return figures;
}
