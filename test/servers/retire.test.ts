import assert from 'node:assert/strict';
import { cpSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { formatGenerationFile, GENERATION_FILES, hostPaths, type GenerationFiles } from '@banshare/runtime';
import { isOpen, layGeneration } from '../../packages/server/test/generations.ts';
import { Program, runProgram, untilAnswered, type Ran } from '../fleet/index.ts';
import { Postgres, postgresSkip } from '../fleet/database/postgres.ts';
import { Folder } from '../fleet/roots.ts';

type Status = {
  generations: string[];
  lackingGenerations: string[];
  urgent: { code: string }[];
  todo: { code: string }[];
};

/** A server with several generations, whose ports are those of the generations. */
class Server {
  readonly root: string;
  readonly address: string;
  #program: Program | undefined;

  constructor(root: string, address: string) {
    this.root = root;
    this.address = address;
  }

  async start(): Promise<void> {
    this.#program = new Program('server', ['--root', this.root]);
    await this.#program.line(/^banshare-server ready /);
  }

  /** Starts it, waits for its end, and returns all that it said. */
  async fails(): Promise<string> {
    const program = new Program('server', ['--root', this.root]);
    assert.notEqual(await program.ended, 0);
    return program.said.join('\n');
  }

  async stop(): Promise<void> {
    await this.#program?.stop();
  }

  line(pattern: RegExp): Promise<string> {
    return this.#program?.line(pattern) ?? assert.fail('it is not started');
  }

  command(...words: string[]): Promise<Ran> {
    return runProgram('server', [...words, '--root', this.root]);
  }

  async status(): Promise<Status> {
    return JSON.parse((await this.command('status', '--json')).stdout) as Status;
  }

  folderOf(generation: string): string {
    return join(hostPaths(this.root).generations, generation);
  }

  /** Its keys and configuration for another server, at another address and without its ledger. */
  layFor(other: Server): void {
    cpSync(this.root, other.root, { recursive: true, filter: (path) => !/\.sock$|ledger\.db/.test(path) });
    const { serverConfig } = hostPaths(other.root);
    writeFileSync(serverConfig, readFileSync(serverConfig, 'utf8').replace(this.address, other.address));
  }
}

test(
  'a generation that is retired through one server is served by none, a server that lacks the others says how to get them, and undo brings it back',
  { skip: postgresSkip() },
  async () => {
    using folder = new Folder();
    await using postgres = await Postgres.start();
    const [a, b] = ['127.0.0.1', '127.0.0.2'].map(
      (address, n) => new Server(join(folder.path, `${n}`), address),
    );
    assert.ok(a && b);
    const old = await layGeneration(a.root, '20261101T000000Z-aaaaaa');
    writeFileSync(hostPaths(a.root).serverConfig, `[listen]\naddress = "${a.address}"\n`);
    try {
      await a.start();
      assert.equal((await a.command('ledger', 'move', postgres.url, '--durability', 'none')).code, 0);
      await a.line(/^banshare-server ready /);
      a.layFor(b);
      await b.start();
      // A new generation comes to the first server only.
      const current = await layGeneration(a.root, '20261121T000000Z-bbbbbb');
      await a.stop();
      await a.start();
      const lacks = async (): Promise<Status | undefined> => {
        const status = await b.status();
        return status.lackingGenerations.length === 0 ? undefined : status;
      };
      const { todo, lackingGenerations } = await untilAnswered(
        lacks,
        20_000,
        () => 'what the second server lacks',
      );
      assert.deepEqual(lackingGenerations, [current.name]);
      assert.ok(todo.some(({ code }) => code === 'lacking-generation'));
      assert.match((await b.command('retire', old.name)).stderr, /the only generation in service/);

      const retired = await a.command('retire', old.name);
      assert.equal(retired.code, 0, retired.stderr);
      assert.equal(await isOpen(old.ports.report, a.address), false);
      assert.equal(existsSync(a.folderOf(old.name)), false);
      const serving = async (): Promise<Status | undefined> => {
        const status = await b.status();
        return status.generations.length > 0 ? undefined : status;
      };
      const { urgent } = await untilAnswered(serving, 20_000, () => 'the second server without a generation');
      assert.deepEqual(
        urgent.map(({ code }) => code),
        ['no-generation'],
      );
      assert.equal(await isOpen(old.ports.report, b.address), false);
      await b.stop();
      assert.match(
        await b.fails(),
        /is retired, through another server, and this one lacks 20261121T000000Z-bbbbbb; run /,
      );

      cpSync(a.folderOf(current.name), b.folderOf(current.name), { recursive: true });
      cpSync(b.folderOf(old.name), join(folder.path, 'kept'), { recursive: true });
      await b.start();
      assert.equal(existsSync(b.folderOf(old.name)), false);
      assert.equal(await isOpen(current.ports.report, b.address), true);
      const file = join(folder.path, 'generation');
      const read = (name: string): string => readFileSync(join(folder.path, 'kept', name), 'utf8');
      const files = Object.fromEntries(GENERATION_FILES.map((name) => [name, read(name)])) as GenerationFiles;
      writeFileSync(file, formatGenerationFile(files), { mode: 0o600 });
      const added = await b.command('generation', 'add', file);
      assert.equal(added.code, 1);
      assert.match(
        added.stderr,
        /is retired, on every server of this fleet, .*--undo first, then add it once more/,
      );
      assert.equal(existsSync(b.folderOf(old.name)), false);
      assert.match((await b.command('retire', current.name)).stderr, /the only generation in service/);

      const undone = await b.command('retire', old.name, '--undo');
      assert.equal(undone.code, 0, undone.stderr);
      cpSync(join(folder.path, 'kept'), a.folderOf(old.name), { recursive: true });
      await a.stop();
      await a.start();
      assert.deepEqual((await a.status()).generations, [old.name, current.name]);
      assert.equal(await isOpen(old.ports.report, a.address), true);
      // Nobody has its keys any more: it need not be there to be retired.
      await a.stop();
      rmSync(a.folderOf(old.name), { recursive: true });
      await a.start();
      assert.equal((await a.command('retire', old.name)).code, 0);
      assert.deepEqual((await a.status()).lackingGenerations, []);
    } finally {
      await Promise.all([a.stop(), b.stop()]);
    }
  },
);
