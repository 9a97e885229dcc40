import { connect } from 'node:net';
import { bad, good, oneLine, type Result } from '@banshare/protocol';

/** What comes back is a line: an exit code, and what the program complained of. */
const ANSWER = /^(\d{1,3}) (.*)$/;
const MOST_LETTERS = 1000;

/**
 * Hands a mail to who waits at a Unix socket for one, as banshare-mail.socket does, and has it sent by the machine's sendmail, outside of
 * this process's sandbox. What takes longer than the timeout is given up. It never throws.
 */
export function handOver(path: string, mail: string, timeoutMs: number): Promise<Result<undefined>> {
  return new Promise((resolve) => {
    let said = '';
    // The answer comes after the mail has ended.
    const socket = connect({ path, allowHalfOpen: true });
    const end = (result: Result<undefined>): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve(result);
    };
    const timer = setTimeout(() => end(bad(`sendmail did not end within ${timeoutMs / 1000} s`)), timeoutMs);
    socket.setEncoding('utf8').on('data', (chunk: string) => {
      said = (said + chunk).slice(0, MOST_LETTERS);
      if (said.includes('\n')) end(outcomeOf(said));
    });
    socket.on('end', () => end(outcomeOf(said)));
    socket.on('error', (error: NodeJS.ErrnoException) => {
      if (said !== '') return end(outcomeOf(said));
      end(bad(`nobody takes the mail at ${path} (${error.code}): systemctl restart banshare-mail.socket`));
    });
    socket.end(mail);
  });
}

function outcomeOf(said: string): Result<undefined> {
  const [line = ''] = said.split('\n', 1);
  const [, code, why = ''] = ANSWER.exec(line) ?? [];
  if (code === undefined)
    return bad('who hands mail to sendmail gave no answer: journalctl -u "banshare-mail@*"');
  if (code === '0') return good(undefined);
  const complaint = why.trim() === '' ? '' : `: ${oneLine(why.trim())}`;
  return bad(`sendmail ended with exit code ${code}${complaint}`);
}
