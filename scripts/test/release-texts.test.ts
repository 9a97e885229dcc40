import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import {
  datedChangelog,
  faultsOf,
  steadySbom,
  versionedLock,
  versionedManifest,
} from '../making/release-texts.ts';

const ROOT = join(import.meta.dirname, '../..');
const CHANGELOG = '# Changes\n\n## Unreleased\n\n- A thing.\n\n## 0.1.0, 2026-11-21\n\n- Before.\n';
const well = { version: '0.2.0', pinned: '0.1.0', tags: ['v0.1.0'], changelog: CHANGELOG, unclean: '' };

test('a release is refused with every reason: an unclean tree, a version not above the last, a changelog that says nothing', () => {
  assert.deepEqual(faultsOf(well), []);
  assert.match(
    faultsOf({ ...well, unclean: ' M README.md\n' }).join(),
    /not clean; commit or remove these first:\n M README\.md$/,
  );
  assert.match(faultsOf({ ...well, version: '0.1.0' }).join(), /0\.1\.0 is not above the last one, 0\.1\.0/);
  assert.match(faultsOf({ ...well, tags: ['v0.10.0', 'vnext'] }).join(), /not above the last one, 0\.10\.0/);
  assert.match(faultsOf({ ...well, version: '0.2' }).join(), /three numbers/);
  assert.match(faultsOf({ ...well, version: 'v0.2.0' }).join(), /three numbers/);
  const without = CHANGELOG.replace('## Unreleased\n\n- A thing.\n\n', '');
  assert.match(faultsOf({ ...well, changelog: without }).join(), /neither "## Unreleased" nor "## 0\.2\.0"/);
  assert.match(
    faultsOf({ ...well, changelog: CHANGELOG.replace('- A thing.\n', '') }).join(),
    /nothing below "## Unreleased"/,
  );
  assert.deepEqual(faultsOf({ ...well, changelog: CHANGELOG.replace('Unreleased', '0.2.0') }), []);
  assert.equal(faultsOf({ ...well, unclean: '?? x\n', version: '0.0.9', changelog: '' }).length, 3);
});

test('a release gives its heading a date, and its version to every package, to what each stands on, and to the lock file', () => {
  assert.equal(
    datedChangelog(CHANGELOG, '0.2.0', '2026-12-01'),
    CHANGELOG.replace('Unreleased', '0.2.0, 2026-12-01'),
  );
  const dated = CHANGELOG.replace('Unreleased', '0.2.0, 2026-11-30');
  assert.equal(datedChangelog(dated, '0.2.0', '2026-12-01'), dated);
  const read = (name: string): string => readFileSync(join(ROOT, name), 'utf8');
  const { version } = JSON.parse(read('package.json')) as { version: string };
  for (const name of ['package.json', 'packages/server/package.json']) {
    const text = read(name);
    assert.equal(versionedManifest(text, version), text, name);
    const next = versionedManifest(text, '77.0.0');
    assert.equal(next.match(/77\.0\.0/g)?.length, name === 'package.json' ? 1 : 4, name);
  }
  assert.equal(versionedLock(read('package-lock.json'), version), read('package-lock.json'));
  assert.match(
    versionedLock(read('package-lock.json'), '77.0.0'),
    /"packages\/server": \{\n\s+"name": "@banshare\/server",\n\s+"version": "77\.0\.0"/,
  );
});

test('a bill of materials is the same each time it is made of the same', () => {
  const sbom = (serial: string, name: string): string =>
    JSON.stringify({
      serialNumber: serial,
      metadata: { timestamp: serial, component: { name } },
      components: [],
    });
  const digest = (text: string): string => createHash('sha256').update(text).digest('hex');
  const made = steadySbom(sbom('a', 'folder'), 1_795_257_600, digest);
  assert.equal(made, steadySbom(sbom('b', 'another'), 1_795_257_600, digest));
  assert.match(
    made,
    /"serialNumber": "urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-a[0-9a-f]{3}-[0-9a-f]{12}"/,
  );
  assert.match(made, /"timestamp": "2026-11-21T/);
});
