import { nearestName, type ServerConfig } from '@banshare/runtime';
import { KINDS, SERVER_SILENT } from '../operator/attention/kinds.ts';

const WORDS: readonly string[] = [
  ...new Set(['urgent', 'to-do', ...KINDS.urgent, SERVER_SILENT, ...KINDS['to-do']]),
];

/** What is wrong with who is to be told, beside what reading server.toml finds. */
export function faultsOfNotify({ notify, deadMan }: Pick<ServerConfig, 'notify' | 'deadMan'>): string[] {
  const faults = notify.flatMap((table, index) =>
    table.for
      .filter((word) => !WORDS.includes(word))
      .map((word) => {
        const near = nearestName(word, WORDS);
        const meant = near === undefined ? `known are ${WORDS.join(', ')}` : `did you mean "${near}"?`;
        return `Cannot use [[notify]] ${index + 1} in server.toml: there is no message of the kind "${word}"; ${meant}`;
      }),
  );
  const isTwice = deadMan.url !== undefined && deadMan.urlFile !== undefined;
  return isTwice ? [...faults, 'Cannot use [dead-man] in server.toml: it has both url and url-file'] : faults;
}
