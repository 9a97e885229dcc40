import assert from 'node:assert/strict';
import { test } from 'node:test';
import { OPERATOR_HOST } from '@banshare/protocol';
import { pause, resume } from '../../src/decide/pause.ts';
import { ip, NOW, range } from '../make.ts';
import { Host } from './recording-host.ts';

const wide = range('203.0.113.0/24');
const inside = ip('203.0.113.9');

const standing = (host2: Host): string[] => host2.state.all().map((row) => `${row.ip} ${row.status}`);

/** Ends the next commands, in whatever order they come, and says which they were. */
async function next(host2: Host, count: number): Promise<string[]> {
  const done: string[] = [];
  while (done.length < count) {
    const held = await host2.enforcer.next();
    done.push(`${held.change.kind} ${held.change.ip}`);
    held.done();
  }
  await host2.applier.idle();
  return done;
}

test('A range and an address in it are bans of their own: the end of one leaves the other', async () => {
  using host2 = new Host();
  host2.hear({ ip: wide }, { ip: inside }, { ip: range('203.0.0.0/16') });
  assert.deepEqual(await next(host2, 3), [`ban ${wide}`, `ban ${inside}`, 'ban 203.0.0.0/16']);
  host2.hear({ kind: 'unban', ip: wide, host: OPERATOR_HOST });
  assert.deepEqual(await next(host2, 1), [`unban ${wide}`]);
  assert.deepEqual(standing(host2), ['203.0.113.9 applied', '203.0.0.0/16 applied']);
});

test('A range is lifted when its time is over', async () => {
  using host2 = new Host();
  host2.hear({ ip: wide, until: NOW + 60 }, { ip: inside, until: NOW + 90 });
  await next(host2, 2);
  host2.now += 60;
  host2.tick();
  assert.deepEqual(await next(host2, 1), [`unban ${wide}`]);
  assert.deepEqual(standing(host2), ['203.0.113.9 applied']);
});

test('A snapshot brings ranges, keeps those that are there, and ends those that it does not have', async () => {
  using host2 = new Host();
  host2.hear({ ip: wide }, { ip: range('2001:db8:0:9::/64') });
  await next(host2, 2);
  host2.snapshot({ ip: wide }, { ip: range('198.51.100.0/24') });
  assert.deepEqual(await next(host2, 2), ['ban 198.51.100.0/24', 'unban 2001:db8:0:9::/64']);
  assert.deepEqual(standing(host2).toSorted(), ['198.51.100.0/24 applied', `${wide} applied`]);
});

test('A pause lifts ranges, and its end brings them back', async () => {
  using host2 = new Host();
  host2.hear({ ip: wide });
  await next(host2, 1);
  assert.equal(await pause(host2.parts), 1);
  assert.deepEqual(await next(host2, 1), [`unban ${wide}`]);
  assert.equal(await resume(host2.parts), 1);
  assert.deepEqual(await next(host2, 1), [`ban ${wide}`]);
});

test('What is wider than anybody may ban is neither put in place nor lifted, whoever says so', async () => {
  using host2 = new Host();
  for (const tooWide of [range('0.0.0.0/0'), range('203.0.0.0/15'), range('2001:db8::/31'), range('::/0')]) {
    host2.hear({ ip: tooWide });
    host2.hear({ kind: 'unban', ip: tooWide, host: OPERATOR_HOST, everyJail: true });
  }
  await host2.applier.idle();
  assert.equal(host2.enforcer.begun.length, 0);
  assert.deepEqual(standing(host2), []);
});
