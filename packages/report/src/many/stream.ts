import type { Readable } from 'node:stream';
import { banKeyText, type Report } from '@banshare/protocol';
import { EXIT, type ExitCode, hostPaths } from '@banshare/runtime';
import type { Arguments } from '../words/arguments.ts';
import { readBantime } from '../words/details.ts';
import { isEcho } from '../deliver/echo.ts';
import { keepIn, spoolAsUsual } from '../deliver/keep-for-later.ts';
import type { Ending } from '../words/ending.ts';
import { lines } from '../words/lines.ts';
import { readReport } from '../words/read-report.ts';
import { openSession, type Session } from '../deliver/session.ts';
import type { Content } from '../spool/spool.ts';
import { UnderWay } from './under-way.ts';

/** Far longer than any report; what goes beyond is dropped without being kept in memory. */
const LONGEST_LINE = 512;

/**
 * Reports one "PROG JAIL IP [DURATION]" a line over one connection, many at once, and tells of them in their order. A bad line
 * is named and does not end the run; the ending has the highest code seen.
 */
export async function reportStream(
  input: Readable,
  options: Arguments,
  say: (line: string) => void,
): Promise<Ending> {
  const way = await wayOf(options);
  if ('ending' in way) return way.ending;
  let worst: ExitCode = EXIT.done;
  const underWay = new UnderWay<LineEnd>(({ number, leftOut, ending }) => {
    for (const says of [leftOut, ending.says]) if (says !== undefined) say(`line ${number}: ${says}`);
    if (ending.code > worst) worst = ending.code;
  });
  let number = 0;
  for await (const line of lines(input, LONGEST_LINE)) {
    const here = (number += 1);
    if (line !== undefined && line.trim() === '') continue;
    const read = line === undefined ? tooLong() : readLine(line, options, way);
    if ('ending' in read) await underWay.add(`line ${here}`, () => ({ number: here, ...read }));
    else {
      const { leftOut, report } = read;
      const deliver = async (): Promise<LineEnd> => {
        return { number: here, leftOut, ending: await way.deliver({ kind: 'report', report }) };
      };
      await underWay.add(banKeyText(report), deliver);
    }
  }
  await underWay.drain();
  const { code, ...says } = way.end();
  return { code: code > worst ? code : worst, ...says };
}

/** Where the reports of a run go; `end` has what is said of all of them, and its code. */
type Way = Pick<Session, 'refuse'> & {
  notes: string;
  deliver: (content: Content) => Promise<Ending> | Ending;
  end: () => Ending;
};

/** To the server; where client.toml has a fault into the spool, as a single report does. */
async function wayOf(options: Arguments): Promise<Way | { ending: Ending }> {
  const session = await openSession(options);
  if ('ending' in session) return session.isMendable === true ? intoSpool(options, session.ending) : session;
  const { paths, refuse, courier } = session;
  return {
    notes: paths.notes,
    refuse,
    deliver: (content) => courier.deliver(content),
    end: () => {
      courier.close();
      return { code: EXIT.done };
    },
  };
}

function intoSpool({ root }: Arguments, { code, says = '' }: Ending): Way {
  const paths = hostPaths(root);
  const spool = spoolAsUsual(paths.spool);
  let count = 0;
  return {
    notes: paths.notes,
    // Looked at before they leave.
    refuse: () => undefined,
    deliver: (content) => {
      const fault = keepIn(spool, content);
      if (fault !== undefined)
        return { code, says: `the report cannot be kept in the spool either: ${fault}` };
      count += 1;
      return { code };
    },
    end: () => ({
      code,
      says: `${says}\n${count} reports are kept in the spool, and sent once that is mended`,
    }),
  };
}

/** What came of a line; leftOut is what of it could not be read, and did not go with the report. */
type LineEnd = { number: number; leftOut?: string | undefined; ending: Ending };

/** A line that is to be reported, or has its ending already. */
type Line = { report: Report; leftOut: string | undefined } | { ending: Ending };

function readLine(line: string, options: Arguments, way: Way): Line {
  const words = line.trim().split(/[ \t]+/);
  const [, , , durationText] = words;
  if (words.length < 3 || words.length > 4)
    return badLine(`a line is PROG JAIL IP [DURATION], this one has ${words.length} words`);
  const duration = readBantime(durationText ?? '');
  const own = duration.ok ? duration.value : undefined;
  const read = readReport(words, own ?? options.durationSeconds, options.details);
  if ('ending' in read) return read;
  if (isEcho(way.notes, read.report)) {
    return {
      ending: { code: EXIT.done, says: 'dropped: banshare itself applied this ban here a moment ago' },
    };
  }
  const refusal = way.refuse(read.report.ip);
  if (refusal !== undefined) return { ending: refusal };
  const leftOut = duration.ok
    ? undefined
    : `its duration is left out of the report, which goes on: ${duration.fault}`;
  return { report: read.report, leftOut };
}

function tooLong(): Line {
  return badLine(`a line is longer than ${LONGEST_LINE} bytes`);
}

function badLine(says: string): Line {
  return { ending: { code: EXIT.badAddress, says } };
}
