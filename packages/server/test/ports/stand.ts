import assert from 'node:assert/strict';
import { curveKeyPair, Dealer, Subscriber } from 'zeromq';
import { PublishPort, ReportPort, type CurvePair } from '@banshare/transport';
import { Admissions, publishDomain, reportDomain } from '../../src/ports/admissions.ts';

/** Everything that may knock, by what the server knows of its key. */
export const KEYS = [
  'unknown',
  'pending',
  'good',
  // Of a host that goes over to another key: the one that waits to be used, and the one that was.
  'next',
  'replaced',
  'revoked',
  'join',
  'join of another',
  'join of a retired',
  'token',
  // One that has ended, is used up or was revoked, and one that may be used from elsewhere.
  'token that is over',
  'token of another address',
] as const;
type Key = (typeof KEYS)[number];
const DOORS = ['report', 'publish', 'report of a retired', 'publish of a retired'] as const;
type Door = (typeof DOORS)[number];

/** The cells that let hosts in. */
const OF_HOSTS = ['good at report', 'good at publish', 'next at report', 'next at publish'].toSorted();
/** The only cells that let anybody in. */
export const OPEN: readonly string[] = [...OF_HOSTS, 'join at report', 'token at report'].toSorted();
/** With enrolment closed. */
export const CLOSED: readonly string[] = [...OF_HOSTS, 'token at report'].toSorted();

/** A door that answers does so long before this, on any machine. */
const PATIENCE_MS = 20_000;

/** Two generations, one of which is retired, with every kind of key. */
export class Stand implements Disposable {
  readonly admissions = new Admissions();
  readonly keys = new Map<Key, CurvePair>(KEYS.map((key) => [key, curveKeyPair()]));
  readonly servers = { current: curveKeyPair(), retired: curveKeyPair() };
  readonly at = new Map<Door, string>();
  readonly #report = new ReportPort();
  readonly #publish = new PublishPort();

  async open(): Promise<this> {
    const { current, retired } = this.servers;
    for (const [generation, curve, suffix] of [
      ['current', current, ''],
      ['retired', retired, ' of a retired'],
    ] as const) {
      const listening = { curve, address: '127.0.0.1', port: 0 };
      const report = await this.#report.listen({ ...listening, domain: reportDomain(generation) });
      const publish = await this.#publish.listen({ ...listening, domain: publishDomain(generation) });
      this.at.set(`report${suffix}`, report).set(`publish${suffix}`, publish);
    }
    // As a server does in the life of these keys.
    for (const key of ['good', 'next', 'replaced', 'revoked'] as const)
      this.admissions.admitHost(this.#public(key));
    for (const key of ['replaced', 'revoked'] as const) this.admissions.expelHost(this.#public(key));
    this.admissions.admitJoining('current', this.#public('join'));
    this.admissions.admitJoining('another', this.#public('join of another'));
    this.admissions.admitJoining('retired', this.#public('join of a retired'));
    this.admissions.admitTokens({
      has: (key) => key === this.#public('token'),
      opens: (key, address) =>
        (key === this.#public('token') && address === '127.0.0.1') ||
        (key === this.#public('token of another address') && address !== '127.0.0.1'),
    });
    this.admissions.forgetJoining('retired');
    await this.#report.unlisten(reportDomain('retired'));
    await this.#publish.unlisten(publishDomain('retired'));
    void this.#report.receive();
    return this;
  }

  /** The cells that let somebody in; those that say nothing for so long do not. */
  async cellsThatOpen(patienceMs = PATIENCE_MS): Promise<string[]> {
    const cells = DOORS.flatMap((door) => KEYS.map((key) => ({ door, key })));
    const open = await Promise.all(
      cells.map(async ({ door, key }) =>
        (await this.#knock(door, key, patienceMs)) ? [`${key} at ${door}`] : [],
      ),
    );
    return open.flat().toSorted();
  }

  [Symbol.dispose](): void {
    this.#report.close();
    this.#publish.close();
  }

  #public(key: Key): string {
    return this.keys.get(key)?.publicKey ?? '';
  }

  async #knock(door: Door, key: Key, patienceMs: number): Promise<boolean> {
    const Kind = door.startsWith('report') ? Dealer : Subscriber;
    const pair = this.keys.get(key);
    assert.ok(pair !== undefined);
    const socket = new Kind({
      linger: 0,
      curveServerKey: (door.endsWith('retired') ? this.servers.retired : this.servers.current).publicKey,
      curvePublicKey: pair.publicKey,
      curveSecretKey: pair.secretKey,
    });
    let timer: NodeJS.Timeout | undefined;
    try {
      return await new Promise((resolve) => {
        timer = setTimeout(() => resolve(false), patienceMs);
        socket.events.on('handshake', () => resolve(true));
        socket.events.on('handshake:error:auth', () => resolve(false));
        // Nobody listens there.
        socket.events.on('connect:retry', () => resolve(false));
        socket.connect(this.at.get(door) ?? '');
      });
    } finally {
      clearTimeout(timer);
      socket.close();
    }
  }
}
