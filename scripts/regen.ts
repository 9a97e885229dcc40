// Makes a new generation in certs/: fresh server keys, fresh join keys and two ports. The servers and the ban command
// are remembered from the previous generation.
import { makeGeneration } from './making/generation.ts';
import { orExit } from './say.ts';

await orExit(() => makeGeneration(process.argv.slice(2)));
