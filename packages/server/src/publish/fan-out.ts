import { encodeHeartbeat, HEARTBEAT_MS, type Position } from '@banshare/protocol';
import { descriptorLimit, descriptorsLeft, EXIT, monotonicSeconds, SteadyClock } from '@banshare/runtime';
import { answerZap, PublishPort, strangerIsRefused, type Listening } from '@banshare/transport';
import { Admissions } from '../ports/admissions.ts';
import { cutter } from '../ports/cutter.ts';
import type { FromFanOut, ToFanOut } from './fan-out-messages.ts';

const WATCH_MS = 250;
/** A server that says nothing for so long answers nobody either: its hosts shall go to another. */
const MUTE_SECONDS = 3;

/**
 * The fan-out child: the PUB socket in a process of its own, since one subscriber with a valid key can fill its memory in
 * seconds. It knows nothing but keys and positions, beats only while its parent gives a sign of life, and ends with it.
 */
export function runFanOut(): void {
  const admissions = new Admissions();
  const port = new PublishPort();
  const clock = new SteadyClock();
  let position: Position | undefined;
  let isStale = false;
  let heardAt = monotonicSeconds();
  /** Until then ports are still being bound. */
  let opened: Promise<FromFanOut> | undefined;
  process.on('disconnect', () => process.exit(EXIT.done));
  // The terminal's Ctrl-C reaches the whole group; the parent decides when this child ends.
  process.on('SIGINT', () => undefined);
  process.on('SIGTERM', () => undefined);
  process.on('message', (message: ToFanOut) => {
    heardAt = monotonicSeconds();
    if (message.word === 'alive') return;
    if (message.word === 'stale') {
      isStale = message.stale;
      beat();
      return;
    }
    if (message.word === 'admit') {
      admissions.admitHost(message.key);
      tell({ word: 'admitted', ticket: message.ticket });
      return;
    }
    if (message.word === 'expel') {
      admissions.expelHost(message.key);
      void opened?.then(cut);
      return;
    }
    if (message.word === 'close') {
      void opened?.then(() => close(port, message, beat));
      return;
    }
    if (message.word === 'publish') {
      for (const [subject, body] of message.messages) void port.publish(subject, body);
      position = message.position;
      return;
    }
    position = message.position;
    isStale = message.stale;
    clock.follow(message.now);
    for (const key of message.keys) admissions.admitHost(key);
    opened = open(port, message.endpoints, admissions);
    void opened.then(tell);
  });
  const beat = (): void => {
    const isMute = monotonicSeconds() - heardAt > MUTE_SECONDS;
    const stale = isStale ? ({ stale: true } as const) : {};
    if (position !== undefined && !isMute)
      void port.publish(...encodeHeartbeat({ ...position, now: clock.now(), ...stale }));
    tell({ word: 'beat' });
  };
  setInterval(beat, HEARTBEAT_MS);
  const cut = cutter(() => {
    // Ended, it is started again at the same ports.
    port.cut().then(beat, () => process.exit(EXIT.failed));
  });
  watchDescriptors(port, beat);
}

/** Idle connections to this port must not keep a host from it. */
function watchDescriptors(port: PublishPort, beat: () => void): void {
  const limit = descriptorLimit();
  setInterval(() => {
    const left = descriptorsLeft(limit);
    if (left === 'out') process.exit(EXIT.failed);
    if (left === 'few') port.cut().then(beat, () => process.exit(EXIT.failed));
  }, WATCH_MS);
}

async function open(
  port: PublishPort,
  endpoints: readonly Listening[],
  admissions: Admissions,
): Promise<FromFanOut> {
  try {
    await answerZap(({ domain, key }) => admissions.decide(domain, key));
    const bound: string[] = [];
    for (const to of endpoints) {
      const at = await port.listen(to);
      bound.push(at);
      if (!(await strangerIsRefused(at, to.curve.publicKey))) {
        return { word: 'failed', reason: `the publish port ${at} lets a stranger's key in` };
      }
    }
    return { word: 'opened', endpoints: bound };
  } catch (error) {
    return { word: 'failed', reason: `cannot open the publish port: ${(error as Error).message}` };
  }
}

async function close(
  port: PublishPort,
  { domain, ticket }: ToFanOut & { word: 'close' },
  beat: () => void,
): Promise<void> {
  try {
    await port.unlisten(domain);
  } catch {
    // Started again, this child does not open it.
    process.exit(EXIT.failed);
  }
  beat();
  tell({ word: 'closed', ticket });
}

/** A parent that has just gone is heard of a moment later: what cannot be sent to it any more must not end this child by an error. */
function tell(message: FromFanOut): void {
  if (process.connected) process.send?.(message, () => undefined);
}
