import { bad, good, parseDuration, parsePort, parseTransport, quote, wholeSeconds } from '@banshare/protocol';
import type { Details, Result } from '@banshare/protocol';

/** The units that fail2ban itself reads in a bantime, in seconds: a month is a twelfth of a year of 365.25 days. */
const UNITS: readonly [word: RegExp, seconds: number][] = [
  [/^s(s|ec(s|onds?)?)?$/i, 1],
  [/^m(m|in(s|utes?)?)?$/i, 60],
  [/^h(h|ou(r|rs)?)?$/i, 3600],
  [/^d(d|a|ays?)?$/i, 86_400],
  [/^w(w|ee|eeks?)?$/i, 604_800],
  [/^mo(n|nths?)?$/i, 2_629_800],
  [/^y(y|ea|ears?)?$/i, 31_557_600],
];

const HIGHEST_PORT = 65_535;

/**
 * Reads how long a detector says that its ban lasts, in whole seconds: what banshare's own durations are, any number that
 * fail2ban's `<bantime>` can be, and the words of fail2ban's own configuration. Longer than a century is for ever; nothing
 * said is undefined, and leaves it to the server.
 */
export function readBantime(text: string): Result<number | undefined> {
  if (isAbsent(text)) return good(undefined);
  const plain = text.trim();
  const own = parseDuration(plain);
  const seconds = own.ok ? own.value : (numberOf(plain) ?? sumOf(plain));
  const whole = seconds === undefined ? undefined : wholeSeconds(seconds);
  return whole === undefined ? bad(`${quote(text)} is not a duration`) : good(whole);
}

/** Reads a detail by its name; nothing said is no detail. */
export function readDetail(name: 'failures' | 'port' | 'protocol', text: string): Result<Details> {
  if (isAbsent(text)) return good({});
  if (name === 'failures') {
    return /^\d{1,9}$/.test(text)
      ? good({ failures: Number(text) })
      : bad(`${quote(text)} is not a whole number from 0 to 999999999`);
  }
  const tooHigh = name === 'port' ? text.split(/[:,]/).find(isTooHigh) : undefined;
  if (tooHigh !== undefined) return bad(`${quote(tooHigh)} is not a port: the highest is ${HIGHEST_PORT}`);
  const read = name === 'port' ? parsePort(text) : parseTransport(text);
  return read.ok ? good({ [name]: read.value }) : read;
}

/** The protocol takes such a port, as from programs of before; here is a person to be told. */
function isTooHigh(text: string): boolean {
  return /^\d+$/.test(text) && Number(text) > HIGHEST_PORT;
}

/** fail2ban passes an empty text, or the tag itself, where a jail has no such value: that is none. */
function isAbsent(text: string): boolean {
  return text.trim() === '' || /^<[a-zA-Z_-]+>$/.test(text);
}

/** What Python writes for a float, such as 600.5, 1e+30 and inf. */
function numberOf(text: string): number | undefined {
  if (/^\+?inf(inity)?$/i.test(text)) return Infinity;
  return /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text) ? Number(text) : undefined;
}

/** `1d 12h`, `100y`. */
function sumOf(text: string): number | undefined {
  let sum = 0;
  const rest = text.replace(/(\d+(?:\.\d+)?)\s*([a-z]+)\s*/gi, (_part, count: string, word: string) => {
    const unit = UNITS.find(([name]) => name.test(word));
    sum += unit === undefined ? NaN : Number(count) * unit[1];
    return '';
  });
  return rest === '' && !Number.isNaN(sum) ? sum : undefined;
}
