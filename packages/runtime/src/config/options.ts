import { OLDEST_SECONDS, SHARED_JAIL } from '@banshare/protocol';
import { backup } from './backup-options.ts';
import { bakedFleet } from './baked.ts';
import {
  curveKey,
  ENFORCERS,
  enforcerTable,
  jail,
  orAll,
  origin,
  prog,
  quorum,
  range,
} from './kinds/field-kinds.ts';
import {
  address,
  choice,
  command,
  duration,
  durationOrForEver,
  flag,
  hostName,
  hostNameOrAddress,
  integer,
  listenAddress,
  listenPort,
  listOf,
  mapOf,
  port,
  servers,
  files,
  text,
} from './kinds/kinds.ts';
import { metricsAddress } from './kinds/metrics-kinds.ts';
import { absolutePath, notifyTable, url } from './kinds/notify-kinds.ts';
import { headerName, pageAddress } from './kinds/page-kinds.ts';
import {
  live,
  option,
  optional,
  optionalSeconds,
  seconds,
  secret,
  tables,
  type ConfigOf,
} from './option-table.ts';

const DAY = 86_400;

/** The commands of fail2ban; the client does the same over its socket where it can. */
export const FAIL2BAN_COMMANDS = {
  ban: '/usr/bin/fail2ban-client set JAIL banip SRCIP',
  unban: '/usr/bin/fail2ban-client set JAIL unbanip SRCIP',
} as const;

const log = {
  'log.level': live(
    option(
      choice('error', 'warning', 'notice', 'info', 'debug'),
      'notice',
      'The least serious kind of line that is logged.',
    ),
  ),
  'log.format': live(option(choice('text', 'json'), 'text', 'Lines for people, or one JSON object a line.')),
};

const metrics = {
  'metrics.listen': optional(
    metricsAddress,
    '127.0.0.1:9188',
    'Where Prometheus finds /metrics: ADDRESS:PORT or [ADDRESS]:PORT; without it nowhere.',
  ),
};

