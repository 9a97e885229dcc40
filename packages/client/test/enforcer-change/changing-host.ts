import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Event } from '@banshare/protocol';
import { hostPaths, readClientConfig, type LogFields } from '@banshare/runtime';
import { Applier } from '../../src/apply/apply.ts';
import { buildEnforcers } from '../../src/host-enforcer/build.ts';
import { hostEnforcer } from '../../src/host-enforcer/host-enforcer.ts';
import type { LiftRemains } from '../../src/enforcer-change/lift-remains.ts';
import { Notes } from '../../src/host/echo-notes.ts';
import { changeEnforcers } from '../../src/enforcer-change/begin.ts';
import { State } from '../../src/bans/state.ts';
import { endBan, recordNews } from '../../src/decide/record-news.ts';
import { resumePending } from '../../src/apply/expiry.ts';
import type { RealFail2ban } from '../fail2ban/real-fail2ban.ts';
import { choiceOf, eventOf, folder, ip, NOW } from '../make.ts';
import { reasonOf } from '../../src/bans/change.ts';
import { sayReason } from '../../src/bans/reason.ts';
import type { DecideParts } from '../../src/decide/parts.ts';

/** A host whose client is started again and again, each time with another client.toml. */
export class Machine implements Disposable {
  readonly #scratch = folder();
  readonly root = this.#scratch.path;
  readonly paths = hostPaths(this.root);
  readonly said: string[] = [];
  /** What came of each change, in order. */
  readonly effects: string[] = [];
  state!: State;
  parts!: DecideParts;
  applier!: Applier;
  left!: LiftRemains;
  #seq = 0;
  #isRunning = false;

  /** A command that keeps addresses as files of a folder, and says in `order` what it did; the folder `no` makes it fail. */
  command(name: string): string {
    const held = join(this.root, name);
    mkdirSync(held, { recursive: true });
    const script = join(this.root, `${name}.sh`);
    const lines = [
      '#!/bin/sh',
      `[ ! -e ${held}.no ] || exit 1`,
      `echo "${name} $1 $2" >>${this.root}/order`,
      `if [ "$1" = ban ]; then : >${held}/$2; else rm -f ${held}/$2; fi`,
    ];
    writeFileSync(script, `${lines.join('\n')}\n`);
    chmodSync(script, 0o755);
    return `[apply]\nenforcer = "command"\ncommand = "${script} ban SRCIP"\nunban-command = "${script} unban SRCIP"\n`;
  }

  /** What a command keeps banned. */
  held(name: string): string[] {
    return readdirSync(join(this.root, name)).toSorted();
  }

  behave(name: string, does: 'work' | 'fail'): void {
    const path = join(this.root, `${name}.no`);
    if (does === 'fail') mkdirSync(path);
    else rmSync(path, { recursive: true });
  }

  /** Puts the socket of a real fail2ban where this host has it. */
  join({ socket }: RealFail2ban): void {
    mkdirSync(dirname(this.paths.fail2banSocket), { recursive: true });
    mkdirSync(join(this.root, 'etc/fail2ban'), { recursive: true });
    symlinkSync(socket, this.paths.fail2banSocket);
  }

  /** Starts the client; what it has to do is not begun. */
  async wake(toml: string): Promise<void> {
    this.stop();
    const file = join(this.root, 'client.toml');
    writeFileSync(file, toml);
    const read = await readClientConfig(file);
    assert.ok(read.ok);
    const { config } = read;
    this.state = new State(this.paths.clientState);
    this.#isRunning = true;
    const say = (text: string, fields: LogFields = {}): void =>
      void this.said.push(`${text}: ${Object.values(fields).join(' ')}`);
    const log = { info: () => undefined, notice: say, warning: say };
    const notes = new Notes(this.paths.notes);
    const host = { paths: this.paths, log, notes, memory: (name: string) => this.state.memory(name) };
    const now = (): number => NOW;
    this.applier = new Applier({
      state: this.state,
      enforcer: hostEnforcer(buildEnforcers(config, host), config, host),
      concurrency: 1,
      log,
      now,
      settled: (row, effect) =>
        void this.effects.push(`${row.status} ${row.ip} ${effect.outcome} ${reasonOf(effect)}`.trim()),
    });
    this.parts = {
      state: this.state,
      choice: choiceOf(),
      now,
      queue: (row) => this.applier.queue(row),
      isUnderWay: () => true,
      skipped: () => undefined,
    };
    this.left = await changeEnforcers(config, host, this.parts, this.applier);
  }

  /** Starts the client and lets it do all it can. */
  async start(toml: string): Promise<void> {
    await this.wake(toml);
    await resumePending(this.state, this.applier);
    await this.rest();
  }

  async rest(): Promise<void> {
    // What is lifted first leads to something to be put in place.
    for (let round = 0; round < 2; round += 1) {
      await this.applier.idle();
      await this.left.look();
    }
    await this.applier.idle();
  }

  /** Bans of the fleet, each of which comes about. */
  ban(...ips: string[]): Promise<void> {
    return this.hear(...ips.map((each) => ({ ip: ip(each) })));
  }

  /** Hears events and carries them out. */
  async hear(...heard: Partial<Event>[]): Promise<void> {
    const events = heard.map((each) => eventOf({ ...each, seq: ++this.#seq }));
    const position = { epoch: 'e1', seq: this.#seq, tail: '0123456789abcdef' };
    void recordNews({ kind: 'events', events, position }, this.parts);
    await this.applier.idle();
  }

  /** The end of a ban. */
  async end(address: string): Promise<void> {
    const queued: Parameters<typeof endBan>[2] = [];
    for (const row of this.state.of(address)) endBan(row, this.parts, queued);
    for (const row of queued) this.parts.queue(row);
    await this.rest();
  }

  rows(): string[] {
    return this.state
      .all()
      .map(({ ip: address, status, reason, isOurs }) =>
        `${address} ${status} ${sayReason(reason)}${isOurs ? 'ours' : ''}`.trim(),
      );
  }

  stop(): void {
    if (this.#isRunning) {
      void this.applier.stop();
      this.state.close();
    }
    this.#isRunning = false;
  }

  [Symbol.dispose](): void {
    this.stop();
    this.#scratch[Symbol.dispose]();
  }
}
