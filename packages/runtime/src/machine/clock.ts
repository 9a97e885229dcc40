/** Epoch seconds by the host's clock, to the millisecond; it may jump. */
export function wallSeconds(): number {
  return Date.now() / 1000;
}

/** Seconds since an arbitrary moment, which never jump: for intervals and deadlines. */
export function monotonicSeconds(): number {
  // Not performance.now(): loading what it belongs to would cost a report 0.7 ms.
  return Number(process.hrtime.bigint()) / 1e9;
}

/** Seconds since this process began, its own start with it. */
export function processSeconds(): number {
  return process.uptime();
}
