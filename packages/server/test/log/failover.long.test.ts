import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Patroni, patroniSkip } from '../../../../test/fleet/database/patroni.ts';
import { untilAnswered } from '../../../../test/fleet/within.ts';
import { LOG_START, type LogPosition } from '../../src/log/log.ts';
import { draft, openLog, ours } from './logs.ts';

test(
  'the death of the primary below Patroni delays the log, and loses nothing that was answered',
  { skip: patroniSkip() },
  async () => {
    await using patroni = await Patroni.start(['one', 'two']);
    const log = await openLog(patroni.url, { durability: 'standby', passwordFile: patroni.passwordFile });
    let last: LogPosition = LOG_START;
    for (let n = 1; n <= 50; n += 1) last = ours(await log.append(draft(`before ${n}`), last));
    const dead = await patroni.untilWritable();
    await patroni.kill(dead);
    await patroni.untilAnother(dead);
    // Two machines: with strict synchronous mode the one that is left writes once the other is back.
    const append = async (): Promise<LogPosition | undefined> => {
      const appended = await log.append(draft('after'), last).catch(() => undefined);
      if (appended?.outcome === 'ours') return appended.position;
      const [found] = (await log.after(last, 1).catch(() => [])) as LogPosition[];
      return found;
    };
    patroni.run(dead);
    const next = await untilAnswered(append, 90_000, () => `the log; it says ${log.health().fault?.message}`);
    assert.equal(next.n, 51);
    assert.deepEqual(
      (await log.after(LOG_START, 100)).map(({ data }) => Buffer.from(data).toString()),
      [...Array.from({ length: 50 }, (_, index) => `before ${index + 1}`), 'after'],
    );
    await log.close();
  },
);
