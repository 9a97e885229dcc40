import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PATIENCE_MS, untilTrue } from '../lab/ground/deadline.ts';
import { installed } from '../lab/ground/installed.ts';
import { startLab } from '../lab/ground/lab.ts';
import { Machine } from './machine.ts';
import { DEBIAN_13, rootOf, SPARE, whyNoSystems } from './roots.ts';

// What runs beside the two daemons, each in the sandbox of its own unit, on Debian 13 as its own systemd has booted it: timers that
// fire by themselves, the page, and mail by the sendmail of each mail system that Debian has and people use.
const skip = whyNoSystems();
const METRICS = '/var/lib/prometheus/node-exporter';
const MAILBOX = '/var/mail/ops';

/** Those that pass mail on and have no mailboxes of their own get a server that has. */
type MailSystem = { name: string; answers?: string; files?: Readonly<Record<string, string>> };

const MAIL_SYSTEMS: readonly MailSystem[] = [
  { name: 'dma' },
  {
    name: 'postfix',
    answers: 'postfix postfix/main_mailer_type select Local only\npostfix postfix/mailname string srv\n',
  },
  { name: 'exim4-daemon-light' },
  { name: 'nullmailer', files: { '/etc/nullmailer/remotes': '127.0.0.1 smtp --port=2525\n' } },
  {
    name: 'msmtp-mta',
    files: { '/etc/msmtprc': 'account default\nhost 127.0.0.1\nport 2525\nauto_from on\nmaildomain srv\n' },
  },
];

test(
  'on Debian 13 the timers do their work in their sandbox, the page lets in by a link, a daemon that hangs is started again, and each mail system brings a message into a mailbox',
  { skip, timeout: 900_000 },
  async (context) => {
    const root = await rootOf(
      DEBIAN_13,
      MAIL_SYSTEMS.map(({ name }) => name),
    );
    const made = await installed();
    await using lab = await startLab({ hosts: [], server: 'srv', roots: { srv: root } });
    await using srv = await Machine.boot(lab.host('srv'));
    const step = async (what: string, work: () => Promise<void>): Promise<void> => {
      const start = performance.now();
      try {
        await work();
      } catch (cause) {
        throw new Error(`Debian 13 does not do this: ${what}`, { cause });
      }
      context.diagnostic(`${((performance.now() - start) / 1000).toFixed(1)} s: ${what}`);
    };
    await srv.output('install', '-d', METRICS);
    await srv.output('useradd', '--create-home', 'ops');
    for (const installer of [made.serverInstaller, made.clientInstaller]) {
      const { code, stdout, stderr } = await srv.install(installer);
      assert.equal(code, 0, `${stdout}\n${stderr}`);
    }

    await step('timers write metrics and a backup', () => timersFire(srv));
    await step('both daemons are reloaded, and started again where they hang', () => isLookedAfter(srv));
    await step('the page lets in by a link', () => letsIn(srv));
    await srv.host.write('/etc/banshare/server.d/mail.toml', MAIL);
    await srv.output('systemctl', 'reload', 'banshare-server');
    await srv.output('systemctl', 'enable', '--now', 'banshare-outside');
    assert.equal((await srv.rights('banshare-outside')).mayGainMore, false);
    for (const system of MAIL_SYSTEMS)
      await step(`mail goes out by ${system.name}`, () => bringsMail(srv, system));
  },
);

const MAIL = '[[notify]]\nkind = "mail"\nto = ["ops@localhost"]\n';

/** Each timer as it is shipped, but for when: the night would be long. */
async function timersFire(srv: Machine): Promise<void> {
  await srv.host.write('/etc/banshare/server.d/backup.toml', '[backup]\nto = "/var/backups/bans"\n');
  await srv.output('systemctl', 'reload', 'banshare-server');
  const soon = '[Timer]\nOnCalendar=\nOnCalendar=*-*-* *:*:0/2\nRandomizedDelaySec=0\nAccuracySec=1ms\n';
  await srv.host.write('/etc/systemd/system/banshare-backup.timer.d/soon.conf', soon);
  await srv.output('systemctl', 'daemon-reload');
  await srv.output('systemctl', 'restart', 'banshare-backup.timer');
  const timers = ['banshare-server-metrics.timer', 'banshare-client-metrics.timer'];
  for (const timer of timers) await srv.output('systemctl', 'enable', '--now', timer);
  for (const role of ['server', 'client'])
    await untilTrue(PATIENCE_MS, `the timer of the ${role}'s metrics`, async () => {
      const { stdout } = await srv.run('cat', `${METRICS}/banshare-${role}.prom`);
      return stdout.includes(`banshare_up{program="banshare-${role}"} 1`);
    });
  await untilTrue(PATIENCE_MS, 'the timer of the backup', async () =>
    /^banshare-\S+\.backup$/m.test((await srv.run('ls', '/var/backups/bans')).stdout),
  );
  // As shipped again: it is known when each is next.
  await srv.output('rm', '-r', '/etc/systemd/system/banshare-backup.timer.d');
  await srv.output('systemctl', 'daemon-reload');
  await srv.output('systemctl', 'restart', 'banshare-backup.timer');
  const listed = await srv.output('systemctl', 'list-timers', '--output=json', '--no-pager', 'banshare-*');
  const next = new Map(
    (JSON.parse(listed) as { unit: string; next: number }[]).map((each) => [each.unit, each.next]),
  );
  for (const timer of ['banshare-backup.timer', ...timers])
    assert.ok((next.get(timer) ?? 0) > 0, `${timer} has no next time:\n${listed}`);
  const { stdout } = await srv.run('banshare-server', 'status', '--json');
  assert.match(stdout, /"backup":\{[^}]*\d/);
  for (const unit of ['backup', 'server-metrics', 'client-metrics'])
    assert.equal(await srv.property(`banshare-${unit}.service`, 'Result'), 'success', unit);
}

