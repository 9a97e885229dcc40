import { rmSync } from 'node:fs';
import { join } from 'node:path';
import type { AdminReply } from '@banshare/runtime';
import type { ReportPort } from '@banshare/transport';
import type { Audit } from '../../ledger/books/audit.ts';
import { GenerationBook } from '../../ledger/books/generations.ts';
import type { Ledger } from '../../ledger/ledger.ts';
import type { Distributor } from '../../publish/distribute.ts';
import { publishDomain, reportDomain, type Admissions } from '../../ports/admissions.ts';
import type { Generation } from '../../setup/generations.ts';
import type { HostBook } from '../../fleet/hosts.ts';
import { someOf } from '@banshare/runtime';
import { decline, textOf, type Args } from './bans.ts';
import type { Host } from '../../words/hosts/host.ts';

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
  retiring: Retiring;
  ledger: Ledger;
  book: HostBook;
  audit: Audit;
  goneAfterSeconds: number;
  now: () => number;
};

/**
 * `retire GENERATION [--force]`: its ports are closed and its keys removed, by every server that has it; refused while hosts are still on it.
 * This server need not have it.
 */
export async function retire(args: Args, parts: RetireParts): Promise<AdminReply> {
  const { service, retiring, ledger, audit, now } = parts;
  const asked = textOf(args, 'generation') ?? '';
  if (args['undo'] === true) return unretire(asked, parts);
  const generations = new GenerationBook(ledger);
  const generation = service.generations.find(
    (each) => each.name === asked || each.fleet.generation === asked,
  );
  const name = generation?.fleet.generation ?? asked;
  const done = await ledger.write(() => {
    const refusal = mayNot(name, generation, args['force'] === true, parts);
    if (refusal !== undefined) return refusal;
    const left = hostsOn(name, generation, parts);
    audit.note('retired', { generation: asked, hostsLeft: left.map((host) => host.name) }, now());
    generations.retire(name, now());
    return undefined;
  });
  if (done !== undefined) return done;
  if (generation === undefined)
    return { ok: true, result: { says: `${name} is retired on every server that has it.`, ...NO_PORTS } };
  try {
    await retiring.takeOut(generation);
  } catch (error) {
    await audit.add('retired in part', { generation: asked, failed: (error as Error).message }, now());
    throw error;
  }
  const { reportPort, publishPort } = generation.fleet;
  const elsewhere = ledger.isShared ? ', on no server; close them in the firewalls of the others too' : '';
  return {
    ok: true,
    result: {
      says: `${asked} is retired: nothing listens on its ports ${reportPort} and ${publishPort} any more${elsewhere}.`,
      reportPort,
      publishPort,
    },
  };
}

/** `retire GENERATION --undo`: where it was retired by mistake, its installers bring it back. */
async function unretire(name: string, { ledger, audit, now }: RetireParts): Promise<AdminReply> {
  const generations = new GenerationBook(ledger);
  const isNews = await ledger.write(() => {
    if (!generations.isRetired(name)) return false;
    generations.unretire(name);
    audit.note('retired no more', { generation: name }, now());
    return true;
  });
  if (!isNews) return decline('generation', `${name} is not retired`);
  const says = `${name} may be served again: its keys are removed, so run its server-install.sh or banshare-server generation add on each server.`;
  return { ok: true, result: { says, ...NO_PORTS } };
}

/** Why a generation is not taken in; undefined where it may be. A server that is alone has what is installed, since nobody else can have said otherwise. */
export function refusesGeneration(name: string, ledger: Ledger): AdminReply | undefined {
  if (ledger.replica() === undefined || !new GenerationBook(ledger).isRetired(name)) return undefined;
  return decline(
    'generation',
    `${name} is retired, on every server of this fleet, and each would remove its keys again: banshare-server retire ${name} --undo first, then add it once more`,
  );
}

const NO_PORTS = { reportPort: null, publishPort: null };

/** Looked at in the piece that retires it: another server may have retired one since. */
function mayNot(
  name: string,
  generation: Generation | undefined,
  isForced: boolean,
  parts: RetireParts,
): AdminReply | undefined {
  const { service, ledger } = parts;
  const known = new GenerationBook(ledger).inService();
  if (generation === undefined && !known.includes(name))
    return decline('generation', `no generation "${name}" is in service: see banshare-server status`);
  if (generation !== undefined && service.generations.length === 1)
    return decline('generation', `${name} is the only generation in service`);
  if (known.every((each) => each === name))
    return decline('generation', `${name} is the only generation in service on any server`);
  const left = hostsOn(name, generation, parts);
  return left.length > 0 && !isForced ? decline('hosts', saying(left, name)) : undefined;
}

/** Has a server stop serving generations, each once, however often it is asked for. */
export class Retiring {
  readonly #service: Service;
  readonly #leaving = new Map<Generation, Promise<void>>();

  constructor(service: Service) {
    this.#service = service;
  }

  /** Takes out what is retired, also through another server; `failed` is told what does not go. */
  follow(ledger: Ledger, failed: (generation: string, error: Error) => void): void {
    const book = new GenerationBook(ledger);
    const look = (): void => {
      for (const generation of this.#service.generations.filter(({ fleet }) =>
        book.isRetired(fleet.generation),
      ))
        this.takeOut(generation).catch((error: unknown) => failed(generation.name, error as Error));
    };
    ledger.follow({
      applied: ({ isAll, settings }) => {
        if (isAll || [...settings].some((name) => name.startsWith('retired/'))) look();
      },
    });
    // One may have been since this server looked at its start.
    look();
  }

  /** Closes its ports and removes its keys. @throws when a port or a file does not go. */
  takeOut(generation: Generation): Promise<void> {
    const leaving = this.#leaving.get(generation) ?? takeOut(generation, this.#service);
    this.#leaving.set(generation, leaving);
    return leaving;
  }
}

/** What has no way back comes last. The keys of a server's last generation stay: without any it does not even start to say why. */
async function takeOut(generation: Generation, service: Service): Promise<void> {
  service.serverKeys.delete(generation.curve.publicKey);
  service.admissions.forgetJoining(generation.name);
  await service.distributor.closeDomain(publishDomain(generation.name));
  await service.port.unlisten(reportDomain(generation.name));
  service.generations.splice(service.generations.indexOf(generation), 1);
  if (service.generations.length > 0) removeKeys(service.directory, generation);
}

/** Removes the keys of a generation. @throws the system's error */
export function removeKeys(directory: string, { name }: Generation): void {
  rmSync(join(directory, name), { recursive: true, force: true });
}

/** Hosts that were heard of lately and have not moved yet; one that never told its generation may be on any. */
function hostsOn(
  name: string,
  generation: Generation | undefined,
  { book, goneAfterSeconds, now }: RetireParts,
): Host[] {
  return book
    .present(now(), goneAfterSeconds)
    .filter((host) => [null, name, generation?.name].includes(host.generation));
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
