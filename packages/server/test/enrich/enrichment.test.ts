import { test, type TestContext } from 'node:test';
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startFleet } from '../../../../test/fleet/index.ts';
import { Enrichment } from '../../src/enrich/enrichment.ts';
import { readRecord } from '../../src/enrich/read-record.ts';
import type { Explanation } from '../../src/operator/looking/explain.ts';
import type { Top } from '../../src/operator/looking/top.ts';
import { publish } from '../reports.ts';
import { writeMmdb, type Raw, type Value } from './write-mmdb.ts';

const COUNTRIES = {
  '203.0.113.0/24': { country: { iso_code: 'DE' }, registered_country: { iso_code: 'US' } },
  '2001:db8::/32': { registered_country: { iso_code: 'FR' } },
  '198.51.100.0/25': { country_code: 'NL' },
};
const NETWORKS = {
  '203.0.113.0/25': {
    autonomous_system_number: 64496,
    autonomous_system_organization: 'Example\u001b[2J Net',
  },
  '2001:db8::/32': { autonomous_system_number: 64511 },
};

function folderOf(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'banshare-mmdb-'));
  t.after(() => rmSync(folder, { recursive: true }));
  return folder;
}

const silent = { fault: () => undefined, over: () => undefined };

test('country and network of an address are found in one file or another, by MaxMind and DB-IP alike, and nothing where none knows', async (t) => {
  const folder = folderOf(t);
  const [countries, networks] = [join(folder, 'country'), join(folder, 'asn')];
  writeMmdb(countries, COUNTRIES);
  writeMmdb(networks, NETWORKS);
  const lookUp = await new Enrichment([countries, networks], silent).open();
  assert.deepEqual(lookUp('203.0.113.7'), { country: 'DE', network: 'AS64496 Example\\u001b[2J Net' });
  assert.deepEqual(lookUp('203.0.113.200'), { country: 'DE' });
  assert.deepEqual(lookUp('203.0.113.0/26'), { country: 'DE', network: 'AS64496 Example\\u001b[2J Net' });
  assert.deepEqual(lookUp('2001:db8:5::9'), { country: 'FR', network: 'AS64511' });
  assert.deepEqual(lookUp('198.51.100.1'), { country: 'NL' });
  assert.deepEqual(lookUp('192.0.2.1'), {});
  for (const odd of [null, 7, 'DE', { country: 'Germany' }, { country: { iso_code: 7 } }, { asn: 'ASx' }, []])
    assert.deepEqual(readRecord(odd), {});
  assert.deepEqual(readRecord({ country: 'SE', asn: 'AS64500', as_name: 'x' }), {
    country: 'SE',
    network: 'AS64500 x',
  });
});

test('a file that is replaced is read anew, a broken one is said and the one before goes on', async (t) => {
  const path = join(folderOf(t), 'mmdb');
  const said: string[] = [];
  const enrichment = new Enrichment([path], {
    fault: (_, text, fields) => said.push(`${text}: ${JSON.stringify(fields)}`),
    over: () => said.push('over'),
  });
  assert.deepEqual((await enrichment.open())('203.0.113.7'), {});
  assert.match(said.join('\n'), /^Cannot read countries and networks: .*ENOENT/);
  assert.match(
    enrichment.faults[0] ?? '',
    /^Cannot read .*\[enrich\] mmdb.*ENOENT.*; addresses are listed without$/,
  );
  writeMmdb(path, COUNTRIES);
  assert.deepEqual((await enrichment.open())('203.0.113.7'), { country: 'DE' });
  assert.deepEqual([enrichment.faults, said.at(-1)], [[], 'over']);
  const whole = readFileSync(path);
  for (const broken of [
    Buffer.alloc(0),
    Buffer.from('not such a file'),
    whole.subarray(-150),
    Buffer.alloc(5000, 0xff),
  ]) {
    writeFileSync(`${path}.new`, broken);
    renameSync(`${path}.new`, path);
    assert.deepEqual((await enrichment.open())('203.0.113.7'), { country: 'DE' }, `${broken.length} bytes`);
    assert.match(enrichment.faults[0] ?? '', /; the file of before counts$/, `${broken.length} bytes`);
  }
  writeMmdb(`${path}.new`, { '203.0.113.0/24': { country: { iso_code: 'IT' } } });
  renameSync(`${path}.new`, path);
  assert.deepEqual((await enrichment.open())('203.0.113.7'), { country: 'IT' });
});

test('no byte of a file that is damaged makes a lookup throw', async (t) => {
  const path = join(folderOf(t), 'mmdb');
  writeMmdb(path, { ...COUNTRIES, ...NETWORKS });
  const whole = readFileSync(path);
  for (let at = 0; at < whole.length; at += 7) {
    const damaged = Buffer.from(whole);
    damaged[at] = (damaged[at] ?? 0) ^ 0xff;
    writeFileSync(`${path}.${at}`, damaged);
    const lookUp = await new Enrichment([`${path}.${at}`], silent).open();
    for (const ip of ['203.0.113.7', '2001:db8::1', '192.0.2.1']) assert.equal(typeof lookUp(ip), 'object');
  }
});