async function isLookedAfter(srv: Machine): Promise<void> {
  for (const role of ['server', 'client']) {
    const unit = `banshare-${role}`;
    assert.equal(await srv.property(unit, 'Type'), 'notify');
    const pid = await srv.property(unit, 'MainPID');
    await srv.output('systemctl', 'reload', unit);
    assert.equal(await srv.property(unit, 'MainPID'), pid);
    // Three minutes, as shipped, would be long as well.
    const soon = `/etc/systemd/system/${unit}.service.d/soon.conf`;
    await srv.host.write(soon, '[Service]\nWatchdogSec=6\n');
    await srv.output('systemctl', 'daemon-reload');
    await srv.output('systemctl', 'restart', unit);
    const hanging = await srv.property(unit, 'MainPID');
    await srv.output('kill', '-STOP', hanging);
    await untilTrue(PATIENCE_MS, `${unit} to be started again`, async () => {
      const isAnother = (await srv.property(unit, 'MainPID')) !== hanging;
      return isAnother && (await srv.property(unit, 'ActiveState')) === 'active';
    });
    await srv.output('rm', '-r', soon.replace(/\/[^/]*$/, ''));
    await srv.output('systemctl', 'daemon-reload');
    await srv.output('systemctl', 'restart', unit);
  }
}

/** As a browser does it that has been given the link. */
const COME_IN = `
import http.cookiejar, sys, urllib.parse, urllib.request
base, code = sys.argv[1].split('/enter#')
browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar()))
form = urllib.parse.urlencode({'code': code}).encode()
came = browser.open(urllib.request.Request(base + '/enter', form, {'Origin': base}))
sys.stdout.write(came.geturl() + ' ' + str(came.status) + chr(10) + browser.open(base + '/hosts').read().decode())
`;

async function letsIn(srv: Machine): Promise<void> {
  await srv.output('systemctl', 'enable', '--now', 'banshare-web');
  const { user, mayGainMore, capabilities } = await srv.rights('banshare-web');
  assert.deepEqual([user, mayGainMore, capabilities], ['banshare-web', false, '0000000000000000']);
  const link = /http:\/\/\S+\/enter#\S+/.exec(
    await srv.output('banshare-server', 'web', 'link', '--as', 'anna'),
  );
  const came = await srv.output('python3', '-c', COME_IN, link?.[0] ?? '');
  assert.match(came, /^http:\/\/127\.0\.0\.1:9180\/ 200$/m);
  assert.match(came, /srv/);
}

/** What takes mail for those that have no mailbox, a conversation each on its standard input. */
const SINK = `#!/usr/bin/python3
import sys
def say(text): sys.stdout.write(text + chr(13) + chr(10)); sys.stdout.flush()
say('220 srv ESMTP')
mail = None
for line in sys.stdin:
    line = line.rstrip(chr(13) + chr(10))
    if mail is not None:
        if line == '.':
            open('${MAILBOX}', 'a').write(chr(10).join(mail) + chr(10)); mail = None; say('250 kept')
        else: mail.append(line)
    elif line.upper().startswith('DATA'): mail = []; say('354 go on')
    elif line.upper().startswith('QUIT'): say('221 bye'); break
    else: say('250 yes')
`;

async function bringsMail(srv: Machine, { name, answers, files }: MailSystem): Promise<void> {
  const debs = `${SPARE}/${name}/*.deb`;
  if (answers !== undefined) {
    await srv.host.write('/root/answers', answers);
    await srv.output('debconf-set-selections', '/root/answers');
  }
  const install = `DEBIAN_FRONTEND=noninteractive dpkg --force-confold -i ${debs}`;
  await srv.output('sh', '-c', install);
  if (files !== undefined) await startSink(srv);
  for (const [path, text] of Object.entries(files ?? {})) await srv.host.write(path, text);
  await srv.output('rm', '-f', MAILBOX);
  const { code, stdout, stderr } = await srv.run('banshare-server', 'notify', '--test');
  assert.equal(code, 0, `${stdout}\n${stderr}`);
  let kept = '';
  const what = (): string => `the mail by ${name}; the mailbox holds:\n${kept}`;
  await untilTrue(PATIENCE_MS, what, async () => {
    kept = (await srv.run('cat', MAILBOX)).stdout;
    return /^Subject: banshare on srv: /m.test(kept) && /^To: ops@localhost$/m.test(kept);
  });
  const purge = `DEBIAN_FRONTEND=noninteractive dpkg --purge --force-depends $(for each in ${debs}; do dpkg-deb -f "$each" Package; done)`;
  await srv.output('sh', '-c', purge);
}

async function startSink(srv: Machine): Promise<void> {
  if ((await srv.run('systemctl', 'is-active', 'sink.socket')).code === 0) return;
  await srv.host.write('/root/sink', SINK, 0o755);
  await srv.host.write(
    '/etc/systemd/system/sink.socket',
    '[Socket]\nListenStream=127.0.0.1:2525\nAccept=yes\n',
  );
  await srv.host.write(
    '/etc/systemd/system/sink@.service',
    '[Service]\nExecStart=-/root/sink\nStandardInput=socket\nStandardError=journal\n',
  );
  await srv.output('systemctl', 'daemon-reload');
  await srv.output('systemctl', 'start', 'sink.socket');
}
