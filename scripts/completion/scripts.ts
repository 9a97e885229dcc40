// The completion of every program for bash, zsh and fish, and where each shell looks for it.
import { bashScript } from './bash.ts';
import { fishScript } from './fish.ts';
import { completedOf } from './words-of.ts';
import { zshScript } from './zsh.ts';

/** A script for a shell. */
export type CompletionScript = {
  /** Below /usr/share, as Debian has it; where zsh has no vendor-completions, as on RPM systems, its folder is zsh/site-functions. */
  readonly path: string;
  readonly role: 'server' | 'client';
  readonly text: string;
};

const PROGRAMS = [
  ['banshare-server', 'server'],
  ['banshare-client', 'client'],
  ['banshare-report', 'client'],
] as const;

/** Every script, always with the same bytes for the same sources. Throws a Fault where the tables allow none. */
export function completionScripts(): CompletionScript[] {
  return PROGRAMS.flatMap(([program, role]) => {
    const completed = completedOf(program);
    return [
      { path: `bash-completion/completions/${program}`, role, text: bashScript(completed) },
      { path: `zsh/vendor-completions/_${program}`, role, text: zshScript(completed) },
      { path: `fish/vendor_completions.d/${program}.fish`, role, text: fishScript(completed) },
    ];
  });
}
