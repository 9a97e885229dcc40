import { command, integer } from './kinds/kinds.ts';
import { absolutePath } from './kinds/notify-kinds.ts';
import { live, option, optional } from './option-table.ts';

/** What server.toml says of the daily backup. */
export const backup = {
  'backup.to': live(
    optional(
      absolutePath,
      '/var/backups/banshare',
      'A folder that only root may write: the timer banshare-backup puts a backup there each night. Without it and a command there is none.',
    ),
  ),
  'backup.command': live(
    optional(
      command,
      'restic backup --stdin --stdin-filename banshare.backup',
      'A program, run as root without a shell, that gets each such backup on its standard input, and has kept it where it ends with 0.',
    ),
  ),
  'backup.keep': live(
    option(
      integer(1, 1000),
      7,
      'So many backups of this machine stay in that folder; an older one is removed once a new one has been read back.',
    ),
  ),
};
