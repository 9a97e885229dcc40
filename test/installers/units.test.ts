import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { test } from 'node:test';

// The units as an old systemd reads them, which is not at hand: that of RHEL 8 is 239. A key that it does not know it leaves out with
// a word in the journal, so a later one may take rights away, and nothing else may depend on it.
const UNITS = join(import.meta.dirname, '../../installers/systemd');

/** Keys that came after systemd 239, with the version; each of them only takes rights away. */
const LATER: Readonly<Record<string, number>> = {
  ProtectClock: 245,
  ProtectHostname: 242,
  ProtectKernelLogs: 244,
  ProtectProc: 247,
  ProcSubset: 247,
  RestrictSUIDSGID: 242,
};

/** What systemd 239 knows, of what our units say. */
const KNOWN = `
  Description Documentation Wants After ConditionPathIsDirectory WantedBy Type NotifyAccess WatchdogSec
  TimeoutStartSec ExecStart ExecReload Restart RestartSec RestartPreventExitStatus User Group
  SupplementaryGroups UMask LimitCORE LimitNOFILE MemoryMax TasksMax StateDirectory StateDirectoryMode
  RuntimeDirectory RuntimeDirectoryMode RuntimeDirectoryPreserve ReadWritePaths InaccessiblePaths
  NoNewPrivileges CapabilityBoundingSet AmbientCapabilities ProtectSystem ProtectHome PrivateTmp
  PrivateDevices PrivateNetwork PrivateUsers ProtectKernelTunables ProtectKernelModules
  ProtectControlGroups RestrictNamespaces RestrictRealtime LockPersonality RemoveIPC
  RestrictAddressFamilies SystemCallArchitectures SystemCallFilter SystemCallErrorNumber OnCalendar
  OnActiveSec OnUnitActiveSec AccuracySec Persistent RandomizedDelaySec Nice IOSchedulingClass
  PartOf CollectMode StandardInput StandardOutput StandardError KillMode RuntimeMaxSec ListenStream
  SocketUser SocketGroup SocketMode Accept MaxConnections RemoveOnStop`
  .trim()
  .split(/\s+/);

/** Before 240 there is no `exec`; a set of calls that is not known would be an empty one. */
const VALUES: Readonly<Record<string, readonly string[]>> = {
  Type: ['simple', 'forking', 'oneshot', 'dbus', 'notify', 'idle'],
  ProtectSystem: ['yes', 'full', 'strict'],
  ProtectHome: ['yes', 'no', 'read-only', 'tmpfs'],
};
const CALL_SETS = ['@system-service', '@privileged', '@debug', '@resources'];

for (const path of globSync(`${UNITS}/{*.service,*.timer,*.socket,fail2ban-spool.conf}`)) {
  const lines = readFileSync(path, 'utf8').split('\n');
  const settings = lines.flatMap((line) => {
    const [, key, value] = /^([A-Z]\w+)=(.*)$/.exec(line) ?? [];
    return key === undefined || value === undefined ? [] : [{ key, value }];
  });

  test(`systemd 239 understands ${basename(path)}, but for what takes rights away`, () => {
    for (const { key, value } of settings) {
      assert.ok(KNOWN.includes(key) || key in LATER, `${key}=: since which systemd is it there?`);
      if (key in VALUES) assert.ok(VALUES[key]?.includes(value), `${key}=${value}`);
      if (key === 'SystemCallFilter')
        for (const word of value.split(' ').filter((each) => /^~?@/.test(each)))
          assert.ok(CALL_SETS.includes(word.replace('~', '')), word);
    }
  });
}