/** Every option of server.toml. */
export const serverOptions = {
  'listen.address': option(
    listenAddress,
    '*',
    'The address of this machine to listen on, or * for all of them.',
  ),
  'listen.report-port': optional(
    listenPort,
    0,
    "The port for reports instead of the generation's; only while one generation is in service. 0 takes a free one.",
  ),
  'listen.publish-port': optional(
    listenPort,
    0,
    "The port for bans instead of the generation's; only while one generation is in service. 0 takes a free one.",
  ),
  'dedupe.window': live(
    seconds(
      duration(1, DAY),
      '5m',
      'For so long after a ban was published, the same ban is not published again; one that ends no later never is.',
    ),
  ),
  'bans.default-duration': live(
    seconds(durationOrForEver, '1d', 'How long a ban lasts whose report names no duration.'),
  ),
  'bans.max-duration': live(
    seconds(durationOrForEver, '30d', 'No report makes a ban longer than this; -1 sets no limit.'),
  ),
  'bans.escalation': live(
    option(
      listOf(durationOrForEver),
      [],
      'The n-th ban of an address lasts the n-th of these, the last one from then on; [] leaves it to the reports.',
    ),
  ),
  'bans.ipv6-prefix': live(
    option(
      integer(64, 128),
      128,
      'How much of an IPv6 address counts: 128 bans what is reported, 64 the whole /64 that one machine may have.',
    ),
  ),
  quorum: live(
    tables(
      listOf(quorum),
      'Tables of prog, jail, reporters and within: such bans wait until so many different hosts report them within that time. Evidence that can be forged, as a port scan for psad, needs two.',
      ['prog = "psad"', 'reporters = 2', 'within = "30m"'],
    ),
  ),
  'never-ban.addresses': live(option(listOf(range), [], 'Addresses and ranges that nobody may ban.')),
  'never-ban.fleet': live(
    option(flag, true, "Whether the addresses that the fleet's hosts come from are never banned."),
  ),
  'limits.host-per-minute': live(
    option(
      integer(1, 1_000_000),
      60,
      'Reports that one host may bring in a minute; more wait in its spool and come later.',
    ),
  ),
  'limits.host-burst': live(option(integer(1, 1_000_000), 200, 'Reports that one host may bring at once.')),
  'limits.fleet-per-minute': live(
    option(
      integer(1, 10_000_000),
      600,
      'New bans in a minute; more are held until an operator releases or drops them.',
    ),
  ),
  'limits.active': live(
    option(
      integer(1, 10_000_000),
      500_000,
      'Active bans; more are held until an operator releases or drops them.',
    ),
  ),
  'enrolment.mode': live(
    option(
      choice('open', 'approve', 'closed'),
      'open',
      'Whether whoever has the join key is taken in (open: for a day from the first start of a generation, then approve), waits for an operator, or is refused.',
    ),
  ),
  'enrolment.gone-after': seconds(
    duration(60, 3650 * DAY),
    '7d',
    'A host that was not heard of for so long leaves the counts, until it comes back.',
  ),
  'enrolment.per-minute': live(
    option(
      integer(1, 1_000_000),
      120,
      'New hosts taken in a minute, five times as many at once; more come later, which their clients do by themselves.',
    ),
  ),
  ...backup,
  'drill.every': live(
    optionalSeconds(
      duration(60, 366 * DAY),
      '1d',
      'How often there is a drill by the clock, through one of several servers; without it there is none.',
    ),
  ),
  'drill.limit': live(
    seconds(
      duration(1, 10),
      '2s',
      'The hosts that take longer in a drill by the clock are named by status; who did not answer after 10 s has missed it.',
    ),
  ),
  'ledger.keep-evidence': live(
    seconds(
      duration(3600, 3650 * DAY),
      '7d',
      'What reports carried of evidence is removed after that; of more than 100,000 the oldest before.',
    ),
  ),
  'ledger.keep': live(
    seconds(
      duration(DAY, 3650 * DAY),
      '90d',
      'Events and reports older than this are removed, once no active ban needs them.',
    ),
  ),
  'ledger.log': optional(
    text,
    'postgres://a.example.org,b.example.org/banshare',
    "The PostgreSQL (15 or later) whose log several servers share, with all its machines, as postgres://USER@HOST:PORT,…/DATABASE?sslmode=MODE&sslrootcert=FILE; without it this server's own file is all there is.",
  ),
  'ledger.durability': option(
    choice('standby', 'provider', 'none'),
    'standby',
    'Who keeps a second copy of the log before a report is answered: a synchronous standby of PostgreSQL, the provider below it, or nobody.',
  ),
  'ledger.password-file': optional(
    text,
    '/etc/banshare/ledger-password',
    "A file with the password for the log's database, of the server's user and mode 0600; without it none is given.",
  ),
  'enrich.mmdb': optional(
    files,
    '/var/lib/GeoIP/GeoLite2-Country.mmdb',
    'Your own file of MaxMind or DB-IP, or a list of files, for countries and networks beside addresses; they decide nothing.',
  ),
  'web.listen': option(
    pageAddress,
    '127.0.0.1:9180',
    'Where banshare-server web serves the page: ADDRESS:PORT, or unix:/PATH for a proxy on this machine.',
  ),
  'web.acts': live(
    option(flag, false, 'Whether the page may do more than look: ban, unban, approve and so on.'),
  ),
  'web.names': option(
    listOf(hostNameOrAddress),
    [],
    'Names by which browsers reach the page, beside localhost and the address that it listens on; others are refused.',
  ),
  'web.user-header': optional(
    headerName,
    'X-Remote-User',
    'The header in which a proxy at the unix socket says who is logged in; it replaces the login by a link.',
  ),
  'web.allow-public': option(
    flag,
    false,
    'Whether the page may listen at another address than loopback, by TLS.',
  ),
  'web.tls-certificate': optional(
    text,
    '/etc/banshare/page.crt',
    'The certificate of the page, with its chain, in PEM; with tls-key.',
  ),
  'web.tls-key': optional(
    text,
    '/etc/banshare/page.key',
    "The certificate's key, in PEM, readable by banshare-web.",
  ),
  ...metrics,
  notify: live(
    secret(
      tables(
        listOf(notifyTable),
        'Tables of kind (webhook, ntfy, command, mail), for and at-most, and of url or url-file and token-file, command, or to and from: who is told what a person has to know, by banshare-outside.',
        [
          'kind = "ntfy"',
          'url = "https://ntfy.example.org/alarms"',
          'for = ["urgent"]',
          'at-most = "1 per 10m"',
        ],
      ),
    ),
  ),
  'dead-man.url': live(
    secret(
      optional(
        url,
        'https://alive.example.org/bans',
        'An address that banshare-outside calls every minute while this server commits and publishes: whoever watches it alarms when the calls stay out.',
      ),
    ),
  ),
  'dead-man.url-file': live(
    optional(
      absolutePath,
      '/etc/banshare/outside/dead-man-url',
      'A file that holds that address, readable by the user banshare-outside alone.',
    ),
  ),
  ...log,
};

