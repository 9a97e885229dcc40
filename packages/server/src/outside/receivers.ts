import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { bad, good, type Result } from '@banshare/protocol';
import { isClearText, readPrivate, splitWords, webAddress, type NotifyTable } from '@banshare/runtime';
import { callWeb } from './call-web.ts';
import { handOver } from './hand-over.ts';
import { mailOf } from './mail.ts';
import { documentOf, type Message } from './message.ts';
import { runProgramWith } from './run-program.ts';

/** Somebody who is told. */
export type Receiver = {
  /** For people: its kind and machine, and no secret. */
  readonly name: string;
  /** By which it is known after a restart, and which tells nobody what it is. */
  readonly id: string;
  readonly for: readonly string[];
  readonly atMost: NotifyTable['atMost'];
  /** Never throws, and takes so long at most as its kind allows. */
  readonly send: (message: Message) => Promise<Result<unknown>>;
};

const WEB_MS = 10_000;
const PROGRAM_MS = 30_000;
const SENDMAIL = '/usr/sbin/sendmail';

/** From where messages go out. */
export type Where = {
  /** For people. */
  readonly server: string;
  readonly now: () => number;
  /** Where mail is handed over that the machine's sendmail shall send, while somebody waits there; else it is run by this process. */
  readonly mailSocket: string;
};

/** Who a table names; secrets are read from their files with each message, so that they can be changed. */
export function receiverOf(table: NotifyTable, where: Where): Receiver {
  const { kind, atMost } = table;
  const send = senderOf(table, where);
  const identity = JSON.stringify([kind, table.url ?? table.urlFile, table.command, table.to]);
  const id = createHash('sha256').update(identity).digest('hex').slice(0, 16);
  return { name: `${kind} ${targetOf(table)}`, id, for: table.for, atMost, send };
}

function senderOf(table: NotifyTable, { server, now, mailSocket }: Where): Receiver['send'] {
  const { kind, command = '', to = [], from, sendmail } = table;
  const words = splitWords(command);
  return {
    webhook: (message: Message) => {
      const headers = { 'content-type': 'application/json' };
      return callAt(table, headers, documentOf(message, server, now()));
    },
    ntfy: (message: Message) => callAt(table, ntfyHeaders(message), message.text),
    command: async (message: Message) =>
      words.ok
        ? runProgramWith(words.value, `${message.title}\n\n${message.text}\n`, PROGRAM_MS)
        : bad(words.fault),
    // The recipients are in the mail, so that none of them can be taken for an option.
    mail: (message: Message) => {
      const mail = mailOf(message, to, from);
      if (sendmail === undefined && existsSync(mailSocket)) return handOver(mailSocket, mail, PROGRAM_MS);
      return runProgramWith([sendmail ?? SENDMAIL, '-i', '-t'], mail, PROGRAM_MS);
    },
  }[kind];
}

async function callAt(
  table: NotifyTable,
  headers: Readonly<Record<string, string>>,
  body: string,
): Promise<Result<number>> {
  const address = addressOf(table);
  if (!address.ok) return address;
  const { tokenFile } = table;
  const token = tokenFile === undefined ? good('') : secretIn(tokenFile);
  if (!token.ok) return token;
  if (token.value !== '' && isClearText(address.value))
    return bad('its token would go out in clear text: its address has to begin with https://');
  const proof = token.value === '' ? {} : { authorization: `Bearer ${token.value}` };
  return callWeb(address.value, { method: 'POST', headers: { ...headers, ...proof }, body }, WEB_MS);
}

/** An address, as it is written or as its file has it. */
export function addressOf({ url, urlFile }: Pick<NotifyTable, 'url' | 'urlFile'>): Result<string> {
  if (url !== undefined) return good(url);
  const read = secretIn(urlFile ?? '');
  if (!read.ok) return read;
  const address = webAddress(read.value);
  return address.ok ? address : bad(`what ${urlFile} holds ${address.fault}`);
}

function secretIn(file: string): Result<string> {
  const read = readPrivate(file);
  if (!read.ok) return bad(`${read.fault}; it has to be of the user banshare-outside, with mode 0600`);
  const secret = read.value.toString('utf8').trim();
  return /^[\x21-\x7e]+$/.test(secret) ? good(secret) : bad(`${file} does not hold one word`);
}

/** Headers of ntfy hold ASCII only. */
function ntfyHeaders({ title, level }: Message): Record<string, string> {
  const priority = { urgent: 'urgent', 'to-do': 'default', over: 'low', test: 'default' }[level];
  return {
    'content-type': 'text/plain; charset=utf-8',
    title: title.replaceAll(/[^\x20-\x7e]/g, '?').slice(0, 200),
    priority,
    tags: level === 'over' ? 'white_check_mark' : level === 'urgent' ? 'rotating_light' : 'shield',
  };
}

function targetOf({ kind, url, urlFile, command = '', to = [] }: NotifyTable): string {
  if (kind === 'command') return splitWords(command).ok ? (command.split(/\s/, 1)[0] ?? '') : '';
  if (kind === 'mail') return to.join(', ');
  return url === undefined ? `of ${urlFile}` : new URL(url).host;
}
