import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { basename } from 'node:path';
import type { Address } from '@banshare/protocol';
import { ProgramNames } from '../host/program-names.ts';
import { tcpSockets, type TcpSocket } from '../host/proc-net.ts';

/**
 * The addresses from which somebody is logged in by SSH at this moment. Everything is read from /proc: utmp and logind know
 * nothing of many sessions, and of none in most containers.
 *
 * OpenSSH serves each connection by processes of its own. Before authentication these are a monitor that is root, and a child
 * that is the user `sshd`; their titles end in a bracket: `[accepted]`, `NAME [priv]`, `NAME [net]`. Afterwards the child is
 * replaced by one that has become the user who logged in; where that is root, the monitor itself goes on, and only then its
 * title is `NAME` or `NAME@TTY`. So a connection counts that is held
 *  - by a process of sshd which is wholly a user other than root and `sshd`, together with its parent, the monitor (what the
 *    user forwards is held by the child alone), or
 *  - by a process of sshd which is root and bears the name of a root user without a bracket, less what comes in at a port that
 *    this process itself listens on (what root forwards).
 * A peer that is not authenticated decides about none of this: user ids are the kernel's, a title names only users that exist,
 * and is always with a bracket. The title alone would not do for other users, since a sandboxed child that was taken over may
 * write its own; nor the environment (SSH_CONNECTION), which PAM's programs have during authentication already.
 */
export type Sessions = {
  addresses: ReadonlySet<Address>;
  /** How many processes of sshd may not be looked into: without CAP_SYS_PTRACE the kernel hides whose connection is whose. */
  hidden: number;
};

/** A process of sshd; identity changes with everything that matters here. */
type Process = {
  pid: string;
  folder: string;
  parent: string;
  uid: number | undefined;
  title: string;
  identity: string;
};

const PROGRAMS = new Set(['sshd', 'sshd-session']);
const ROOT = 0;
/** A title after authentication: a user, and the terminals of its sessions. */
const LOGGED_IN = /^sshd(?:-session)?: ([^\s[\]]+?)(?:@(?:notty|(?:pts|tty)[\w/,]*))?$/;

/** Looks at the sessions whenever it is asked; whose connections are whose is read anew only when the sessions changed. */
export class SessionWatch {
  readonly #proc: string;
  readonly #passwd: string;
  readonly #names: ProgramNames;
  #seen = '';
  #sessions: Sessions = { addresses: new Set(), hidden: 0 };

  /** @param proc where /proc is mounted; passwd is /etc/passwd. */
  constructor(proc: string, passwd: string) {
    this.#proc = proc;
    this.#passwd = passwd;
    this.#names = new ProgramNames(proc, PROGRAMS);
  }

