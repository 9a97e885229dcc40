import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { changeOf } from '../../src/ban-row.ts';
import type { Change } from '../../src/enforcers/enforcer.ts';
import { psadEnforcer } from '../../src/enforcers/psad.ts';
import { Notes } from '../../src/notes.ts';
import { folder, ip, jail, NOW, rowOf } from '../make.ts';

const ban = (address: string, fields: Partial<Change> = {}): Change => ({
  ...changeOf(rowOf({ ip: ip(address), localJail: jail('portscan') }), 'ban', NOW),
  ...fields,
});

test('psad is told of several addresses over one connection, and the echo of its script is noted', async () => {
  using scratch = folder();
  const path = join(scratch.path, 'auto_ipt.sock');
  const notes = new Notes(join(scratch.path, 'notes'));
  const heard = new Promise<string>((resolve) => {
    const server = createServer((socket) => {
      let text = '';
      socket.on('data', (chunk) => (text += String(chunk)));
      socket.on('end', () => {
        server.close();
        resolve(text);
      });
    });
    server.listen(path, () => {
      const enforcer = psadEnforcer(path, notes, 5000);
      void enforcer
        .carryOut([ban('203.0.113.1'), ban('2001:db8::1'), ban('203.0.113.2', { kind: 'unban' })])
        .then((effects) =>
          assert.deepEqual(
            effects.map(({ outcome }) => outcome),
            ['applied', 'skipped', 'applied'],
          ),
        );
    });
  });
  assert.equal(await heard, 'add 203.0.113.1\ndel 203.0.113.2\n');
  assert.deepEqual(readdirSync(join(scratch.path, 'notes')), ['portscan@203.0.113.1']);
});

test('Without psad a ban fails and says so', async () => {
  using scratch = folder();
  const enforcer = psadEnforcer(join(scratch.path, 'none'), new Notes(join(scratch.path, 'notes')), 5000);
  const [effect] = await enforcer.carryOut([ban('203.0.113.1')]);
  assert.match(effect !== undefined && 'reason' in effect ? effect.reason : '', /psad does not run/);
  assert.match((await enforcer.check()).join(), /psad does not run/);
});
