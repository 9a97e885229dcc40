import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test, type TestContext } from 'node:test';

const ROOT = join(import.meta.dirname, '../..');
const scratch = mkdtempSync(join(tmpdir(), 'banshare-units-'));
after(() => rmSync(scratch, { recursive: true }));

/** Checks the units as they would be with one text replaced by another. */
function check(context: TestContext, from: string, to: string): { code: number | null; err: string } {
  const units = mkdtempSync(join(scratch, 'units-'));
  cpSync(join(ROOT, 'installers/systemd'), units, { recursive: true });
  const unit = join(units, 'banshare-server.service');
  const text = readFileSync(unit, 'utf8');
  assert.ok(text.includes(from));
  writeFileSync(unit, text.replaceAll(from, to));
  const script = join(ROOT, 'scripts/checks/check-units.sh');
  const ran = spawnSync('sh', [script, units], { encoding: 'utf8' });
  if (ran.stderr.startsWith('SKIPPED')) context.skip(ran.stderr);
  return { code: ran.status, err: ran.stderr };
}

test('make check accepts the units as they are', (context) => {
  const { code, err } = check(context, 'Restart=always', 'Restart=always');
  if (err.startsWith('SKIPPED')) return;
  assert.equal(code, 0, err);
});

test('make check refuses a unit with a setting that systemd does not know, and names its line', (context) => {
  const { code, err } = check(context, 'PrivateUsers=', 'PrivateUser=');
  if (err.startsWith('SKIPPED')) return;
  assert.equal(code, 1);
  assert.match(err, /banshare-server\.service:\d+: Unknown key/);
});

test('make check refuses a server unit whose sandbox leaves an exposure of 2.5 or more', (context) => {
  const { code, err } = check(context, 'CapabilityBoundingSet=\n', 'CapabilityBoundingSet=~\n');
  if (err.startsWith('SKIPPED')) return;
  assert.equal(code, 1);
  assert.match(err, /Overall exposure level/);
});

test('make check says what to install where the tool is missing', () => {
  const script = join(ROOT, 'scripts/checks/check-units.sh');
  const ran = spawnSync('/bin/sh', [script, join(ROOT, 'installers/systemd')], {
    encoding: 'utf8',
    env: { PATH: scratch },
  });
  assert.equal(ran.status, 77, 'or make check would call it ok as well');
  assert.match(ran.stderr, /SKIPPED units: .*apt-get install systemd/);
});
