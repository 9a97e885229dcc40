// Read first in the process of each test file, by scripts/run-tests.ts.
import { keepPoolAwake } from '../packages/runtime/src/process/thread-pool.ts';

keepPoolAwake();
