import { writeSync } from 'node:fs';
import { cutEvidence } from '@banshare/protocol';
import {
  becomeOwner,
  EXIT,
  hostPaths,
  monotonicSeconds,
  sentenceForPeople,
  version,
} from '@banshare/runtime';
import { readArguments, type Arguments } from './words/arguments.ts';
import { isEcho } from './deliver/echo.ts';
import { keepForLater } from './deliver/keep-for-later.ts';
import type { Ending } from './words/ending.ts';
import { flushSpool } from './many/flush.ts';
import { readReport } from './words/read-report.ts';
import { findFaults, openSession } from './deliver/session.ts';
import { reportStream } from './many/stream.ts';

/** What the detector saw comes by the environment: it is an attacker's text, and arguments are for every user to read. */
const EVIDENCE_VARIABLE = 'BANSHARE_EVIDENCE';

/** The life of one report begins here: CONTRIBUTING.md, "Following a ban through the code". */
async function run(options: Arguments): Promise<Ending> {
  // Root works below another user's folder with no more rights than that user has.
  if (options.root !== '') becomeOwner(options.root);
  switch (options.action) {
    case 'help':
      return { code: EXIT.done, says: (await import('./help.ts')).helpText() };
    case 'version':
      return { code: EXIT.done, says: version };
    case 'check':
      return check(options);
    case 'stdin':
      return reportStream(process.stdin, options, say);
    case 'follow':
      return (await import('./follow/follow-log.ts')).followLog(options, options.log, say);
    case 'flush':
      return flushSpool(options, say);
    default:
      return reportOne(options);
  }
}

async function reportOne(options: Arguments): Promise<Ending> {
  const read = readReport(options.words, options.durationSeconds, options.details);
  if ('ending' in read) return read.ending;
  const { report } = read;
  const isUnban = options.action === 'unban';
  if (!isUnban && isEcho(hostPaths(options.root).notes, report)) {
    return { code: EXIT.done, says: 'dropped: banshare itself applied this ban here a moment ago' };
  }
  const { ip, prog, jail } = report;
  const unban = { kind: 'unban', ban: { ip, prog, jail } } as const;
  const session = await openSession(options);
  if ('ending' in session) {
    if (session.isMendable !== true) return session.ending;
    const content = isUnban ? unban : ({ kind: 'report', report } as const);
    return keepForLater(content, hostPaths(options.root).spool, session.ending);
  }
  const refusal = isUnban ? undefined : session.refuse(ip);
  if (refusal !== undefined) return refusal;
  const { courier } = session;
  if (isUnban) return courier.deliver(unban);
  const evidence = session.takesEvidence ? cutEvidence(process.env[EVIDENCE_VARIABLE] ?? '') : undefined;
  return courier.deliver({
    kind: 'report',
    report: evidence === undefined ? report : { ...report, evidence },
  });
}

async function check(options: Arguments): Promise<Ending> {
  const faults = await findFaults(options);
  if (faults.length === 0) return { code: EXIT.done, says: 'configuration and keys are in order' };
  return { code: EXIT.configuration, says: faults.join('\n') };
}

/** Not by process.stderr, which takes 2 ms to load. */
function say(line: string): void {
  tell(`banshare-report: ${sentenceForPeople(line)}`);
}

function tell(line: string): void {
  try {
    writeSync(2, `${line}\n`);
  } catch {
    // Whoever started this has closed the other end: there is nobody to tell, and the report still counts.
  }
}

/** Prints what was asked for, and returns the exit code: a full disk is no answer. */
function answer(text: string): number {
  try {
    writeSync(1, `${text}\n`);
    return EXIT.done;
  } catch (error) {
    // Whoever read only the head has what he wanted.
    if ((error as NodeJS.ErrnoException).code === 'EPIPE') return EXIT.done;
    say(`cannot write the answer: ${(error as Error).message}`);
    return EXIT.cannotWrite;
  }
}

async function main(): Promise<void> {
  const parsed = readArguments(process.argv.slice(2));
  if (!parsed.ok) {
    say(parsed.fault);
    tell('usage: banshare-report [options] PROG JAIL IP; see banshare-report --help');
    process.exit(EXIT.usage);
  }
  const options = parsed.value;
  if (options.leftOut.length > 0) say(`left out of the report, which goes on: ${options.leftOut.join('; ')}`);
  const began = monotonicSeconds();
  const ending = await run(options);
  const isAnswer = options.action === 'help' || options.action === 'version';
  if (isAnswer) process.exit(answer(ending.says ?? ''));
  if (ending.says !== undefined) ending.says.split('\n').forEach(say);
  if (options.isDebug) say(`exit ${ending.code} after ${Math.round((monotonicSeconds() - began) * 1000)} ms`);
  // What still waits for the network has nothing more to tell.
  process.exit(ending.code);
}

main().catch((error: unknown) => {
  say(`cannot report, because of an error that nobody expected: ${String(error)}`);
  process.exit(EXIT.notNow);
});
