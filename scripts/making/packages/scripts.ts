import { BUNDLES, libraryFiles, pieceEntries, type Role } from '../payload.ts';
import { STATE_TABLES } from '../../../packages/client/src/bans/state-schema.ts';
import { SCHEMA } from '../../../packages/server/src/ledger/schema.ts';
import { pieceText, quoted } from '../installer-script.ts';
import type { Fleet } from '@banshare/runtime';

/** The pieces of installers/setup/ and installers/packages/ that `setup-ROLE` is made of, in the order of reading. */
const PIECES: Readonly<Record<Role, string>> = {
  client:
    'say machine files compare swap stage unit programs fail2ban idle-reporter psad configuration host packages/units packages/earlier packages/client packages/main',
  server:
    'say owner machine files compare swap stage unit programs user ports configuration serving packages/units packages/earlier packages/server packages/main',
};

/** What the package's scripts need when its files are gone. */
const GONE: Readonly<Record<Role, string>> = {
  client: 'idle-reporter packages/client-gone',
  server: 'say owner user packages/server-gone',
};

/** What runs wherever a role is installed: with its own unit what else is harmless until it is configured. */
const FIRST: Readonly<Record<Role, readonly string[]>> = {
  client: ['banshare-client.service'],
  server: ['banshare-server.service', 'banshare-backup.timer'],
};

/** The units of a role that can be switched on, beside those. */
function otherUnits(role: Role): string[] {
  return pieceEntries(role).flatMap(({ name, bytes }) => {
    const unit = /^systemd\/(banshare-.*\.(?:service|timer))$/.exec(name)?.[1];
    const isChosen = Buffer.from(bytes).includes('\n[Install]\n');
    return unit !== undefined && isChosen && !FIRST[role].includes(unit) ? [unit] : [];
  });
}

/** The script that a package's own scripts call: all that an installation does beside laying files. */
export function setupScript(
  role: Role,
  { dist, fleet, version }: { dist: string; fleet: Fleet; version: { program: string; package: string } },
): string {
  const values = {
    role,
    version: version.program,
    package_version: version.package,
    generation: fleet.generation,
    ...(role === 'server' ? { report_port: fleet.reportPort, publish_port: fleet.publishPort } : {}),
    program_prefixes: BUNDLES[role].join(' '),
    program_files: [...(role === 'client' ? ['psad.conf'] : []), ...libraryFiles(dist, role)].join(' '),
    first_units: FIRST[role].join(' '),
    other_units: otherUnits(role).join(' '),
    unit_dir: '/usr/lib/systemd/system',
  };
  return script(values, PIECES[role], 'main "$@"');
}

/** What a package has to know of what its program keeps on a machine: see installers/packages/older.sh. */
const KEPT: Readonly<Record<Role, { kept: string; tables: number }>> = {
  client: { kept: '/var/lib/banshare/client/state.db', tables: STATE_TABLES },
  server: { kept: '/var/lib/banshare/server/ledger.db', tables: SCHEMA },
};

/** What the scripts that run without the package's files have to know of them. */
export type ScriptsOf = { readonly role: Role; readonly version: string; readonly dist: string };

/** dpkg's scripts of a package by name. */
export function debScripts({ role, version, dist }: ScriptsOf): Record<string, string> {
  const gone = `${GONE[role]} packages/earlier packages/deb-gone`;
  const files = {
    program_prefixes: BUNDLES[role].join(' '),
    program_files: libraryFiles(dist, role).join(' '),
  };
  const first = { role, package_version: version, ...KEPT[role], ...files };
  return {
    preinst: script(first, 'packages/older packages/earlier packages/deb-first', 'preinst "$@"'),
    postinst: script({ role }, 'packages/deb', 'postinst "$@"'),
    prerm: script({ role }, 'packages/deb', 'prerm "$@"'),
    postrm: script({ units: [...FIRST[role], ...otherUnits(role)].join(' '), ...files }, gone, 'postrm "$@"'),
  };
}

/** rpm's scriptlets of a package by name. */
export function rpmScripts({ role, version }: Omit<ScriptsOf, 'dist'>): Record<string, string> {
  return {
    pre: script(
      { role, package_version: version, ...KEPT[role] },
      'packages/older packages/rpm-first',
      'pre "$@"',
    ),
    post: script({ role }, 'packages/rpm', 'post "$@"'),
    preun: script({ role }, 'packages/rpm', 'preun "$@"'),
    postun: script({}, `${GONE[role]} packages/rpm-gone`, 'postun "$@"'),
  };
}

function script(values: Readonly<Record<string, string | number>>, pieces: string, last: string): string {
  return [
    '#!/bin/sh',
    'set -eu',
    ...Object.entries(values).map(([name, value]) => `${name}=${quoted(String(value))}`),
    ...pieces.split(' ').map((name) => {
      const [folder, piece] = name.includes('/') ? name.split('/') : ['setup', name];
      return pieceText(piece ?? '', folder);
    }),
    last,
    '',
  ].join('\n');
}
