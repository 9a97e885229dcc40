// What the shells ask when somebody presses the key for completion: `banshare-server __complete KIND [BEGINNING [ROOT [MS]]]` prints words,
// a line each. It says nothing of a fault and ends with 0: what is on the line is the person's. A file of its own, since starting the
// program as a whole takes twice the time; the launcher starts it.
import { askAdmin, hostPaths, processSeconds, tell, type AdminReply } from '@banshare/runtime';

/** A key is answered within 100 ms, or not at all: so long from when this program began. The shell ends it 80 ms after it asked. */
const ANSWERED_MS = 75;

/** An answer takes two; where this program itself was slow to start the server is not what one waits for. */
const LEAST_MS = 15;

/** More than an answer has; a server that was taken over fills no memory. */
const LONGEST = 256 * 1024;

/** What no shell could take for anything but a word: names, addresses and ranges have no other letters. */
const WORD = /^[A-Za-z0-9:][A-Za-z0-9._:/-]{0,254}$/;

const [, of = '', begins = '', root = '', patience] = process.argv.slice(2);
const answerMs = Number(patience) || Math.max(LEAST_MS, ANSWERED_MS - processSeconds() * 1000);
void wordsFor(root).then(
  (words) => (words.length === 0 ? undefined : tell(words.join('\n'))),
  () => undefined,
);

async function wordsFor(below: string): Promise<string[]> {
  const { serverSocket, operatorsSocket } = hostPaths(below);
  const first = await ask(serverSocket);
  const reply = !first.ok && first.code === 'no-permission' ? await ask(operatorsSocket) : first;
  if (!reply.ok) return [];
  const { words } = reply.result as { words?: unknown };
  const all: unknown[] = Array.isArray(words) ? words : [];
  return all.filter((word): word is string => typeof word === 'string' && WORD.test(word));
}

function ask(socket: string): Promise<AdminReply> {
  return askAdmin(socket, { command: 'words', args: { of, begins } }, answerMs, LONGEST);
}
