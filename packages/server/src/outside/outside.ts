import { hostname } from 'node:os';
import {
  answerBy,
  askBy,
  FaultLog,
  monotonicSeconds,
  openLog,
  serveAdmin,
  StartFault,
  tell,
  wallSeconds,
  type AdminReply,
  type AdminRuns,
  type HostPaths,
  type NotifyTable,
  type OpenLog,
  type ReadConfig,
  type Resources,
  type ServerConfig,
} from '@banshare/runtime';
import { ACTIONS } from '../operator/actions.ts';
import type { Told } from '../operator/attention/messages.ts';
import { isOfThisServer, SERVER_SILENT } from '../operator/attention/kinds.ts';
import { time } from '../words/phrases.ts';
import { OUTSIDE_ACTIONS } from './actions.ts';
import { DeadMan } from './dead-man.ts';
import { keep, readKept } from './kept.ts';
import type { Thing } from './news.ts';
import { receiverOf } from './receivers.ts';
import { Speaker } from './speaker.ts';
import { faultsOfNotify } from './faults.ts';

export type OutsideOptions = {
  config: ServerConfig;
  paths: HostPaths;
  reread: () => Promise<ReadConfig<ServerConfig>>;
};

/** How often the server is asked, and how often it tries a write for that: of several servers each is an entry of their log. */
const ASK_SECONDS = 10;
const WRITE_SECONDS = 30;
const ANSWER_MS = 20_000;
/** A server that is silent for so long has not just been started again. */
const SILENT_SECONDS = 60;

/**
 * The process that speaks to the world: it asks the server every few seconds what a person has to know, and tells who wants to know
 * it. It has no rights but that question, and whatever becomes of it, the server goes on.
 */
export class Outside {
  readonly #paths: HostPaths;
  readonly #reread: OutsideOptions['reread'];
  readonly #log: OpenLog;
  readonly #faults: FaultLog;
  readonly #server = hostname();
  #speakers: Speaker[] = [];
  /** The same by what server.toml says of them. */
  #tables = new Map<string, Speaker>();
  #deadMan: DeadMan | undefined;
  /** By receiver; also of those that are not asked for any more, until the next start. */
  #kept;
  /** The reloads of the server that this process has followed. */
  #reloads: number | undefined;
  readonly #monotonic: () => number;
  /** Monotonic seconds. */
  #answeredAt: number;
  #wroteAt = -Infinity;
  #things: readonly Thing[] = [];
  #isSpeaker = false;

  /** @param monotonic seconds that never jump. */
  constructor(
    { config, paths, reread }: OutsideOptions,
    log: OpenLog,
    monotonic: () => number = monotonicSeconds,
  ) {
    this.#monotonic = monotonic;
    this.#answeredAt = monotonic();
    this.#paths = paths;
    this.#reread = reread;
    this.#log = log;
    this.#faults = new FaultLog(log, monotonicSeconds);
    this.#kept = readKept(paths.said);
    this.#take(config);
  }

