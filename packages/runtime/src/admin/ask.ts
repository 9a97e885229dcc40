import { createConnection, type Socket } from 'node:net';
import { dirname } from 'node:path';
import { shortSocketPath, type AdminReply, type AdminRequest } from './protocol.ts';
import { isTable } from '../config/kinds/is-table.ts';
import { asOwner } from '../files/owner.ts';

/**
 * No answer is longer than this many bytes, the longest text that there is room for; half a million bans are a quarter of it. A
 * server that was taken over would else fill the memory of root's command.
 */
const LONGEST_ANSWER = 512 * 1024 * 1024 - 1024;

const LONGEST_REASON = 10_000;

/**
 * Asks the daemon at a socket; where none answers the reply has code `no-daemon`, `no-permission`, `no-answer` or `odd-answer`. An answer of more
 * bytes than `longest` is none.
 */
export async function askAdmin(
  path: string,
  request: AdminRequest,
  timeoutMs: number,
  longest = LONGEST_ANSWER,
): Promise<AdminReply> {
  let short: { path: string; release: () => void };
  let peer: Socket;
  try {
    // Where root asks a daemon of another user, that user may have laid a link to the socket of somebody else.
    [short, peer] = asOwner(dirname(path), () => {
      const name = shortSocketPath(path);
      return [name, createConnection(name.path)];
    });
  } catch (error) {
    return unreachable(path, error as NodeJS.ErrnoException);
  }
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<AdminReply>((resolve) => {
    const reason = `The daemon at ${path} did not answer within ${timeoutMs / 1000} s`;
    timer = setTimeout(() => resolve({ ok: false, code: 'no-answer', reason }), timeoutMs);
  });
  try {
    return await Promise.race([exchange(peer, request, longest), late]);
  } catch (error) {
    return unreachable(path, error as NodeJS.ErrnoException);
  } finally {
    clearTimeout(timer);
    peer.on('error', () => {});
    peer.destroy();
    short.release();
  }
}

async function exchange(peer: Socket, request: AdminRequest, longest: number): Promise<AdminReply> {
  peer.write(`${JSON.stringify(request)}\n`);
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of peer as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > longest) {
      return {
        ok: false,
        code: 'no-answer',
        reason: 'The daemon answers without an end: it is broken, or no longer ours',
      };
    }
    chunks.push(chunk);
  }
  const text = Buffer.concat(chunks).toString('utf8');
  if (!text.endsWith('\n')) return GONE;
  return readReply(text);
}

/** What the daemon says, or that it says nothing that makes sense; a reason that is a novel is cut. */
function readReply(text: string): AdminReply {
  let reply: unknown;
  try {
    reply = JSON.parse(text);
  } catch {
    return ODD;
  }
  if (!isTable(reply)) return ODD;
  const { ok, result, code, reason } = reply;
  if (ok === true) return { ok, result };
  if (ok !== false || typeof code !== 'string' || typeof reason !== 'string') return ODD;
  return { ok, code, reason: reason.slice(0, LONGEST_REASON) };
}

const GONE: AdminReply = {
  ok: false,
  code: 'no-answer',
  reason:
    'The daemon closed the connection before its answer was complete: it was just ending, or starts again; ask again',
};

const ODD: AdminReply = {
  ok: false,
  code: 'odd-answer',
  reason: 'The daemon answers nothing that a daemon answers: it is broken, or no longer ours',
};

function unreachable(path: string, error: NodeJS.ErrnoException): AdminReply {
  if (error.code === 'EACCES' || error.code === 'EPERM') {
    return {
      ok: false,
      code: 'no-permission',
      reason: `Cannot open ${path}: only root and the daemon's user may`,
    };
  }
  if (error.code === 'ENOENT' || error.code === 'ECONNREFUSED') {
    // What clears /run takes the socket too, and the daemon makes it again soon.
    const yet =
      error.code === 'ENOENT' ? ', or it cannot be reached yet: it makes a lost socket again within 2 s' : '';
    return {
      ok: false,
      code: 'no-daemon',
      reason: `No daemon answers at ${path}: it is not running${yet}${whatThen(path)}`,
    };
  }
  // It ended between the connection and the question.
  if (error.code === 'EPIPE' || error.code === 'ECONNRESET') return GONE;
  return { ok: false, code: 'no-answer', reason: `Cannot ask the daemon at ${path}: ${error.message}` };
}

/** Where whoever reads that looks next. */
function whatThen(path: string): string {
  const [, which] = /\/run\/banshare\/(server|client)\//.exec(path) ?? [];
  return which === undefined
    ? ''
    : `; systemctl status banshare-${which} says why, and banshare-${which} --check looks for faults`;
}
