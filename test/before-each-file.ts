// Read first in the process of each test file, by scripts/run-tests.ts: before-each-file.ts?seconds=300 is one that ends after 300 s.
import { keepPoolAwake } from '../packages/runtime/src/process/thread-pool.ts';

/** How long a file that hangs has to end what it has started. */
const TIDY_MS = 10_000;

keepPoolAwake();
endAfter(Number(new URL(import.meta.url).searchParams.get('seconds')));

/** Ends this process by SIGTERM, at which tests tidy up and node calls the file failed, unless it has ended by then. */
function endAfter(seconds: number): void {
  setTimeout(() => {
    process.stderr.write(
      `This file is ended after ${seconds} s: a test of it hangs, or left something that does.\n`,
    );
    process.kill(process.pid, 'SIGTERM');
    setTimeout(() => process.kill(process.pid, 'SIGKILL'), TIDY_MS).unref();
  }, seconds * 1000).unref();
}
