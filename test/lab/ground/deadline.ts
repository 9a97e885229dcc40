import { untilAnswered } from '../../fleet/within.ts';

/** Milliseconds until what does not come is said to be missing: long, since it costs time only where a test fails. */
export const PATIENCE_MS = 60_000;

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

/** Repeats a question to the kernel or a program, for which no event exists, until the answer is true. */
export async function untilTrue(
  milliseconds: number,
  what: string | (() => string),
  question: () => Promise<boolean>,
): Promise<void> {
  await untilAnswered(
    async () => ((await question()) ? true : undefined),
    milliseconds,
    typeof what === 'string' ? () => what : what,
  );
}
