import { setImmediate } from 'node:timers/promises';

/** Waits for a promise; when it does not come in time, throws an error that says what was awaited and what was seen. */
export async function within<T>(
  milliseconds: number,
  what: string,
  promise: Promise<T>,
  seen: () => string = () => '',
): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => {
      const detail = seen();
      reject(
        new Error(`Waited ${milliseconds / 1000} s for ${what}${detail === '' ? '' : `; seen:\n${detail}`}`),
      );
    }, milliseconds);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Repeats a question to the kernel, for which no event exists, until the answer is true. */
export async function untilTrue(
  milliseconds: number,
  what: string,
  question: () => Promise<boolean>,
): Promise<void> {
  let over = false;
  const asking = (async () => {
    // Without a turn of the event loop between two questions the deadline's own timer would starve.
    while (!over && !(await question())) await setImmediate();
  })();
  try {
    await within(milliseconds, what, asking);
  } finally {
    over = true;
  }
}
