import { randomInt } from 'node:crypto';
import { Fault } from './say.ts';

export type Ports = readonly [report: number, publish: number];

// Linux hands out 32768 to 60999 for outgoing connections: a server that starts late could find its port taken.
const RANGES = [
  [20_000, 32_767],
  [61_000, 64_000],
] as const;

/** Two random ports that are not among `taken`: the server serves the previous generation beside the new one. */
export function randomPorts(taken: readonly number[]): Ports {
  const free = RANGES.flatMap(([from, to]) =>
    Array.from({ length: to - from + 1 }, (_, index) => from + index),
  ).filter((port) => !taken.includes(port));
  const [report] = free.splice(randomInt(free.length), 1);
  const publish = free[randomInt(free.length)];
  if (report === undefined || publish === undefined)
    throw new Error('unreachable: thousands of ports are free');
  return [report, publish];
}

/** Reads PORTS=a,b. */
export function parsePorts(text: string): Ports {
  const [, report, publish] = /^([1-9]\d{0,4}),([1-9]\d{0,4})$/.exec(text) ?? [];
  const ports = [Number(report), Number(publish)] as const;
  if (!ports.every((port) => port <= 65_535))
    throw new Fault(
      `Cannot use PORTS=${text}: write two ports from 1 to 65535 with a comma between them, as in PORTS=24001,24002`,
    );
  if (ports[0] === ports[1]) throw new Fault(`Cannot use PORTS=${text}: the two ports must differ`);
  return ports;
}
