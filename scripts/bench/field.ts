import { startFleet } from '../../test/lab/ground/fleet.ts';
import { startLab } from '../../test/lab/ground/lab.ts';
import { skipReason } from '../../test/lab/ground/requirements.ts';
import type { Figure } from './figures.ts';
import { addresses } from './field/addresses.ts';
import { fetchCrowdSec, startCrowdSec } from './field/crowdsec.ts';
import { measureFresh } from './field/fresh.ts';
import { measureJail } from './field/jail.ts';
import { measureMoment } from './field/moment.ts';
import { install, isThere } from './field/packages.ts';
import { importBans, measureRestart } from './field/restart.ts';
import { measureSets } from './field/sets.ts';
import { measureShare, restartWith } from './field/share.ts';
import type { Found, Way } from './field/ways.ts';

/** What the field bench found, what it left out and why, and the versions of those it compares with. */
export type Field = {
  ways: Way[];
  figures: Figure[];
  skipped: string[];
  versions: Record<string, string>;
};

const HOSTS = ['h1', 'h2', 'h3'];
const NEEDED = { 'fail2ban-server': 'fail2ban', nft: 'nftables', ip: 'iproute2', unshare: 'util-linux' };

/** Measures banshare beside the field, on hosts of the lab; `say` tells a person what is being measured. */
export async function measureField(say: (what: string) => void): Promise<Field> {
  const field: Field = { ways: [], figures: [], skipped: [], versions: {} };
  const skip = (why: string): void => void (why === '' || field.skipped.push(why));
  if (process.getuid?.() === 0) {
    say('what of the field is missing here, from Debian');
    skip(install(NEEDED));
    skip(install({ ipset: 'ipset', iptables: 'iptables' }));
  }
  const why = skipReason();
  if (why !== false) {
    skip(why);
    return field;
  }
  const keep = ({ ways, figures }: Found<Figure>): void => {
    field.ways.push(...ways);
    field.figures.push(...figures);
  };
  await measureAlone(keep, say);
  await measureFleet(field, keep, say);
  return field;
}

type Keep = (found: Found<Figure>) => void;

/** One host: how bans get into its jails and its kernel. */
async function measureAlone(keep: Keep, say: (what: string) => void): Promise<void> {
  await using lab = await startLab({ hosts: ['jail', 'sets'] });
  say('108 addresses into fail2ban');
  keep(await measureJail(lab.host('jail')));
  say('1, 1,000 and 10,000 addresses into the kernel');
  keep(await measureSets(lab.host('sets'), isThere('ipset') ? ['nftables', 'ipset'] : ['nftables']));
}

/** Hosts that share: from a report to the kernel of others, and what a restart costs. */
async function measureFleet(field: Field, keep: Keep, say: (what: string) => void): Promise<void> {
  say('CrowdSec, from Debian');
  const crowdSec = fetchCrowdSec();
  const hasCrowdSec = 'layer' in crowdSec;
  if (hasCrowdSec) Object.assign(field.versions, crowdSec.versions);
  else field.skipped.push(`CrowdSec: ${crowdSec.why}`);
  const layers = hasCrowdSec
    ? Object.fromEntries(['srv', ...HOSTS].map((name) => [name, [crowdSec.layer]]))
    : {};
  say('a fleet of the lab, with programs built for it');
  await using fleet = await startFleet({ hosts: ['reporter', ...HOSTS], layers });
  const [reporter, ...hosts] = ['reporter', ...HOSTS].map((name) => fleet.host(name));
  const [first, ...others] = hosts;
  if (reporter === undefined || first === undefined) return;
  await fleet.stop(reporter);
  if (hasCrowdSec) await startCrowdSec(fleet.server, hosts);
  say('from a report to the kernel of three hosts');
  keep(await measureShare(fleet, reporter, hosts, hasCrowdSec));

  await Promise.all(others.map((host) => fleet.stop(host)));
  await restartWith(fleet, first, 'enforcer = "nftables"');
  say('from a message to the kernel');
  keep(await measureMoment(fleet, reporter, first));
  say('a restart with 10,000 active bans');
  keep(await measureRestart(fleet, first));
  await fleet.stop(first);
  say('a fresh host and 20,000 active bans');
  await importBans(fleet, addresses('47.0', 10_000));
  keep(await measureFresh(fleet, reporter));
}
