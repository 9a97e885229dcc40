import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { formatFleet, parseFleet, splitWords, type Fleet, type Servers } from '@banshare/runtime';
import { makeCurvePair } from '@banshare/transport';
import { findGeneration, finishGeneration, writeGeneration, type Keys } from './generation-files.ts';
import { parsePorts, randomPorts } from '../ports.ts';
import { Fault, ROOT, tell } from '../say.ts';

const DEFAULT_SERVERS: Servers = ['127.0.0.1'];
const DEFAULT_BAN_COMMAND = '/usr/bin/fail2ban-client set JAIL banip SRCIP';

/** Makes the generation that the words of a command line ask for, and says which; throws a Fault, with nothing changed, where it cannot. */
export async function makeGeneration(words: readonly string[]): Promise<void> {
  const { values: asked } = parseArgs({
    args: [...words],
    options: {
      server: { type: 'string' },
      'ban-command': { type: 'string' },
      ports: { type: 'string' },
      certs: { type: 'string', default: join(ROOT, 'certs') },
    },
  });
  finishGeneration(asked.certs);
  const previous = findGeneration(asked.certs);
  const keys: Keys = { server: await makeCurvePair(), join: await makeCurvePair() };
  const [reportPort, publishPort] =
    asked.ports === undefined
      ? randomPorts(previous === undefined ? [] : [previous.reportPort, previous.publishPort])
      : parsePorts(asked.ports);
  const created = new Date();
  const fleet: Fleet = {
    generation: generationName(created, keys.server.publicKey),
    created: created.toISOString(),
    servers: asked.server === undefined ? (previous?.servers ?? DEFAULT_SERVERS) : namesIn(asked.server),
    reportPort,
    publishPort,
    serverPublicKey: keys.server.publicKey,
    banCommand: asked['ban-command'] ?? previous?.banCommand ?? DEFAULT_BAN_COMMAND,
  };
  check(fleet);
  writeGeneration(asked.certs, fleet, keys);
  announce(fleet, asked.server === undefined && previous === undefined);
}

/** Created time plus six hex digits of the server key's hash, as in `20261121T104500Z-a1b2c3`. */
function generationName(created: Date, publicKey: string): string {
  const time = created.toISOString().replace(/[-:]|\.\d+/g, '');
  return `${time}-${createHash('sha256').update(publicKey).digest('hex').slice(0, 6)}`;
}

/** Reads SERVER: names or addresses with blanks between. */
function namesIn(text: string): Servers {
  const [first, ...others] = text.split(/\s+/).filter((name) => name !== '');
  if (first === undefined) throw new Fault('Cannot use SERVER: it names no server. Nothing was changed');
  return [first, ...others];
}

/** Refuses what a program of this generation would refuse later, and what can never work. */
function check(fleet: Fleet): void {
  const read = parseFleet(formatFleet(fleet));
  if (!read.ok) throw new Fault(`${read.fault}. Nothing was changed`);
  const nowhere = read.value.servers.find((server) => ['0.0.0.0', '::'].includes(server));
  if (nowhere !== undefined)
    throw new Fault(`Cannot use SERVER=${nowhere}: hosts must be able to connect to it. Nothing was changed`);
  const words = splitWords(fleet.banCommand);
  if (words.ok && !words.value.some((word) => word.includes('SRCIP')))
    throw new Fault(
      `Cannot use BAN_COMMAND=${fleet.banCommand}: SRCIP, which becomes the address, is not in it. Nothing was changed`,
    );
}

function announce(fleet: Fleet, unasked: boolean): void {
  tell(`Generation ${fleet.generation} in certs/`);
  const label = fleet.servers.length === 1 ? 'server  ' : 'servers ';
  tell(
    `  ${label} ${fleet.servers.join(', ')}, ports ${fleet.reportPort} (reports) and ${fleet.publishPort} (bans)`,
  );
  tell(`  bans by  ${fleet.banCommand}`);
  if (unasked)
    tell(
      '  SERVER was not given, so this generation is for this machine alone (127.0.0.1). For a fleet, run\n' +
        '  make regen SERVER=bans.example.org with a DNS name that leads to your server: a name outlives an address.',
    );
  tell(
    'Next: make packages generation-file, or make client-install.sh server-install.sh, as README.md says; a fleet that runs already goes\n' +
      'over with make deploy HOSTS=file, or an upgrade of its packages. certs/ holds secrets: keep it to yourself.',
  );
}