test('a record of few bytes that is read as many, by lists in lists or a text again and again, is as none; others of the file are found', async (t) => {
  const path = join(folderOf(t), 'mmdb');
  const inGermany = (more: Value): Value => ({ country: { iso_code: 'DE' }, more });
  const namedInAll = Object.fromEntries(Array.from({ length: 200 }, (_, index) => [`l${index}`, 'Germany']));
  for (const hostile of [doubled(15), repeated('x'.repeat(250), 100)]) {
    writeMmdb(path, {
      '203.0.113.0/25': inGermany(hostile),
      '203.0.113.128/25': inGermany(namedInAll),
    });
    const enrichment = new Enrichment([path], silent);
    const lookUp = await enrichment.open();
    for (const _again of [1, 2]) assert.deepEqual(lookUp('203.0.113.7'), {});
    assert.deepEqual(lookUp('203.0.113.200'), { country: 'DE' });
    assert.deepEqual(enrichment.faults, []);
  }
});

test('a file whose head, or whose record that is read at the start, has too many values or says so is said and left', async (t) => {
  const path = join(folderOf(t), 'mmdb');
  for (const hostile of [doubled(15), sized(16_000_000)])
    for (const write of [
      () => writeMmdb(path, COUNTRIES, hostile),
      () => writeMmdb(path, { ...COUNTRIES, '192.0.2.0/24': { country: { iso_code: 'DE' }, more: hostile } }),
    ]) {
      write();
      const enrichment = new Enrichment([path], silent);
      assert.deepEqual((await enrichment.open())('203.0.113.7'), {});
      assert.match(
        enrichment.faults[0] ?? '',
        /more than 8192 values and bytes.*; addresses are listed without$/,
      );
    }
});

test('bans, explain, top, events and the page are told country and network, and a server with a broken file starts and says so', async (t) => {
  const path = join(folderOf(t), 'mmdb');
  writeFileSync(path, 'not such a file');
  await using fleet = await startFleet({ serverToml: `[enrich]\nmmdb = ${JSON.stringify(path)}\n` });
  await fleet.server.line(/Cannot read countries and networks/);
  const peer = await fleet.peer('h1');
  await publish(peer, '203.0.113.1');
  assert.doesNotMatch(await fleet.server.says('bans'), /WHERE/);
  assert.match(
    await fleet.server.says('top', '--since', '1h'),
    /Cannot read countries and networks of .*addresses are listed without\./,
  );
  const checked = await fleet.server.command('--check');
  assert.equal(checked.code, 0);
  assert.match(checked.stderr, /Cannot read countries and networks/);
  writeMmdb(path, { '203.0.113.0/24': { ...COUNTRIES['203.0.113.0/24'], ...NETWORKS['203.0.113.0/25'] } });
  await publish(peer, '203.0.113.2');
  await publish(peer, '198.51.100.9');
  assert.match(
    await fleet.server.says('bans'),
    /WHERE\n203\.0\.113\.1 .* DE, AS64496 Example\\u001b\[2J Net\n/,
  );
  assert.match(await fleet.server.says('explain', '203.0.113.1'), /^203\.0\.113\.1 {2}DE, AS64496 Example/);
  const { country, network } = await fleet.server.json<Explanation>('explain', '203.0.113.1');
  assert.deepEqual([country, network?.slice(0, 7)], ['DE', 'AS64496']);
  const { rows } = await fleet.server.json<Top>('top', '--by', 'country');
  assert.deepEqual(
    rows.map(({ name, bans }) => [name, bans]),
    [
      ['DE', 2],
      ['unknown', 1],
    ],
  );
  const { rows: networks } = await fleet.server.json<Top>('top', '--by', 'net');
  assert.match(networks[0]?.name ?? '', /^AS64496/);
  assert.equal(networks[1]?.name, '198.51.100.0/24');
  const lines = await fleet.server.says('events');
  assert.match(lines, /ban {8}203\.0\.113\.2 {9}DE {2}fail2ban/);
  assert.match(lines, /ban {8}198\.51\.100\.9 {8}-- {2}fail2ban/);
});

test('without a file top by country says what to do', async () => {
  await using fleet = await startFleet();
  const { code, stderr } = await fleet.server.command('top', '--by', 'country');
  assert.equal(code, 1);
  assert.match(stderr, /name a file in server\.toml, \[enrich\] mmdb/);
});

/** Lists in lists, each with the next one and a pointer to it: four bytes a level, and with each twice as many values to read. */
function doubled(levels: number): Raw {
  return (at) => {
    const inner = at + LIST_OF_TWO.length;
    if (levels === 0) return EMPTY_TEXT;
    return Buffer.concat([LIST_OF_TWO, doubled(levels - 1)(inner), pointerTo(inner)]);
  };
}

/** A list of a text and of pointers to it. */
function repeated(text: string, pointers: number): Raw {
  return (at) => {
    const list = Buffer.from([0x1d, 0x04, pointers + 1 - 29]);
    const written = Buffer.concat([Buffer.from([0x5d, text.length - 29]), Buffer.from(text)]);
    const again = Array.from({ length: pointers }, () => pointerTo(at + list.length));
    return Buffer.concat([list, written, ...again]);
  };
}

/** Says that it is a list of so many values, and ends there. */
function sized(length: number): Raw {
  return () => {
    const bytes = Buffer.from([0x1f, 0x04, 0, 0, 0]);
    bytes.writeUIntBE(length - 65_821, 2, 3);
    return bytes;
  };
}

const LIST_OF_TWO = Buffer.from([0x02, 0x04]);
const EMPTY_TEXT = Buffer.from([0x40]);

function pointerTo(at: number): Buffer {
  assert.ok(at < 0x800);
  return Buffer.from([0x20 | (at >> 8), at & 0xff]);
}
