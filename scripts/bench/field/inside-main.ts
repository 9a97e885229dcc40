// Runs in a lab host. A line of input is a wish in JSON; its answer is one line: milliseconds, or what went wrong.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { buildEnforcers, Notes, type Change, type Enforcer } from '@banshare/client';
import { parseAddress, parseHostName, parseJail, parseProg } from '@banshare/protocol';
import { hostPaths, readClientConfig } from '@banshare/runtime';
import type { Wish } from './inside.ts';

let enforcer: Enforcer | undefined;

for await (const line of createInterface({ input: process.stdin })) {
  const wish = JSON.parse(line) as Wish;
  try {
    console.log(`ms ${await fulfil(wish)}`);
  } catch (error) {
    console.log(`fault ${(error as Error).message.replaceAll('\n', ' ')}`);
  }
}

async function fulfil(wish: Wish): Promise<number> {
  if (wish.do === 'enforcer') {
    enforcer = await enforcerOf(wish.config);
    return enforcer.mostAtOnce;
  }
  if (wish.do === 'ban') return banAll(wish.jail, wish.ips);
  const began = performance.now();
  const [program = '', ...words] = wish.argv;
  const child = spawn(program, words, { stdio: ['pipe', 'ignore', 'inherit'] });
  child.stdin.on('error', () => undefined);
  child.stdin.end(wish.input);
  const [code] = (await once(child, 'exit')) as [number | null];
  if (code !== 0) throw new Error(`${wish.argv.slice(0, 4).join(' ')} ended with ${code}`);
  return performance.now() - began;
}

async function enforcerOf(file: string): Promise<Enforcer> {
  const paths = hostPaths('/');
  const config = await readClientConfig(file, { mustExist: true });
  if (!config.ok) throw new Error(config.faults.join(' '));
  const log = { notice: () => undefined };
  const [first] = buildEnforcers(config.config, { paths, log, notes: new Notes(paths.notes) });
  if (first === undefined) throw new Error(`${file} asks for no enforcer`);
  const chosen = first.enforcer;
  const missing = await chosen.check();
  if (missing.length > 0) throw new Error(missing.join(' '));
  return chosen;
}

/** As the client does: batch after batch, or as many at once as it does by default. */
async function banAll(jailName: string, ips: readonly string[]): Promise<number> {
  const chosen = enforcer;
  if (chosen === undefined) throw new Error('There is no enforcer yet');
  const changes = ips.map((ip) => changeOf(jailName, ip));
  const began = performance.now();
  const turn = async (): Promise<void> => {
    while (changes.length > 0) {
      const effects = await chosen.carryOut(changes.splice(0, chosen.mostAtOnce));
      const failed = effects.find(({ outcome }) => outcome !== 'applied');
      if (failed !== undefined) throw new Error(`A ban was not applied: ${JSON.stringify(failed)}`);
    }
  };
  await Promise.all(Array.from({ length: chosen.isSerial ? 1 : 4 }, turn));
  return performance.now() - began;
}

function changeOf(jailName: string, address: string): Change {
  const [ip, jail] = [parseAddress(address), parseJail(jailName)];
  const [prog, host] = [parseProg('fail2ban'), parseHostName('h2')];
  if (!ip.ok || !jail.ok || !prog.ok || !host.ok)
    throw new Error(`"${address}" or "${jailName}" is not well formed`);
  const aim = { jail: jail.value, localJail: jail.value, prog: prog.value };
  return {
    kind: 'ban',
    ip: ip.value,
    ...aim,
    host: host.value,
    seconds: 86_400,
    port: '0:65535',
    protocol: 'tcp',
    isOurs: false,
    forced: 'no',
    others: [],
  };
}
