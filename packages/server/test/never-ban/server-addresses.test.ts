import { test } from 'node:test';
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { parseTarget } from '@banshare/protocol';
import { startFleet, type Fleet } from '../../../../test/fleet/index.ts';
import { OwnAddresses } from '../../src/never-ban/server-addresses.ts';
import { fateOf } from '../reports.ts';

const RULE = "the server's own address";

function ruleOf(own: OwnAddresses, text: string): string | undefined {
  const target = parseTarget(text);
  assert.ok(target.ok);
  return own.ruleFor(target.value);
}

test('a server protects its machine, and by which address each generation knows it, also embedded and within a range', () => {
  const own = new OwnAddresses(() => ['203.0.113.1', '2001:db8::1']);
  const ofMachine = Object.values(networkInterfaces()).flatMap((list) => list ?? []);
  for (const { address } of ofMachine) assert.equal(ruleOf(own, address), RULE, address);
  for (const text of ['203.0.113.1', '64:ff9b::203.0.113.1', '2002:cb00:7101::', '2001:db8::1'])
    assert.equal(ruleOf(own, text), RULE, text);
  for (const text of ['203.0.113.0/24', '2001:db8::/48']) assert.equal(ruleOf(own, text), RULE, text);
  for (const text of ['203.0.113.2', '203.0.114.0/24']) assert.equal(ruleOf(own, text), undefined, text);
  assert.ok(own.list().some(({ range, source }) => range === '203.0.113.1' && source === RULE));
});

test('what a name resolved to holds while the resolver fails, and leaves with another answer or its generation', async () => {
  const servers = ['ban.example.org'];
  let answer: string[] | undefined = ['203.0.113.1', '2001:db8::1'];
  const own = new OwnAddresses(
    () => servers,
    (name) =>
      answer === undefined ? Promise.reject(new Error(`no answer for ${name}`)) : Promise.resolve(answer),
  );
  const rules = (): (string | undefined)[] => ['203.0.113.1', '203.0.113.2'].map((ip) => ruleOf(own, ip));
  assert.deepEqual(rules(), [undefined, undefined]);
  await own.lookUp();
  assert.deepEqual(rules(), [RULE, undefined]);
  answer = undefined;
  await own.lookUp();
  assert.deepEqual(rules(), [RULE, undefined]);
  answer = ['203.0.113.2'];
  await own.lookUp();
  assert.deepEqual(rules(), [undefined, RULE]);
  servers.pop();
  await own.lookUp();
  assert.deepEqual(rules(), [undefined, undefined]);
});

/** Says in each generation's fleet.toml where hosts find the server. */
async function knownAs(fleet: Fleet, servers: readonly string[]): Promise<void> {
  const path = join(fleet.server.paths.generations, '20261121T000000Z-abcdef', 'fleet.toml');
  writeFileSync(
    path,
    readFileSync(path, 'utf8').replace('server = "127.0.0.1"', `server = ${JSON.stringify(servers)}`),
  );
  await fleet.server.restart();
}

test('every address by which hosts know a server of the fleet is refused to hosts and operators, and listed', async () => {
  await using fleet = await startFleet();
  await knownAs(fleet, ['127.0.0.1', '203.0.113.1', '2001:db8::2']);
  const h1 = await fleet.peer('h1');
  assert.equal(await fateOf(h1, '203.0.113.1'), 'never-ban');
  assert.equal(await fateOf(h1, '64:ff9b::cb00:7101'), 'never-ban');
  assert.equal(await fateOf(h1, '2001:db8::2'), 'never-ban');
  assert.equal(await fateOf(h1, '203.0.113.2'), 'accepted');
  const byOperator = await fleet.server.asks('ban', '203.0.113.1');
  assert.equal(byOperator.code, 1);
  assert.match(byOperator.stderr, /203\.0\.113\.1 is never banned: the server's own address/);
  assert.match(
    (await fleet.server.asks('never-ban', 'list')).stdout,
    /203\.0\.113\.1 +the server's own address/,
  );
  const { servers } = await fleet.server.json<{ servers: string[] }>('status');
  assert.deepEqual(servers, ['127.0.0.1', '203.0.113.1', '2001:db8::2']);
  // Its ledger is its own, and its hosts would go from one to another.
  const { code, stdout } = await fleet.server.asks('status');
  assert.equal(code, 1);
  assert.match(stdout, /^To do: Hosts know several servers, 127\.0\.0\.1, .*shares its ledger with none/m);
  assert.match(stdout, /^Hosts know these servers: 127\.0\.0\.1, 203/m);
  assert.match((await fleet.server.asks('--check')).stdout, /know these servers: 127\.0\.0\.1, 203/);
});
