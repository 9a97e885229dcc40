import { test } from 'node:test';
import { tryOn } from './trial.ts';
import { DEBIAN_13, isOnMirror, SYSTEMS, whyNoSystems } from './roots.ts';
import { noteTried } from './tried.ts';

// Each system boots its own systemd and is hit by real packets. `make systems` tries all of them; otherwise there is time for one.
const skip = whyNoSystems();
const all = process.env['BANSHARE_SYSTEMS'] === 'all';
const systems = all ? SYSTEMS : [DEBIAN_13];

for (const system of systems) {
  test(
    `${system.name}: installs, bans for others, puts back what is lost, upgrades and is removed without a trace`,
    { skip, timeout: 600_000 },
    async (context) => {
      if (!isOnMirror(system)) return context.skip(`the mirror of this machine no longer has ${system.name}`);
      const versions = await tryOn(system, async (what, work) => {
        const start = performance.now();
        try {
          await work();
        } catch (cause) {
          throw new Error(`${system.name} does not do this: ${what}`, { cause });
        }
        context.diagnostic(`${((performance.now() - start) / 1000).toFixed(1)} s: ${what}`);
      });
      if (all) noteTried({ system: system.name, ...versions, on: new Date().toISOString().slice(0, 10) });
      context.diagnostic(
        `${system.name}: fail2ban ${versions.fail2ban}, nft ${versions.nft}, systemd ${versions.systemd}`,
      );
    },
  );
}
