import { existsSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Host } from '../../../test/lab/ground/host.ts';
import { ROOT } from '../../say.ts';
import { run, unpack } from './packages.ts';

const FOLDER = join(ROOT, 'build/bench-crowdsec');
const LAYER = join(FOLDER, 'layer');
const KEY = 'bench0bench0bench0bench0bench000';
const PORT = 8080;
const BOUNCER = '/etc/crowdsec/bouncers/crowdsec-firewall-bouncer.yaml';

/** CrowdSec of Debian, in hosts of the lab only: what its packages' scripts would do, but for registering online. */
export type CrowdSec = { versions: Record<string, string>; layer: string };

/** Fetches CrowdSec from Debian and makes a layer for hosts of it; or says why it is left out. */
export function fetchCrowdSec(): CrowdSec | { why: string } {
  const unpacked = unpack(['crowdsec', 'crowdsec-firewall-bouncer'], FOLDER);
  if ('why' in unpacked) return unpacked;
  rmSync(LAYER, { recursive: true, force: true });
  const from = join(FOLDER, 'unpacked');
  run('mkdir', ['-p', LAYER]);
  for (const top of ['etc', 'usr', 'var'])
    if (existsSync(join(from, top))) run('cp', ['-a', join(from, top), join(LAYER, top)]);
  const state = join(LAYER, 'var/lib/crowdsec');
  run('mkdir', ['-p', join(state, 'data'), join(state, 'hub')]);
  run('cp', ['-a', `${join(LAYER, 'usr/share/crowdsec/data')}/.`, join(state, 'data')]);
  for (const item of readdirSync(join(LAYER, 'usr/share/crowdsec/hub'))) {
    const link = join(state, 'hub', item);
    if (!existsSync(link)) symlinkSync(`/usr/share/crowdsec/hub/${item}`, link);
  }
  const etc = join(LAYER, 'etc/crowdsec');
  // A file without credentials: nothing is sent to CrowdSec's own service, and nothing fetched.
  writeFileSync(join(etc, 'online_api_credentials.yaml'), '# none\n');
  writeFileSync(join(etc, 'local_api_credentials.yaml'), '');
  const local = `api:\n  server:\n    listen_uri: 0.0.0.0:${PORT}\ndb_config:\n  use_wal: true\n`;
  writeFileSync(join(etc, 'config.yaml.local'), local);
  return { versions: unpacked.versions, layer: LAYER };
}

/** Starts the LAPI on a host and a firewall bouncer on others, with their defaults, and waits until all are at work. */
export async function startCrowdSec(server: Host, hosts: readonly Host[]): Promise<void> {
  await server.output(['cscli', '--error', 'machines', 'add', '--force', 'bench', '--password', KEY]);
  for (const { name } of hosts)
    await server.output(['cscli', '--error', '-oraw', 'bouncers', 'add', name, '-k', `${name}${KEY}`]);
  server.spawn(['crowdsec', '-c', '/etc/crowdsec/config.yaml', '-no-cs', '-no-capi']);
  await server.untilLines('/var/log/crowdsec.log', /Local API listening/);
  await Promise.all(
    hosts.map(async (host) => {
      const url = `http://${server.addresses.ipv4}:${PORT}/`;
      await host.write(
        `${BOUNCER}.local`,
        `mode: nftables\napi_url: ${url}\napi_key: ${host.name}${KEY}\n`,
        0o600,
      );
      host.spawn(['crowdsec-firewall-bouncer', '-c', BOUNCER]);
      await host.untilLines('/var/log/crowdsec-firewall-bouncer.log', /Processing new and deleted decisions/);
    }),
  );
}
