import { rmSync } from 'node:fs';
import { join } from 'node:path';
import type { AdminReply } from '@banshare/runtime';
import type { ReportPort } from '@banshare/transport';
import type { Audit } from '../ledger/audit.ts';
import type { Distributor } from '../publish/distribute.ts';
import { publishDomain, reportDomain, type Admissions } from '../ports/admissions.ts';
import type { Generation } from '../setup/generations.ts';
import type { HostBook } from '../fleet/hosts.ts';
import { someOf } from '@banshare/runtime';
import { decline, textOf, type Args } from './bans.ts';
import type { Host } from '../words/host.ts';

/** The generations in service; `serverKeys` is what requests may be addressed to. */
export type Service = {
  generations: Generation[];
  serverKeys: Set<string>;
  port: ReportPort;
  distributor: Distributor;
  admissions: Admissions;
  directory: string;
};

/** What decides whether a generation may go. */
export type RetireParts = {
  service: Service;
  book: HostBook;
  audit: Audit;
  goneAfterSeconds: number;
  now: () => number;
};

/** `retire GENERATION [--force]`: its ports are closed and its keys removed; refused while hosts are still on it. */
export async function retire(args: Args, parts: RetireParts): Promise<AdminReply> {
  const { service, audit, now } = parts;
  const name = textOf(args, 'generation') ?? '';
  const generation = service.generations.find((each) => each.name === name || each.fleet.generation === name);
  if (generation === undefined)
    return decline('generation', `no generation "${name}" is in service: see banshare-server status`);
  if (service.generations.length === 1)
    return decline('generation', `${name} is the only generation in service`);
  const left = hostsOn(generation, parts);
  if (left.length > 0 && args['force'] !== true) {
    return decline('hosts', saying(left, name));
  }
  await audit.add('retired', { generation: name, hostsLeft: left.map((host) => host.name) }, now());
  try {
    await takeOut(generation, service);
  } catch (error) {
    await audit.add('retired in part', { generation: name, failed: (error as Error).message }, now());
    throw error;
  }
  const { reportPort, publishPort } = generation.fleet;
  return {
    ok: true,
    result: {
      says: `${name} is retired: nothing listens on its ports ${reportPort} and ${publishPort} any more.`,
      reportPort,
      publishPort,
    },
  };
}

/** Closes its ports and removes its keys; what has no way back comes last. @throws when a port or a file does not go. */
async function takeOut(generation: Generation, service: Service): Promise<void> {
  service.serverKeys.delete(generation.curve.publicKey);
  service.admissions.forgetJoining(generation.name);
  await service.distributor.closeDomain(publishDomain(generation.name));
  await service.port.unlisten(reportDomain(generation.name));
  service.generations.splice(service.generations.indexOf(generation), 1);
  rmSync(join(service.directory, generation.name), { recursive: true, force: true });
}

/** Hosts that were heard of lately and have not moved yet; one that never told its generation may be on any. */
function hostsOn({ name, fleet }: Generation, { book, goneAfterSeconds, now }: RetireParts): Host[] {
  return book
    .present(now(), goneAfterSeconds)
    .filter(
      ({ generation }) => generation === null || generation === name || generation === fleet.generation,
    );
}

function saying(left: readonly Host[], name: string): string {
  const named = someOf(
    left.map((host) => (host.generation === null ? `${host.name} (never said which it is on)` : host.name)),
  );
  const are = left.every(({ generation }) => generation === null)
    ? 'may be'
    : left.length === 1
      ? 'is'
      : 'are';
  const count = left.length === 1 ? '1 host' : `${left.length} hosts`;
  return `${count} ${are} still on ${name}: ${named}. Move them, or retire it with --force; a host that is no more goes with banshare-server hosts forget`;
}
