import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  parseAddress,
  parseDuration,
  parseFields,
  parseHostName,
  parseJail,
  parseOutcome,
  parsePort,
  parseProg,
  parsePublication,
  parseRange,
  parseReply,
  parseRequest,
  parseSyncAnswer,
  parseTransport,
} from '@banshare/protocol';
import {
  parseFleet,
  parseJoined,
  parseToken,
  readClientConfig,
  readServerConfig,
  splitWords,
} from '@banshare/runtime';
import { parseSections, readIncoming } from '@banshare/transport';
import { unpickle } from '../../packages/client/src/fail2ban/pickle.ts';
import { readLogLine, unknownForm } from '../../packages/report/src/follow/fail2ban-line.ts';
import { WaitingReports } from '../../packages/report/src/spool/waiting-reports.ts';
import { readImport } from '../../packages/server/src/cli/lists/import-file.ts';

/**
 * What reads bytes that somebody else wrote. An input is a list of parts, each a string of bytes (latin1); `cost` is how many
 * times dearer than the others it is. It throws only where something is wrong with it.
 */
export type Decoder = { name: string; cost: number; decode: (parts: readonly string[]) => unknown };

const folder = mkdtempSync(join(tmpdir(), 'banshare-fuzz-'));
process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
const waiting = new WaitingReports(folder);

/** As the programs do: bytes of a frame or file become text. */
function textOf(part = ''): string {
  return Buffer.from(part, 'latin1').toString('utf8');
}

function bytesOf(part: string): Buffer {
  return Buffer.from(part, 'latin1');
}

/** The largest number that a command takes from its daemon, which tells what it read of the wire. */
const LARGEST = 8.64e12;

/** Whatever is read of the wire, a daemon can tell it. */
function tellable(value: unknown): void {
  if (typeof value === 'number') assert.ok(Math.abs(value) <= LARGEST, `${value} was read`);
  else if (typeof value === 'object' && value !== null)
    for (const item of Object.values(value)) tellable(item);
}

/** What was read once is read the same again. */
function stable(
  parse: (text: string) => { ok: true; value: string | number } | { ok: false },
  text: string,
): void {
  const read = parse(text);
  if (read.ok && typeof read.value === 'string') assert.deepEqual(parse(read.value), read);
}

function file(name: string, part = ''): string {
  const path = join(folder, name);
  writeFileSync(path, bytesOf(part));
  return path;
}

export const DECODERS: readonly Decoder[] = [
  { name: 'address', cost: 1, decode: ([text]) => stable(parseAddress, textOf(text)) },
  { name: 'range', cost: 1, decode: ([text]) => stable(parseRange, textOf(text)) },
  {
    name: 'names',
    cost: 1,
    decode: ([text]) => {
      for (const parse of [parseProg, parseJail, parseHostName, parsePort, parseTransport, parseDuration])
        stable(parse, textOf(text));
    },
  },
  {
    name: 'request',
    cost: 1,
    decode: ([subject, body]) => tellable(parseRequest(textOf(subject), textOf(body))),
  },
  {
    name: 'reply',
    cost: 1,
    decode: ([status, body]) => {
      const read = parseReply(textOf(status), textOf(body));
      // Nobody has read those yet.
      if (read.ok) tellable({ ...read.value, fields: undefined });
    },
  },
  {
    name: 'publication',
    cost: 1,
    decode: ([subject, body]) => tellable(parsePublication(textOf(subject), textOf(body))),
  },
  {
    name: 'sync',
    cost: 1,
    decode: ([text]) => {
      const fields = parseFields(textOf(text));
      if (fields.ok) tellable([parseSyncAnswer(fields.value), parseOutcome(fields.value)]);
    },
  },
  { name: 'incoming', cost: 1, decode: (parts) => readIncoming(parts.map(bytesOf)) },
  { name: 'certificate', cost: 1, decode: ([text]) => parseSections(textOf(text)) },
  { name: 'fleet', cost: 2, decode: ([text]) => parseFleet(textOf(text)) },
  { name: 'token', cost: 2, decode: ([text]) => tellable(parseToken(textOf(text))) },
  { name: 'joined', cost: 2, decode: ([text]) => tellable(parseJoined(textOf(text))) },
  { name: 'command-line', cost: 1, decode: ([text]) => splitWords(textOf(text)) },
  {
    name: 'fail2ban-line',
    cost: 1,
    decode: ([text]) => [readLogLine(textOf(text), 0), unknownForm(textOf(text))],
  },
  { name: 'import', cost: 1, decode: ([text]) => readImport(textOf(text)) },
  {
    name: 'spool',
    cost: 5,
    decode: ([text]) => {
      file('waiting.json', text);
      waiting.read('waiting.json');
    },
  },
  { name: 'server-toml', cost: 10, decode: ([text]) => readServerConfig(file('server.toml', text)) },
  { name: 'client-toml', cost: 10, decode: ([text]) => readClientConfig(file('client.toml', text)) },
  {
    name: 'pickle',
    cost: 1,
    decode: ([bytes = '']) => {
      try {
        unpickle(bytesOf(bytes));
      } catch (error) {
        // Its way to refuse; anything else is a fault of its own.
        assert.ok(error instanceof Error && !(error instanceof assert.AssertionError));
        assert.ok(!/Maximum call stack|out of memory|undefined/.test(error.message), error.message);
      }
    },
  },
];
