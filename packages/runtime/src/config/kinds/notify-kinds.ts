import { bad, good, oneLine, quote, type Result } from '@banshare/protocol';
import { choice, command, duration, listOf, show, text, textBy, type Kind } from './kinds.ts';
import { isTable } from './is-table.ts';

/** The ways in which a message can go out. */
const MESSAGE_KINDS = ['webhook', 'ntfy', 'command', 'mail'] as const;

/** One `[[notify]]` table: who gets which messages, and how many. */
export type NotifyTable = {
  readonly kind: (typeof MESSAGE_KINDS)[number];
  /** `urgent`, `to-do`, or kinds of either. */
  readonly for: readonly string[];
  readonly atMost: { readonly count: number; readonly withinSeconds: number };
  /** Of webhook and ntfy: the address, or a file that holds it, and one with a token that proves who speaks. */
  readonly url?: string;
  readonly urlFile?: string;
  readonly tokenFile?: string;
  readonly command?: string;
  readonly to?: readonly string[];
  readonly from?: string;
  readonly sendmail?: string;
};

const HOUR = 3600;
const WORD = /^[a-z]+(-[a-z]+)*$/;
const PER = /^(\d{1,4}) per (\S+)$/;
const ADDRESS =
  /^[A-Za-z0-9!#$%&'*+/=?^_`{|}~.][\w!#$%&'*+/=?^`{|}~.-]{0,63}@[A-Za-z0-9][A-Za-z0-9.-]{0,253}$/;
const LOOPBACK = /^(localhost|127(\.\d+){3}|\[::1\])$/;

/** An address of the web. Clear text is for machines that nobody else hears. */
export const url: Kind<string> = (value) => {
  const read = text(value);
  if (!read.ok) return read;
  // Never shown: a token may be in it.
  const parsed = URL.canParse(read.value) ? new URL(read.value) : undefined;
  return parsed?.protocol === 'https:' || parsed?.protocol === 'http:'
    ? read
    : bad('must be an address that begins with https:// or http://');
};

/** Whether what is sent to an address can be read on the way. */
export function isClearText(address: string): boolean {
  const { protocol, hostname } = new URL(address);
  return protocol === 'http:' && !LOOPBACK.test(hostname);
}

/** A file, by its path from the root. */
export const absolutePath: Kind<string> = (value) => {
  const read = text(value);
  return read.ok && !read.value.startsWith('/') ? bad(`must be a path from /, not ${show(value)}`) : read;
};

const word = textBy((written) =>
  WORD.test(written) ? good(written) : bad(`${quote(written)} is no kind of message`),
);
const mailAddress = textBy((written) =>
  ADDRESS.test(written) ? good(written) : bad(`${quote(written)} is no mail address`),
);

/** So many within some time: `1 per 10m`. */
const atMost: Kind<NotifyTable['atMost']> = (value) => {
  const wrong = bad(`must be a text like "1 per 10m", not ${show(value)}`);
  const [, count = '', within = ''] = (typeof value === 'string' ? PER.exec(value) : null) ?? [];
  const seconds = within === '' ? wrong : duration(1, 7 * 24 * HOUR)(within);
  if (!seconds.ok || Number(count) < 1) return wrong;
  return good({ count: Number(count), withinSeconds: seconds.value });
};

const KEYS: Readonly<Record<string, Kind<unknown>>> = {
  kind: choice(...MESSAGE_KINDS),
  for: listOf(word),
  'at-most': atMost,
  url,
  'url-file': absolutePath,
  'token-file': absolutePath,
  command,
  to: listOf(mailAddress),
  from: mailAddress,
  sendmail: absolutePath,
};

/** Every key that a `[[notify]]` table may have. */
export const NOTIFY_KEYS: readonly string[] = Object.keys(KEYS);

const DEFAULTS = { for: ['urgent'], 'at-most': '1 per 10m' };
/** The keys that only some kinds have. */
const OF_KIND: Readonly<Record<NotifyTable['kind'], readonly string[]>> = {
  webhook: ['url', 'url-file', 'token-file'],
  ntfy: ['url', 'url-file', 'token-file'],
  command: ['command'],
  mail: ['to', 'from', 'sendmail'],
};

export const notifyTable: Kind<NotifyTable> = (value) => {
  if (!isTable(value)) return bad(`must be a table, written [[notify]], not ${show(value)}`);
  const fields: Record<string, unknown> = {};
  for (const [key, item] of Object.entries({ ...DEFAULTS, ...value })) {
    const kind = Object.hasOwn(KEYS, key) ? KEYS[key] : undefined;
    if (kind === undefined) return bad(`has the unknown key ${quote(key)}`);
    const read = kind(item);
    if (!read.ok) return bad(`is wrong in ${oneLine(key)}: it ${read.fault}`);
    fields[key.replace(/-(.)/g, (_, letter: string) => letter.toUpperCase())] = read.value;
  }
  return checked(fields, Object.keys(value));
};

function checked(fields: Record<string, unknown>, given: readonly string[]): Result<NotifyTable> {
  const read = fields as NotifyTable;
  if (read.kind === undefined) return bad('needs a kind: webhook, ntfy, command or mail');
  const stranger = given.find((key) => !['kind', 'for', 'at-most', ...OF_KIND[read.kind]].includes(key));
  if (stranger !== undefined)
    return bad(`has ${quote(stranger)}, which is nothing for kind = "${read.kind}"`);
  const isWeb = read.kind === 'webhook' || read.kind === 'ntfy';
  if (isWeb && (read.url === undefined) === (read.urlFile === undefined))
    return bad(`needs for kind = "${read.kind}" either url or url-file`);
  if (read.url !== undefined && read.tokenFile !== undefined && isClearText(read.url))
    return bad('has a token that would go out in clear text: its url has to begin with https://');
  if (read.kind === 'command' && read.command === undefined) return bad('needs a command');
  if (read.kind === 'mail' && (read.to ?? []).length === 0) return bad('needs to: a list of mail addresses');
  if (read.for.length === 0) return bad('is for nothing: leave "for" out, or name what it is for');
  return good(read);
}
