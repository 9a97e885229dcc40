import { parseDuration, type Details } from '@banshare/protocol';
import { readBantime, readDetail } from './details.ts';

/** What the command line asks for. Milliseconds; the words after the options are PROG JAIL IP. */
export type Arguments = {
  root: string;
  config: string | undefined;
  timeoutMs: number | undefined;
  isStrict: boolean;
  isDebug: boolean;
  durationSeconds: number | undefined;
  details: Details;
  /** What was said of the ban and cannot be read: the report goes without it, since a ban counts more than its details. */
  leftOut: string[];
  action: 'report' | 'unban' | 'stdin' | 'flush' | 'follow' | 'check' | 'help' | 'version';
  words: readonly string[];
  /** The log that --follow watches, and the jails it reports; none named is all of them. */
  log: string;
  jails: string[];
};

export type Parsed = { ok: true; value: Arguments } | { ok: false; fault: string };

type Setter = (value: string, into: Arguments) => string | undefined;

const VALUES: Readonly<Record<string, Setter>> = {
  '--root': (value, into) => void (into.root = value),
  '--config': (value, into) => void (into.config = value),
  '--duration': setDuration,
  '--failures': (value, into) => setDetail('failures', value, into),
  '--port': (value, into) => setDetail('port', value, into),
  '--protocol': (value, into) => setDetail('protocol', value, into),
  '--timeout': setTimeoutOption,
  '--follow': (value, into) => {
    into.log = value;
    return setAction(into, 'follow') ?? undefined;
  },
  '--jail': (value, into) => void into.jails.push(value),
};

const FLAGS: Readonly<Record<string, (into: Arguments) => string | void>> = {
  '--strict': (into) => void (into.isStrict = true),
  '-d': (into) => void (into.isDebug = true),
  '--debug': (into) => void (into.isDebug = true),
  '--stdin': (into) => setAction(into, 'stdin'),
  '--flush': (into) => void (into.action = 'flush'),
  '--unban': (into) => setAction(into, 'unban'),
  '--check': (into) => setAction(into, 'check'),
  '--help': (into) => void (into.action = 'help'),
  '-h': (into) => void (into.action = 'help'),
  '--version': (into) => void (into.action = 'version'),
};

/**
 * Reads the command line. Options end at the first word that is none: an address taken from a log, whatever it looks like,
 * is never an option.
 */
export function readArguments(argv: readonly string[]): Parsed {
  const into: Arguments = {
    root: '',
    config: undefined,
    timeoutMs: undefined,
    isStrict: false,
    isDebug: false,
    durationSeconds: undefined,
    details: {},
    leftOut: [],
    action: 'report',
    words: [],
    log: '',
    jails: [],
  };
  let index = 0;
  for (; index < argv.length; index += 1) {
    const word = argv[index] ?? '';
    if (word === '--' || !word.startsWith('-')) break;
    const [name, attached] = splitOption(word);
    const flag = FLAGS[name];
    if (flag !== undefined && attached === undefined) {
      const fault = flag(into);
      if (typeof fault === 'string') return { ok: false, fault };
      continue;
    }
    const set = VALUES[name];
    if (set === undefined) return { ok: false, fault: `unknown option ${JSON.stringify(word)}` };
    if (attached === undefined) index += 1;
    const value = attached ?? argv[index];
    if (value === undefined) return { ok: false, fault: `the option ${name} needs a value` };
    const fault = set(value, into);
    if (fault !== undefined) return { ok: false, fault: `${name}: ${fault}` };
  }
  into.words = argv.slice(argv[index] === '--' ? index + 1 : index);
  return checkWords(into);
}

function checkWords(into: Arguments): Parsed {
  const needsWords = into.action === 'report' || into.action === 'unban';
  if (needsWords && into.words.length !== 3) {
    return { ok: false, fault: `PROG JAIL IP are needed, ${into.words.length} words are given` };
  }
  if (!needsWords && into.words.length > 0)
    return { ok: false, fault: 'no words are expected after this option' };
  return { ok: true, value: into };
}

/** Two of them would leave open what is meant: lines to report, or to unban. */
function setAction(into: Arguments, action: 'unban' | 'stdin' | 'follow' | 'check'): string | void {
  if (into.action === action || into.action === 'report') into.action = action;
  else if (into.action !== 'help' && into.action !== 'version') {
    return `--${into.action} and --${action} do not go together`;
  }
}

function splitOption(word: string): [name: string, attached: string | undefined] {
  const equals = word.indexOf('=');
  return word.startsWith('--') && equals > 0
    ? [word.slice(0, equals), word.slice(equals + 1)]
    : [word, undefined];
}

function setDuration(value: string, into: Arguments): undefined {
  const duration = readBantime(value);
  if (duration.ok) into.durationSeconds = duration.value;
  else into.leftOut.push(`--duration: ${duration.fault}, so the server's default counts`);
}

function setDetail(name: 'failures' | 'port' | 'protocol', value: string, into: Arguments): undefined {
  const detail = readDetail(name, value);
  if (detail.ok) Object.assign(into.details, detail.value);
  else into.leftOut.push(`--${name}: ${detail.fault}`);
}

function setTimeoutOption(value: string, into: Arguments): string | undefined {
  const duration = parseDuration(value);
  if (!duration.ok) return duration.fault;
  if (duration.value < 1 || duration.value > 60) return 'it must be from 1s to 60s';
  into.timeoutMs = duration.value * 1000;
  return undefined;
}
