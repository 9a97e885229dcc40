import { randomBytes } from 'node:crypto';
import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { writePrivate } from '@banshare/runtime';
import type { Finding } from './finding.ts';

/** As much as a report with all that goes along: a full disk takes the name of a file and nothing of it. */
const PROBE = Buffer.alloc(4096);

/**
 * Whether reports can wait on this host's disk, found out by a write: what cannot wait is lost while no server answers, and fail2ban's
 * log alone said so. There is nothing to say where they can, where none waited yet, or of whoever may not look.
 */
export function diagnoseSpool(spool: string): Finding[] {
  if (!existsSync(spool)) return [];
  const probe = join(spool, `.probe-${randomBytes(6).toString('hex')}`);
  try {
    writePrivate(probe, PROBE);
    return [];
  } catch (error) {
    const { code } = (error as { cause?: NodeJS.ErrnoException }).cause ?? {};
    if (code === 'EACCES' && process.geteuid?.() !== 0) return [];
    return [
      {
        ok: false,
        says: `Reports cannot wait in ${spool}, and are lost while no server answers: ${code ?? (error as Error).message}. Make room on that disk, or have it writable.`,
      },
    ];
  } finally {
    try {
      rmSync(probe, { force: true });
    } catch {
      // It was never there.
    }
  }
}
