import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startFleet } from './ground/fleet.ts';
import { skipReason } from './ground/requirements.ts';

const skip = skipReason();

type Explained = { reports: { evidence: string | null }[] };

/** What somebody may try to log in as. */
const NAMES = [
  '$(touch /harm);`touch /harm`\'"; touch /harm #',
  '%s%n%d <ip> <name> \\x1b \\n $f2bV_matches',
  `\u001b[2J${'é'.repeat(300)}`,
];

/** The lines of three tries to log in, as sshd writes them. */
function triesOf(address: string, names: readonly string[]): string[] {
  const at = new Date().toISOString().slice(0, 19);
  return names.map(
    (name) => `${at} h1 sshd[7]: Failed password for invalid user ${name} from ${address} port 40000 ssh2`,
  );
}

test(
  'fail2ban hands the lines that it matched to the action, whatever they hold, the server shows them, and where fail2ban cannot the ban is shared all the same',
  { skip },
  async () => {
    const action = [
      'banshare[port="%(port)s", protocol="%(protocol)s"]',
      'banshare[actname=banshare-evidence, evidence=yes]',
    ].join('\n    ');
    await using fleet = await startFleet({
      hosts: ['h1'],
      fail2ban: { h1: { action } },
      clientConfig: { h1: '[report]\nevidence = true\n' },
    });
    const h1 = fleet.host('h1');
    const server = fleet.daemon(fleet.server);
    const lines = triesOf('203.0.113.7', NAMES);
    // Neither goes into a list of arguments, which is how fail2ban calls the shell.
    const unfit = triesOf('203.0.113.8', ['with \u0000', 'z'.repeat(150_000), 'x']);
    await h1.append('/var/log/auth.log', `${[...unfit, ...lines].join('\n')}\n`);
    await server.line(/ban ip=203\.0\.113\.8 /);
    await h1.untilLines('/var/log/fail2ban.log', /action 'banshare-evidence'.*203\.0\.113\.8/);
    await server.line(/ban ip=203\.0\.113\.7 /);
    const evidenceOf = async (ip: string): Promise<(string | null)[]> => {
      const words = ['banshare-server', 'explain', ip, '--json'];
      const { reports } = JSON.parse(await fleet.server.output(words)) as Explained;
      return reports.map(({ evidence }) => evidence);
    };
    // The second action of a ban comes before the first of the next one.
    await h1.append('/var/log/auth.log', `${triesOf('203.0.113.9', ['a', 'b', 'c']).join('\n')}\n`);
    await server.line(/ban ip=203\.0\.113\.9 /);
    const [none, told] = await evidenceOf('203.0.113.7');
    const [first = '', second = '', third = ''] = (told ?? '').split('\n');
    assert.equal(none, null);
    assert.deepEqual([first, second], lines.slice(0, 2));
    assert.ok(third !== '' && lines[2]?.startsWith(third), third);
    assert.deepEqual(await evidenceOf('203.0.113.8'), [null]);
    assert.equal((await h1.run(['test', '-e', '/harm'])).code, 1);
  },
);