  now(): Sessions {
    const processes = sshProcesses(this.#proc, this.#names.now());
    const seen = processes.map(({ identity }) => identity).join('\n');
    if (seen !== this.#seen) {
      this.#sessions = sessionsAmong(processes, systemUsers(this.#passwd));
      this.#seen = seen;
    }
    return this.#sessions;
  }
}

function sessionsAmong(processes: readonly Process[], users: SystemUsers): Sessions {
  const byPid = new Map(processes.map((process) => [process.pid, process]));
  const tables = new Map<string, Map<string, TcpSocket>>();
  const addresses = new Set<Address>();
  let hidden = 0;
  for (const process of processes) {
    const parent = byPid.get(process.parent);
    const monitor = isUserSession(process, parent, users) ? parent : undefined;
    if (monitor === undefined && !isRootSession(process, users)) continue;
    try {
      for (const peer of peersOf(process, monitor, tables)) addresses.add(peer);
    } catch (error) {
      // A session that ended meanwhile has nothing to protect.
      if (!['ENOENT', 'ESRCH'].includes((error as NodeJS.ErrnoException).code ?? '')) hidden += 1;
    }
  }
  return { addresses, hidden };
}

/** Who is at the other end of a session's own connection. */
function peersOf(
  process: Process,
  monitor: Process | undefined,
  tables: Map<string, Map<string, TcpSocket>>,
): Address[] {
  const involved = monitor === undefined ? [process] : [process, monitor];
  if (!involved.every((each) => PROGRAMS.has(programOf(each)))) return [];
  const held = socketsOf(process);
  const shared = new Set(monitor === undefined ? held : socketsOf(monitor));
  const table = tableOf(process, tables);
  const sockets = held.flatMap((inode) => table.get(inode) ?? []);
  const ownPorts = new Set(sockets.flatMap(({ isListening, localPort }) => (isListening ? [localPort] : [])));
  return sockets.flatMap(({ inode, peer, localPort }) =>
    peer !== undefined && shared.has(inode) && !ownPorts.has(localPort) ? [peer] : [],
  );
}

function isUserSession(process: Process, parent: Process | undefined, users: SystemUsers): boolean {
  const { uid, title } = process;
  if (uid === undefined || uid === ROOT || uid === users.separated || title.includes('[')) return false;
  return parent?.uid === ROOT;
}

function isRootSession({ uid, title }: Process, users: SystemUsers): boolean {
  const name = LOGGED_IN.exec(title)?.[1];
  return uid === ROOT && name !== undefined && users.roots.has(name);
}

/** Who sshd separates its privileges with, and what root is called. */
type SystemUsers = { separated: number | undefined; roots: ReadonlySet<string> };

/** Reads them from /etc/passwd, as sshd does. */
function systemUsers(passwd: string): SystemUsers {
  let text = '';
  try {
    text = readFileSync(passwd, 'utf8');
  } catch {
    // Without it nobody has a name but root.
  }
  const entries = text.split('\n').map((line) => line.split(':'));
  const separated = entries.find(([name]) => name === 'sshd')?.[2];
  const roots = entries.flatMap(([name = '', , uid]) => (uid === '0' ? [name] : []));
  return {
    separated: separated === undefined ? undefined : Number(separated),
    roots: new Set(['root', ...roots]),
  };
}

function sshProcesses(proc: string, pids: readonly string[]): Process[] {
  return pids.flatMap((pid) => {
    const folder = `${proc}/${pid}`;
    try {
      const status = readFileSync(`${folder}/status`, 'utf8');
      const title = readFileSync(`${folder}/cmdline`, 'utf8').replace(/\0.*$/s, '').trimEnd();
      const parent = /^PPid:\t(\d+)$/m.exec(status)?.[1] ?? '';
      const uid = wholeUid(status);
      const identity = `${pid} ${startOf(folder)} ${parent} ${uid ?? ''} ${title}`;
      return [{ pid, folder, parent, uid, title, identity }];
    } catch {
      // It has ended in this moment.
      return [];
    }
  });
}

/** When it was started: a process id is used again. The name before it may hold anything. */
function startOf(folder: string): string {
  const stat = readFileSync(`${folder}/stat`, 'utf8');
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '';
}

/** The user that a process is in every respect: the monitor takes on a user's id for a moment, to read authorized_keys. */
function wholeUid(status: string): number | undefined {
  const ids = /^Uid:\t(\d+)\t(\d+)\t(\d+)\t(\d+)$/m.exec(status)?.slice(1) ?? [];
  return ids.length === 4 && new Set(ids).size === 1 ? Number(ids[0]) : undefined;
}

function programOf({ folder }: Process): string {
  // After an upgrade the program of a running session is deleted.
  return basename(readlinkSync(`${folder}/exe`).replace(/ \(deleted\)$/, ''));
}

/** The inodes of the sockets that a process holds. */
function socketsOf({ folder }: Process): string[] {
  return readdirSync(`${folder}/fd`).flatMap((fd) => {
    try {
      return /^socket:\[(\d+)\]$/.exec(readlinkSync(`${folder}/fd/${fd}`))?.[1] ?? [];
    } catch {
      return [];
    }
  });
}

/** The sockets of the network that a process is in, by inode; read once for each network. */
function tableOf({ folder }: Process, tables: Map<string, Map<string, TcpSocket>>): Map<string, TcpSocket> {
  const network = readlinkSync(`${folder}/ns/net`);
  const known = tables.get(network);
  if (known !== undefined) return known;
  const table = new Map(tcpSockets(folder).map((socket) => [socket.inode, socket]));
  tables.set(network, table);
  return table;
}
