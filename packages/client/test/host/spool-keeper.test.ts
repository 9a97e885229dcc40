import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { Folder } from '../../../../test/fleet/index.ts';
import { SpoolKeeper } from '../../src/host/spool-keeper.ts';

/** A spool in which a report waits, and a reporter that notes each run and cannot send. */
class Spool {
  now = 0;
  readonly keeper: SpoolKeeper;
  readonly #runs: string;
  #failed = Promise.withResolvers<void>();

  constructor(folder: string) {
    writeFileSync(join(folder, `${'a'.repeat(32)}.json`), '{}');
    this.#runs = join(folder, 'runs');
    writeFileSync(this.#runs, '');
    const reporter = ['/bin/sh', '-c', `echo run >> '${this.#runs}'; echo no server >&2; exit 75`];
    this.keeper = new SpoolKeeper(
      reporter,
      folder,
      () => this.#failed.resolve(),
      () => this.now,
    );
  }

  get runs(): number {
    return readFileSync(this.#runs, 'utf8').split('\n').length - 1;
  }

  /** Has it look, and waits until the reporter has failed. */
  async fails(): Promise<void> {
    this.#failed = Promise.withResolvers<void>();
    const before = this.runs;
    this.keeper.check();
    await this.#failed.promise;
    // That is over for the keeper too.
    await setImmediate();
    assert.equal(this.runs, before + 1);
  }
}

test('the longer no server takes what waits the longer the spool rests, up to a minute, and once the server can write again it goes within seconds', async () => {
  using folder = new Folder();
  const spool = new Spool(folder.path);
  for (const leastMs of [5000, 10_000, 20_000, 30_000, 30_000]) {
    await spool.fails();
    spool.now += leastMs - 1;
    spool.keeper.check();
    spool.now += leastMs + 1;
  }
  await spool.fails();
  assert.equal(spool.runs, 6);
  spool.keeper.checkSoon();
  spool.now += 5000;
  await spool.fails();
  // What fails then begins with short rests again.
  spool.now += 10_000;
  await spool.fails();
  await spool.keeper.stop();
});
