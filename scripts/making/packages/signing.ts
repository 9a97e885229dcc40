import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readPrivate, writePrivate } from '@banshare/runtime';
import { Fault } from '../../say.ts';
import { runTool } from './run-tool.ts';

/** The fleet's own key for its repository, as GnuPG's text; its secret half is as private as the others of certs/. */
const SECRET_FILE = 'repository.gpg_secret';

const NAME = 'banshare repository';

/** Signs what lies in a repository. The key is made on demand, and GnuPG works in a folder that goes with this object. */
export class Signer implements Disposable {
  readonly #home = mkdtempSync(join(tmpdir(), 'banshare-gpg-'));

  /** @throws Fault where GnuPG is missing, or the key cannot be used. */
  constructor(certs: string) {
    const path = join(certs, SECRET_FILE);
    try {
      if (existsSync(path)) this.#take(path);
      else this.#make(path);
    } catch (error) {
      this[Symbol.dispose]();
      throw error;
    }
  }

  /** The public half: as text, or as apt and rpm take it without a tool. */
  publicKey(form: 'text' | 'binary'): Buffer {
    const path = join(this.#home, 'public');
    rmSync(path, { force: true });
    this.#gpg(form === 'text' ? '--armor' : '--no-armor', '--output', path, '--export');
    return readFileSync(path);
  }

  /** Signs a file into another: within one text, or apart. */
  sign(path: string, into: string, how: 'clear' | 'apart'): void {
    rmSync(into, { force: true });
    const kind = how === 'clear' ? '--clear-sign' : '--detach-sign';
    this.#gpg('--digest-algo', 'SHA256', '--armor', '--output', into, kind, path);
  }

  /** Gives an rpm a signature of its own, as rpm systems want it beside that of the lists. */
  signRpm(path: string): void {
    const sign =
      '/usr/bin/gpg gpg --no-verbose --no-armor --batch --pinentry-mode loopback --digest-algo sha256' +
      ' -u "%{_gpg_name}" -sbo %{__signature_filename} %{__plaintext_filename}';
    const defines = {
      _gpg_name: NAME,
      _gpg_path: this.#home,
      __gpg_sign_cmd: sign,
    };
    const words = Object.entries(defines).flatMap(([name, value]) => ['--define', `${name} ${value}`]);
    runTool('rpmsign', 'rpm', [...words, '--addsign', path], { GNUPGHOME: this.#home });
  }

  [Symbol.dispose](): void {
    try {
      runTool('gpgconf', 'gnupg', ['--homedir', this.#home, '--kill', 'all']);
    } finally {
      rmSync(this.#home, { recursive: true, force: true });
    }
  }

  #take(path: string): void {
    const read = readPrivate(path);
    if (!read.ok) throw new Fault(`Cannot sign the repository: ${read.fault}`);
    this.#gpg('--import', path);
  }

  /** RSA, which the rpm of every system that is supported can check. */
  #make(path: string): void {
    this.#gpg('--quick-generate-key', NAME, 'rsa3072', 'sign', 'never');
    const made = join(this.#home, 'secret');
    this.#gpg('--armor', '--output', made, '--export-secret-keys');
    writePrivate(path, readFileSync(made));
  }

  #gpg(...words: readonly string[]): void {
    runTool('gpg', 'gnupg', [
      '--homedir',
      this.#home,
      '--batch',
      '--quiet',
      '--pinentry-mode',
      'loopback',
      '--passphrase',
      '',
      ...words,
    ]);
  }
}
