import { existsSync, rmSync } from 'node:fs';
import {
  parseToken,
  readPrivate,
  wallSeconds,
  writePrivate,
  type HostPaths,
  type JoinToken,
} from '@banshare/runtime';

/** Keeps the line of a token until this host has used it: the daemon goes on with it. @throws the system's error. */
export function layToken(paths: HostPaths, line: string): void {
  writePrivate(paths.keys.token, `${line.trim()}\n`);
}

/** The token that this host joins by; one that has ended or cannot be read is removed. */
export function readToken(paths: HostPaths): JoinToken | undefined {
  if (!existsSync(paths.keys.token)) return undefined;
  const text = readPrivate(paths.keys.token);
  const token = text.ok ? parseToken(text.value.toString('utf8')) : text;
  if (token.ok && token.value.until > wallSeconds()) return token.value;
  removeToken(paths);
  return undefined;
}

/** Deletes the token, whose secret lets in whoever reads it. */
export function removeToken(paths: HostPaths): void {
  rmSync(paths.keys.token, { force: true });
}
