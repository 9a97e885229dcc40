import { wallSeconds } from '@banshare/runtime';
import type { Ask, Command } from './asking/ask-daemon.ts';
import { runImport } from './lists/run-import.ts';
import { exportBans, type ExportForm } from './export.ts';
import type { ShownBan } from './show/show.ts';
import { REASON } from './asking/words-of.ts';

/** The commands that bring bans in from elsewhere, and take them out. */
export function importCommands(
  ask: Ask,
  setCode: (code: number) => void,
  argv: readonly string[],
): Command[] {
  return [
    {
      command: 'import <file>',
      describe:
        "bans what a file (- for standard input) lists: addresses and ranges, CSV, CrowdSec's decisions (CSV, JSON), fail2ban's database",
      builder: {
        file: { type: 'string' },
        jail: { type: 'string', describe: 'the jail (banshare)' },
        reason: REASON,
        'allow-empty': { type: 'boolean', default: false, describe: 'a list without a ban is no fault' },
      },
      handler: async ({ root, file, jail, reason, json, allowEmpty }) => {
        // yargs makes an empty text of a word that is "-".
        const path = file === '' && argv.includes('-') ? '-' : String(file);
        const words = {
          root,
          path,
          allowEmpty: allowEmpty === true,
          asJson: json,
          ...(typeof jail === 'string' ? { jail } : {}),
          ...(typeof reason === 'string' ? { reason } : {}),
        };
        setCode(await runImport(words));
      },
    },
    {
      command: 'export',
      describe: 'the active bans, in a form that import reads',
      builder: {
        form: {
          type: 'string',
          choices: ['lines', 'csv', 'crowdsec', 'json'],
          default: 'csv',
          describe: 'how',
        },
      },
      handler: (words) => {
        const form = words['form'] as ExportForm;
        const show = ({ bans }: { bans: ShownBan[] }): string => exportBans(bans, form, wallSeconds());
        return ask({ root: words.root, json: false }, { command: 'bans' }, show);
      },
    },
  ];
}
