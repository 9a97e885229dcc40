import { complain, EXIT, hostPaths, readServerConfig } from '@banshare/runtime';
import type { Ask, Command } from './asking/ask-daemon.ts';
import { subcommands } from './asking/subcommands.ts';

type Link = { code: string; until: number };

/** `web`, which serves the page, and `web link`, which lets somebody in. */
export function webCommands(ask: Ask, setCode: (code: number) => void): Command {
  const inner = [linkCommand(ask, setCode)];
  return {
    command: 'web',
    inner,
    describe: 'serves the page in the foreground; web link lets somebody in',
    builder: subcommands(inner),
    handler: async ({ root, config }) => {
      // Everything of the page is loaded here alone.
      const { runPage } = await import('../web/run.ts');
      setCode(await runPage(root, typeof config === 'string' ? config : undefined));
    },
  };
}

function linkCommand(ask: Ask, setCode: (code: number) => void): Command {
  return {
    command: 'link',
    describe: 'prints a link to the page that lets somebody in once, within ten minutes',
    builder: {
      as: {
        type: 'string',
        demandOption: true,
        describe: 'who that is, as the page and the audit log then name them',
      },
    },
    handler: async (words) => {
      const { root, config, as } = words;
      const path = typeof config === 'string' ? config : hostPaths(root).serverConfig;
      const read = await readServerConfig(path);
      if (!read.ok) {
        for (const fault of read.faults) complain('banshare-server', fault);
        setCode(EXIT.configuration);
        return;
      }
      const { addressOfPage } = await import('../web/listen.ts');
      const address = addressOfPage(read.config.web);
      await ask(words, { command: 'page-link', args: { as } }, ({ code }: Link) => showLink(address, code));
    },
  };
}

/** The code stands behind the #: no browser sends that, and no proxy writes it into a log. */
function showLink(address: string, code: string): string {
  const link = address.startsWith('unix:')
    ? `the page, as your proxy names it, with /enter#${code}`
    : `${address}/enter#${code}`;
  return `Lets one person in, once, within ten minutes:\n\n  ${link}\n\nFrom another machine first: ssh -L 9180:127.0.0.1:9180 THIS-MACHINE`;
}