/** Every option of client.toml, which the client and the reporter read. */
export const clientOptions = {
  name: optional(hostName, 'web1', "This host's name in the fleet; without it the machine's host name."),
  addresses: live(
    option(
      listOf(address),
      [],
      'Addresses by which this host is known outside, beside those that it has itself.',
    ),
  ),
  server: optional(
    servers,
    ['a.example.org', 'b.example.org'],
    'The server, or a list of all servers of the fleet, which have the same ports and keys; without it what is baked into the programs.',
  ),
  'report-port': optional(port, 20_001, "The server's port for reports; without it the one baked in."),
  'publish-port': optional(port, 20_002, "The server's port for bans; without it the one baked in."),
  'server-public-key': optional(
    curveKey,
    'rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7',
    "The server's public key in Z85; without it the one baked in.",
  ),
  'follow.jails': live(
    option(listOf(orAll(jail)), ['*'], 'The jails whose bans this host takes; * for all of them.'),
  ),
  'follow.progs': live(
    option(
      listOf(orAll(prog)),
      ['*'],
      'The detecting programs whose bans this host takes; * for all of them.',
    ),
  ),
  'apply.enforcer': option(
    choice(...ENFORCERS),
    'command',
    'What carries out a ban: "command" below, "fail2ban" over its socket, "nftables" or "ipset" in sets of banshare\'s own, "log" by a line, "psad" over its socket, "none" only says what it would do.',
  ),
  'apply.log-file': option(
    text,
    '/var/log/shared.log',
    'Where the enforcer "log" writes a line for each ban, for a jail with maxretry = 1 that watches it.',
  ),
  'apply.max-active': live(
    optional(
      integer(1, 1_000_000),
      500_000,
      'So many bans are in place at most, others are skipped as full; without it 500000 where nftables or ipset has them all, as many as the server publishes, else 50000.',
    ),
  ),
  'apply.command': option(
    command,
    bakedFleet?.banCommand || FAIL2BAN_COMMANDS.ban,
    'Bans one address; run without a shell, after SRCIP JAIL PROG PORT PROTOCOL SECONDS are replaced in its words; SRCIPS is several addresses.',
  ),
  'apply.unban-command': option(
    command,
    FAIL2BAN_COMMANDS.unban,
    'Lifts the ban of one address; the words are replaced as in command.',
  ),
  'apply.missing-jail': option(
    jail,
    SHARED_JAIL,
    'The local jail where a ban lands whose own jail this host does not have.',
  ),
  'apply.timeout': seconds(
    duration(1, 600),
    '30s',
    'A command that runs longer is killed and counts as failed.',
  ),
  'apply.own-reports': live(
    option(flag, false, 'Whether bans that this very host reported are applied here once more.'),
  ),
  'apply.reconcile': seconds(
    duration(1, DAY),
    '5m',
    'How often what should be banned is compared with what is; what was lost at once is found within a minute anyway.',
  ),
  'apply.concurrency': live(option(integer(1, 64), 4, 'How many commands may run at once.')),
  'apply.jails': option(
    mapOf(origin, jail),
    {},
    'Local jails by PROG/JAIL, JAIL or *, for example "fail2ban/sshd" = "ssh".',
  ),
  'never-ban.addresses': live(
    option(listOf(range), [], 'Addresses and ranges that are never banned on this host.'),
  ),
  enforcer: tables(
    listOf(enforcerTable),
    'Tables of kind, jails and progs: several enforcers at once, each for its own bans, instead of apply.enforcer.',
    ['kind = "nftables"', 'jails = ["*"]', 'progs = ["*"]'],
  ),
  'report.timeout': live(
    seconds(duration(1, 60), '2s', 'After so long banshare-report puts a report into the spool.'),
  ),
  'report.evidence': live(
    option(
      flag,
      false,
      'Whether reports carry up to 1 KiB of what the detector saw, where it hands that over: fail2ban by the action banshare[evidence=yes].',
    ),
  ),
  'report.spool-max': live(
    option(integer(1, 1_000_000), 10_000, 'How many reports the spool holds at most.'),
  ),
  'report.spool-max-age': live(
    seconds(duration(60, OLDEST_SECONDS - DAY), '7d', 'Reports that waited longer are given up.'),
  ),
  ...metrics,
  ...log,
};

export type ServerConfig = ConfigOf<typeof serverOptions>;
export type ClientConfig = ConfigOf<typeof clientOptions>;
