import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  readServerConfig,
  Reloader,
  serverOptions,
  type ReadConfig,
  type ServerConfig,
} from '@banshare/runtime';

type Took = ConstructorParameters<typeof Reloader<typeof serverOptions>>[0]['takes'];

const silent = { notice: () => undefined, error: () => undefined };
const keys = Object.entries(serverOptions).flatMap(([key, { takes }]) => (takes === 'reload' ? [key] : []));
/** Every key that a reload changes is there, by the compiler's word for the programs. */
const nothing = Object.fromEntries(keys.map((key) => [key, 'where-used'])) as Took;

async function defaults(): Promise<ServerConfig> {
  const read = await readServerConfig('/nonexistent/server.toml');
  assert.ok(read.ok);
  return read.config;
}

function found(config: ServerConfig): () => Promise<ReadConfig<ServerConfig>> {
  return () => Promise.resolve({ ok: true, config, files: [] });
}

test('a reload changes the one configuration that all read, and leaves what needs a restart', async () => {
  const running = await defaults();
  const { limits } = running;
  const fresh = await defaults();
  const next = {
    ...fresh,
    limits: { ...limits, active: 9 },
    listen: { ...fresh.listen, address: '127.0.0.1' },
  };
  const reloader = new Reloader({
    table: serverOptions,
    running,
    read: found(next),
    takes: nothing,
    log: silent,
  });
  for (const changed of [[{ key: 'limits.active', was: '500000', is: '9' }], []])
    assert.deepEqual(await reloader.reload(), {
      ok: true,
      result: { files: [], changed, needsRestart: ['listen.address'] },
    });
  assert.equal(limits.active, 9);
  assert.equal(running.listen.address, '*');
  assert.deepEqual(reloader.needsRestart, ['listen.address']);
});

test('what is set together is carried out once, and what cannot be carried out is taken back', async () => {
  const running = await defaults();
  const fresh = await defaults();
  const bans = { ...fresh.bans, defaultDurationSeconds: 60, maxDurationSeconds: 120 };
  const seen: number[] = [];
  let isBroken = false;
  const policy = (): void => {
    seen.push(running.bans.maxDurationSeconds);
    if (isBroken && running.bans.maxDurationSeconds === 120) throw new Error('no');
  };
  const takes = { ...nothing, 'bans.default-duration': policy, 'bans.max-duration': policy };
  const read = found({ ...fresh, bans });
  isBroken = true;
  const reloader = new Reloader({ table: serverOptions, running, read, takes, log: silent });
  const refused = await reloader.reload();
  assert.ok(!refused.ok && /Nothing is changed.*: no\./.test(refused.reason), JSON.stringify(refused));
  assert.deepEqual(seen, [120, 2_592_000]);
  assert.equal(running.bans.defaultDurationSeconds, 86_400);
  isBroken = false;
  assert.ok((await reloader.reload()).ok);
  assert.deepEqual(seen, [120, 2_592_000, 120]);
});
