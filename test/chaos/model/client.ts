import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Event, HostName, JailName, Position, RequestKind, SyncRequest } from '@banshare/protocol';
import type { Answer } from '@banshare/transport';
import { Applier } from '../../../packages/client/src/apply/apply.ts';
import type { BanRow } from '../../../packages/client/src/bans/ban-row.ts';
import { commandEnforcer } from '../../../packages/client/src/enforcers/command.ts';
import type { Ended } from '../../../packages/client/src/host/exec.ts';
import { Follower } from '../../../packages/client/src/follow/follow.ts';
import { Notes } from '../../../packages/client/src/host/echo-notes.ts';
import { State } from '../../../packages/client/src/bans/state.ts';
import { recordNews } from '../../../packages/client/src/decide/record-news.ts';
import { markBegun, resumePending } from '../../../packages/client/src/apply/expiry.ts';
import type { Message, ModelServer } from './server.ts';
import type { DecideParts } from '../../../packages/client/src/decide/parts.ts';

const COMMANDS = {
  ban: ['set', 'JAIL', 'banip', 'SRCIP'],
  unban: ['set', 'JAIL', 'unbanip', 'SRCIP'],
  missingJail: 'banshare' as JailName,
};
/** Far beyond any run: the model itself says when a server is silent. */
const NEVER_MS = 2 ** 31 - 1;

type Command = { words: string[]; end: (ended: Ended) => void };

/** One life of the client's process. */
class Life {
  readonly state: State;
  readonly asked: { request: SyncRequest; answer: (answer: Answer) => void }[] = [];
  readonly commands: Command[] = [];
  #deliver: ((message: Message | undefined) => void) | undefined;
  #isOver = false;

  constructor(folder: string, now: () => number) {
    this.state = new State(folder);
    const notes = new Notes(join(folder, 'notes'));
    const enforcer = commandEnforcer(COMMANDS, notes, (words) => {
      const { promise, resolve } = Promise.withResolvers<Ended>();
      this.commands.push({ words, end: resolve });
      return promise;
    });
    const log = { info: () => undefined, warning: () => undefined };
    const { state } = this;
    const applier = new Applier({ state, enforcer, concurrency: 2, log, now, settled: () => undefined });
    const parts: DecideParts = {
      state,
      choice: CHOICE,
      now,
      queue: (row: BanRow) => applier.queue(row),
      isUnderWay: (ip) => applier.isUnderWay(ip),
      skipped: () => undefined,
    };
    const isWanted = (): boolean => !this.#isOver;
    void markBegun(state, notes, COMMANDS.missingJail, isWanted);
    void resumePending(state, applier, isWanted);
    const follower = new Follower({
      subscription: { receive: () => this.#receive(), refused: new Promise(() => undefined) },
      link: { ask: (request: RequestKind) => this.#ask(request) },
      position: state.position(),
      // A request that dies with this life ends unanswered, and the messages behind it would still be read.
      take: (news) => (this.#isOver ? undefined : recordNews(news, parts)),
      heard: () => undefined,
      fault: () => undefined,
      silentAfterMs: NEVER_MS,
    });
    void follower.follow();
  }

  get isWaiting(): boolean {
    return this.#deliver !== undefined;
  }

  deliver(message: Message): void {
    this.#deliver?.(message);
    this.#deliver = undefined;
  }

  /** Nothing that was under way comes back to this life. */
  end(): void {
    this.#isOver = true;
    this.state.close();
    for (const { answer } of this.asked) answer({ ok: false, fault: 'unreachable', reason: 'over' });
    this.#deliver?.(undefined);
  }

  #receive(): Promise<Message | undefined> {
    if (this.#isOver) return Promise.resolve(undefined);
    return new Promise((resolve) => (this.#deliver = resolve));
  }

  #ask(request: RequestKind): Promise<Answer> {
    if (request.kind !== 'sync') throw new Error('only sync is asked here');
    return new Promise((answer) => this.asked.push({ request, answer }));
  }
}

const CHOICE = {
  ownName: 'h1' as HostName,
  ownReports: false,
  jails: ['*'],
  progs: ['*'],
  localJails: new Map<string, string>(),
  ruleFor: () => undefined,
  isPaused: false,
};

/** A client of the model: the real follower, state, applier and command enforcer; its firewall outlives its deaths. */
export class ModelClient {
  readonly #folder: string;
  readonly #server: ModelServer;
  #life: Life;
  #channel: Message[] = [];
  readonly firewall = new Set<string>();

  constructor(folder: string, server: ModelServer) {
    this.#folder = folder;
    mkdirSync(folder);
    this.#server = server;
    server.listeners.push((message) => this.#channel.push(message));
    this.#life = new Life(folder, () => server.now);
  }

  get position(): Position | undefined {
    return this.#life.state.position();
  }

  get rows(): BanRow[] {
    return this.#life.state.all();
  }

  /** The oldest message on the way arrives, or is lost. */
  async receive(isLost: boolean): Promise<void> {
    if (this.#channel.length === 0) return;
    if (isLost) this.#channel.shift();
    else if (this.#life.isWaiting) this.#life.deliver(this.#channel.shift() as Message);
    await settle();
  }

  /** The oldest request is answered, or its answer is lost. */
  async answer(isLost: boolean): Promise<void> {
    const asked = this.#life.asked.shift();
    if (asked === undefined) return;
    asked.answer(
      isLost
        ? { ok: false, fault: 'unreachable', reason: 'no answer' }
        : await this.#server.sync(asked.request),
    );
    await settle();
  }

  /** The oldest command ends. */
  async endCommand(): Promise<void> {
    const command = this.#life.commands.shift();
    if (command === undefined) return;
    const stdout = this.#run(command.words) ? '1' : '0';
    command.end({ code: 0, isTimedOut: false, stdout, stderr: '', milliseconds: 1 });
    await settle();
  }

  /** The process dies; the commands that ran may have had their effect. Messages are lost with the connection. */
  async crash(hadEffect: boolean): Promise<void> {
    if (hadEffect) for (const { words } of this.#life.commands) this.#run(words);
    this.#life.end();
    this.#channel = [];
    this.#life = new Life(this.#folder, () => this.#server.now);
    await settle();
  }

  /** The sockets are built anew: what was on the way is lost. */
  cut(): void {
    this.#channel = [];
  }

  /** Everything arrives and ends, until nothing is under way. */
  async calm(): Promise<void> {
    while (this.#channel.length + this.#life.asked.length + this.#life.commands.length > 0) {
      await this.answer(false);
      await this.endCommand();
      await this.receive(false);
    }
  }

  close(): void {
    this.#life.end();
  }

  /** As fail2ban-client: whether it was new. */
  #run([, jail = '', verb, ip = '']: string[]): boolean {
    const held = `${jail} ${ip}`;
    const wasThere = this.firewall.has(held);
    if (verb === 'banip') this.firewall.add(held);
    else this.firewall.delete(held);
    return wasThere !== (verb === 'banip');
  }
}

/** Whatever can go on without the model has gone on. */
async function settle(): Promise<void> {
  // What arrives is taken together with what arrives in the same turn of the loop.
  for (let turn = 0; turn < 3; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}

/** The bans that hold after these events. */
export function fold(events: readonly Event[]): Map<string, number> {
  const bans = new Map<string, number>();
  for (const { kind, ip, jail, seq } of events) {
    if (kind === 'ban') bans.set(`${jail} ${ip}`, seq);
    else bans.delete(`${jail} ${ip}`);
  }
  return bans;
}
