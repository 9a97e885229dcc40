import { asOwner, tablesVersion, type HostPaths } from '@banshare/runtime';
import { existsSync } from 'node:fs';
import { SCHEMA, tooNew } from '../schema.ts';

/** Which version the tables of a ledger have, null where there is none yet, and up to which this program knows them. */
type KnownTables = { readonly version: number | null; readonly known: number };

/** What a person is told of it: a fault where this program cannot use the ledger. */
export type TablesTold = { readonly tables: KnownTables; readonly says: string; readonly isFault: boolean };

/** Looks at the tables of this machine's ledger, also while a server has it open, and changes nothing. */
export function lookAtTables(paths: HostPaths): TablesTold {
  const path = paths.ledger;
  const told = (version: number | null, says: string, isFault = false): TablesTold => ({
    tables: { version, known: SCHEMA },
    says,
    isFault,
  });
  try {
    return asOwner(paths.serverState, () => {
      const version = tablesVersion(path);
      if (version === undefined) return told(null, 'there is no ledger yet: the first start makes it');
      if (version > SCHEMA) return told(version, `${tooNew(path, version)}${wayBack(path, version)}`, true);
      return told(
        version,
        version === SCHEMA
          ? `the ledger has tables of version ${version}, as this program`
          : `the ledger has tables of version ${version}: the next start takes the steps to ${SCHEMA}, which an earlier version cannot use, and keeps it as it was in ${path}.before-${SCHEMA}`,
      );
    });
  } catch (error) {
    return told(
      null,
      `Cannot look at the ledger "${path}": ${(error as Error).message}; restore a backup, or move the file away to begin a new ledger`,
      true,
    );
  }
}

/** The copy that the step to a version has kept. */
function wayBack(path: string, version: number): string {
  const copy = `${path}.before-${version}`;
  return existsSync(copy)
    ? `; or banshare-server restore ${copy}, which is the ledger as it was before, without what came since`
    : '; or restore a backup of before';
}
