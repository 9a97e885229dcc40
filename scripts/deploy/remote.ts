import { spawn } from 'node:child_process';
import { once } from 'node:events';

/** How a program ended; `code` is null when it was killed, since its time was over. */
export type Ended = { readonly code: number | null; readonly out: string; readonly said: string };

/** ssh's own exit code for what is not the remote command's fault. */
export const UNREACHABLE = 255;
const MOST_KEPT = 4_000_000;

/** Other hosts by the system's own ssh and scp, with the user's configuration, agent and known hosts. */
export class Remote {
  readonly #options: readonly string[];
  readonly #timeoutSeconds: number;

  constructor(sshConfig: string | undefined, timeoutSeconds: number) {
    this.#options = [
      ...(sshConfig === undefined ? [] : ['-F', sshConfig]),
      // Nobody could answer questions of several hosts at once.
      ...['BatchMode=yes', 'ConnectTimeout=10', 'ServerAliveInterval=15', 'ServerAliveCountMax=4'].flatMap(
        (option) => ['-o', option],
      ),
    ];
    this.#timeoutSeconds = timeoutSeconds;
  }

  /** Runs a POSIX shell script there, whatever the user's login shell is. */
  run(destination: string, script: string): Promise<Ended> {
    return this.#start('ssh', [...this.#options, '-T', '--', destination, 'sh'], script);
  }

  /** Copies a file there, with its mode. */
  copy(destination: string, file: string, path: string): Promise<Ended> {
    return this.#start('scp', [...this.#options, '-q', '--', file, scpTarget(destination, path)], '');
  }

  async #start(program: string, words: readonly string[], input: string): Promise<Ended> {
    const child = spawn(program, words, { stdio: ['pipe', 'pipe', 'pipe'] });
    // A host that hangs up before it has read the script is told by the exit code.
    child.stdin.on('error', () => {});
    child.stdin.end(input);
    const ended = { out: '', said: '' };
    // A host that was taken over may talk without end.
    const keep = (which: 'out' | 'said', chunk: unknown): void => {
      if (ended[which].length < MOST_KEPT) ended[which] += String(chunk);
    };
    child.stdout.on('data', (chunk) => {
      keep('out', chunk);
      keep('said', chunk);
    });
    child.stderr.on('data', (chunk) => keep('said', chunk));
    const timer = setTimeout(() => child.kill('SIGKILL'), this.#timeoutSeconds * 1000);
    try {
      const [code] = (await once(child, 'close')) as [number | null];
      return { code, ...ended };
    } catch (error) {
      return { code: UNREACHABLE, ...ended, said: `Cannot start ${program}: ${(error as Error).message}` };
    } finally {
      clearTimeout(timer);
    }
  }
}

/** ssh and scp write the same target in two ways. */
export function scpTarget(destination: string, path: string): string {
  if (destination.startsWith('ssh://')) return `scp://${destination.slice('ssh://'.length)}/${path}`;
  const at = destination.lastIndexOf('@') + 1;
  const host = destination.slice(at);
  const isBareIpv6 = host.includes(':') && !host.startsWith('[');
  return `${destination.slice(0, at)}${isBareIpv6 ? `[${host}]` : host}:${path}`;
}
