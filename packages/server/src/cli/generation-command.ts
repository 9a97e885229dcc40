import { resolve } from 'node:path';
import { complain, EXIT, hostPaths, tell, tellJson, type AdminReply } from '@banshare/runtime';
import { askServer, type Command, type Words } from './asking/ask-daemon.ts';
import { openPorts } from './asking/firewall-hook.ts';
import { subcommands } from './asking/subcommands.ts';
import { addGeneration, dropGeneration } from '../setup/add-generation.ts';
import { readEverything } from '../setup/read-setup.ts';

/** `generation add FILE`, by which the keys of a generation come to a server that packages installed. */
export function generationCommand(setCode: (code: number) => void): Command {
  const inner: Command[] = [
    {
      command: 'add <file>',
      describe: 'takes in the keys and ports of a generation, which make generation-file wrote',
      builder: { file: { type: 'string', describe: 'yours alone, mode 0600' } },
      handler: async (words) => setCode(await add(words)),
    },
  ];
  return {
    command: 'generation',
    inner,
    describe: 'brings the keys of a new generation to this server: generation add FILE',
    builder: (parser) => subcommands(inner)(parser).demandCommand(1, 'say generation add FILE'),
    handler: () => undefined,
  };
}

async function add({ root, config, json, file }: Words): Promise<number> {
  const paths = hostPaths(root);
  const added = await addGeneration(paths, resolve(String(file)));
  if (!added.ok) return say(added.fault, EXIT.failed);
  const { fleet, isNew } = added.value;
  const { generation, reportPort, publishPort } = fleet;
  const faults = isNew ? await faultsWithIt(root, config) : [];
  if (faults.length > 0) {
    dropGeneration(paths, fleet);
    for (const fault of faults) complain('banshare-server', fault);
    return say(`the generation ${generation} is not added, and nothing was changed`, EXIT.configuration);
  }
  const again = isNew ? await beginAnew(root, generation) : undefined;
  if (again?.ok === false && again.code === 'generation') {
    dropGeneration(paths, fleet);
    return say(`Cannot add the generation ${generation}: ${again.reason}; nothing was changed`, EXIT.failed);
  }
  const code = openPorts(paths, reportPort, publishPort);
  const service = again === undefined ? 'already' : again.ok ? 'now' : 'at the next start';
  if (json) tellJson({ generation, reportPort, publishPort, service });
  else tell(sentence(generation, service));
  return code;
}

/** A daemon of an earlier version, as between an upgrade and its restart, knows no generation there. */
async function beginAnew(root: string, generation: string): Promise<AdminReply> {
  const asked = await askServer(root, { command: 'start-again', args: { generation } });
  return asked.ok || asked.code === 'generation' || asked.code === 'no-daemon'
    ? asked
    : askServer(root, { command: 'start-again' });
}

type Service = 'already' | 'now' | 'at the next start';

function sentence(generation: string, service: Service): string {
  if (service === 'already') return `The generation ${generation} is here already.`;
  const added = `The generation ${generation} is added`;
  return service === 'now'
    ? `${added}, and the server begins anew with it. Remove the file, then upgrade the hosts.`
    : `${added}. Start the server: systemctl start banshare-server. Remove the file, then upgrade the hosts.`;
}

/** What keeps the server from starting with it; a database that is away is no matter of the generation. */
async function faultsWithIt(root: string, config: unknown): Promise<readonly string[]> {
  const ready = await readEverything(root, typeof config === 'string' ? config : undefined);
  return ready.ok ? [] : ready.faults;
}

function say(text: string, code: number): number {
  complain('banshare-server', text);
  return code;
}
