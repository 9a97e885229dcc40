import { execFileSync, spawnSync, type SpawnSyncReturns } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { tmpdir } from 'node:os';

const ROOT = join(import.meta.dirname, '../..');

/** A copy of what is committed or new here, with what is installed here, in which a script may write; it goes with the test. */
export class RepositoryCopy implements Disposable {
  readonly folder = mkdtempSync(join(tmpdir(), 'banshare-copy-'));

  constructor() {
    const listed = execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], {
      cwd: ROOT,
    });
    for (const name of listed.toString().split('\0').filter(Boolean)) {
      mkdirSync(dirname(this.path(name)), { recursive: true });
      cpSync(join(ROOT, name), this.path(name), { verbatimSymlinks: true, force: true });
    }
    mkdirSync(this.path('build'));
    symlinkSync(join(ROOT, 'node_modules'), this.path('node_modules'));
    symlinkSync(join(ROOT, 'build/runtime'), this.path('build/runtime'));
  }

  path(...names: string[]): string {
    return join(this.folder, ...names);
  }

  read(name: string): string {
    return readFileSync(this.path(name), 'utf8');
  }

  write(name: string, text: string): void {
    writeFileSync(this.path(name), text);
  }

  /** Runs one of its own scripts with the pinned Node. */
  script(name: string, words: readonly string[] = []): SpawnSyncReturns<string> {
    return spawnSync(process.execPath, [this.path('scripts', name), ...words], {
      encoding: 'utf8',
      cwd: this.folder,
      maxBuffer: 1 << 26,
    });
  }

  /** Makes a repository of it, with everything in one commit. */
  commitAll(): void {
    this.git('init', '--quiet');
    // Links here, which .gitignore has as folders.
    writeFileSync(this.path('.git/info/exclude'), 'node_modules\nbuild\n');
    this.git('config', 'user.name', 'test');
    this.git('config', 'user.email', 'test@example.org');
    this.git('add', '--all');
    this.git('commit', '--quiet', '-m', 'All');
  }

  git(...words: string[]): string {
    return execFileSync('git', words, { cwd: this.folder, encoding: 'utf8' });
  }

  [Symbol.dispose](): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}