  /** Asks once, and tells who wants to know. Receivers are not waited for. */
  async look(): Promise<void> {
    const tryWriting = this.#monotonic() - this.#wroteAt >= WRITE_SECONDS;
    if (tryWriting) this.#wroteAt = this.#monotonic();
    const failing = this.#failing();
    const request = { command: 'attention', args: { tryWriting, failing } };
    const reply = await askBy(ACTIONS, this.#paths.outsideSocket, request, ANSWER_MS);
    if (reply.ok) await this.#heard(reply.result as Told);
    else this.#unheard(reply.reason);
    for (const speaker of this.#speakers)
      void speaker.hear({ things: this.#things, isSpeaker: this.#isSpeaker, isMine: isOfThisServer });
    this.#faults.sumUp();
  }

  /** Takes over what server.toml says now, where it has no fault. */
  async reload(): Promise<void> {
    const read = await this.#reread();
    const faults = read.ok ? faultsOfNotify(read.config) : read.faults;
    if (!read.ok || faults.length > 0) {
      this.#log.error('Cannot reload; receivers are as before', { reason: faults.join('; ') });
      return;
    }
    this.#log.set(read.config.log);
    this.#take(read.config);
    this.#log.notice('Reloaded', {
      receivers: this.#speakers.map(({ receiver }) => receiver.name).join(', '),
    });
  }

  /** Answers who asks this process itself. */
  answer(request: Parameters<typeof answerBy>[2]): AdminReply | Promise<AdminReply> {
    const runs: AdminRuns<typeof OUTSIDE_ACTIONS, undefined> = {
      ping: () => ({ ok: true, result: 'pong' }),
      receivers: () => ({
        ok: true,
        result: { receivers: this.#healths(), deadMan: this.#deadMan?.health ?? null },
      }),
      test: async () => ({ ok: true, result: { receivers: await this.#test() } }),
    };
    return answerBy(OUTSIDE_ACTIONS, runs, request, undefined);
  }

  close(): void {
    this.#deadMan?.stop();
    this.#keep();
  }

  async #heard(told: Told): Promise<void> {
    this.#answeredAt = this.#monotonic();
    this.#faults.over('server');
    this.#isSpeaker = told.speaks;
    this.#things = [
      ...told.urgent.map((entry) => ({ ...entry, level: 'urgent' as const })),
      ...told.todo.map((entry) => ({ ...entry, level: 'to-do' as const })),
    ];
    this.#deadMan?.heard(told.isAtWork);
    if (this.#reloads !== undefined && told.reloads !== this.#reloads) await this.reload();
    this.#reloads = told.reloads;
  }

  /** What was so before is unknown now, so that nothing of it is over. */
  #unheard(reason: string): void {
    const seconds = this.#monotonic() - this.#answeredAt;
    this.#faults.fault('server', 'Cannot ask the server', { reason });
    if (seconds < SILENT_SECONDS || this.#things.some(({ code }) => code === SERVER_SILENT)) return;
    const since = time(wallSeconds() - seconds);
    const text = `banshare-server on ${this.#server} answers nobody since ${since}: ${reason}. There: systemctl status banshare-server, journalctl -u banshare-server`;
    this.#things = [...this.#things, { code: SERVER_SILENT, level: 'urgent', text }];
  }

  #take(config: ServerConfig): void {
    this.#kept = this.#memories();
    const before = this.#tables;
    this.#tables = new Map();
    this.#speakers = config.notify.map((table) => {
      // Whom a reload leaves as he was: a message that is under way to him is not begun anew.
      const same = before.get(JSON.stringify(table));
      const speaker = same ?? this.#speakerTo(table);
      this.#tables.set(JSON.stringify(table), speaker);
      return speaker;
    });
    this.#deadMan?.stop();
    this.#deadMan = DeadMan.of(config.deadMan, this.#faults);
  }

  #speakerTo(table: NotifyTable): Speaker {
    const where = { server: this.#server, now: wallSeconds, mailSocket: this.#paths.mailSocket };
    const receiver = receiverOf(table, where);
    return new Speaker({
      ...where,
      receiver,
      memory: this.#kept[receiver.id],
      changed: () => this.#keep(),
      failed: ({ name, id }, reason) =>
        this.#faults.fault(id, 'A message does not go out; it is tried again', { to: name, reason }),
      went: ({ id }) => this.#faults.over(id),
    });
  }

  #memories(): ReturnType<typeof readKept> {
    const now = this.#speakers.map(({ receiver, memory }) => [receiver.id, memory] as const);
    return { ...this.#kept, ...Object.fromEntries(now) };
  }

  #keep(): void {
    const inUse = new Set(this.#speakers.map(({ receiver }) => receiver.id));
    const kept = Object.entries(this.#memories()).filter(([id]) => inUse.has(id));
    try {
      keep(this.#paths.said, Object.fromEntries(kept));
      this.#faults.over('kept');
    } catch (error) {
      const text = 'Cannot keep what was said: after a restart it is said again';
      this.#faults.fault('kept', text, { error: (error as Error).message });
    }
  }

  #healths(): Speaker['health'][] {
    return this.#speakers.map(({ health }) => health);
  }

  #failing(): string[] {
    const all = [...this.#healths(), ...(this.#deadMan === undefined ? [] : [this.#deadMan.health])];
    return all.flatMap(({ name, failingSince, why }) =>
      failingSince === null ? [] : [`${name} since ${time(failingSince)} (${why ?? ''})`],
    );
  }

  #test(): Promise<{ name: string; fault: string | null }[]> {
    return Promise.all(
      this.#speakers.map(async (speaker) => {
        const sent = await speaker.test();
        return { name: speaker.receiver.name, fault: sent.ok ? null : sent.fault };
      }),
    );
  }
}

/** Runs it until it is told to stop. @throws StartFault where its socket cannot be had. */
export async function speakToTheWorld(
  options: OutsideOptions,
  resources: Resources,
  signal: AbortSignal,
): Promise<void> {
  const log = await openLog(options.config.log);
  const outside = new Outside(options, log);
  resources.own('what was said', () => outside.close());
  const { messagesSocket: path } = options.paths;
  const opened = await serveAdmin({ path, handle: (request) => outside.answer(request), signal });
  if (!opened.ok) throw new StartFault(opened.fault);
  resources.own('the socket', () => opened.value.close());
  let isLooking = false;
  const look = (): void => {
    // A server that takes its time is not asked twice at once.
    if (isLooking) return;
    isLooking = true;
    void outside.look().finally(() => (isLooking = false));
  };
  resources.onReload(() => void outside.reload().then(look));
  look();
  const timer = setInterval(look, ASK_SECONDS * 1000);
  resources.own('the questions', () => clearInterval(timer));
  tell('banshare-server outside ready');
}
