import { join } from 'node:path';

/** Every path of banshare on a host; key paths are without their suffix `.key` or `.key_secret`. */
export type HostPaths = {
  readonly serverConfig: string;
  readonly clientConfig: string;
  /** What is read behind those. */
  readonly serverAdditions: string;
  readonly clientAdditions: string;
  /** For tokens and addresses that messages go by: a folder of the user who sends them. */
  readonly outsideSecrets: string;
  readonly keys: {
    readonly dir: string;
    readonly host: string;
    /** The key that shall follow the host's, until it is in place; and the one that was the host's before. */
    readonly hostNext: string;
    readonly hostBefore: string;
    readonly join: string;
    /** The token that this host joins by, until it was used. */
    readonly token: string;
    /** The hash of /etc/machine-id that the host key was made on. */
    readonly machine: string;
  };
  readonly machineId: string;
  /** Where the servers are, as a token said. */
  readonly joined: string;
  /** One directory for each generation in service. */
  readonly generations: string;
  /** What proves the entries of the log that several servers share; beside the generations, since those come and go. */
  readonly ledgerSecret: string;
  /** What opens and closes the ports of a generation in the server's firewall, and a line "REPORT PUBLISH" for each open pair. */
  readonly firewallHook: string;
  readonly firewallOpened: string;
  readonly serverState: string;
  readonly ledger: string;
  /** Where a backup lies while a command reads it: root's alone. */
  readonly backupWork: string;
  readonly clientState: string;
  /** The addresses from which a person installed the client, a word each, as the installer noted them. */
  readonly installedFrom: string;
  /** The generation of keys and ports that answered this host last. */
  readonly fleetNote: string;
  readonly spool: string;
  readonly serverRun: string;
  readonly clientRun: string;
  readonly serverSocket: string;
  /** The same server, for the group of operators and for the page's process: each may ask only some things. */
  readonly operatorsSocket: string;
  readonly pageSocket: string;
  /** Who is logged in to the page, by hashes: of its process alone, and in memory. */
  readonly pageLogins: string;
  /** The same for the process that speaks to the outside world, that process's own socket, and what it has said so far. */
  readonly outsideSocket: string;
  readonly messagesSocket: string;
  readonly said: string;
  /** Where that process hands over what the machine's sendmail shall send. */
  readonly mailSocket: string;
  readonly clientSocket: string;
  /** The client's notes of what it is applying, one empty file JAIL@IP each. */
  readonly notes: string;
  /** What the client put in place and when, a line each in a file for each day. */
  readonly sharedBans: string;
  /** The servers in the order in which the client uses them, with the IPs that it last resolved, for the reporter. */
  readonly serverAddress: string;
  /** The key of this host's MACs, for the reporter. */
  readonly macKey: string;
  /** What fail2ban and psad listen at for their own programs. */
  readonly fail2banSocket: string;
  readonly psadSocket: string;
  /** Where psad writes down what it blocks. */
  readonly psadBlocked: string;
  /** Where the host's file system begins: a path from client.toml stands below it. */
  readonly root: string;
};

/** The paths of the host whose file system begins at root; '' and '/' are the machine itself. */
export function hostPaths(root: string): HostPaths {
  const below = (path: string) => join(root === '' ? '/' : root, path);
  return {
    serverConfig: below('etc/banshare/server.toml'),
    clientConfig: below('etc/banshare/client.toml'),
    serverAdditions: below('etc/banshare/server.d'),
    clientAdditions: below('etc/banshare/client.d'),
    outsideSecrets: below('etc/banshare/outside'),
    keys: {
      dir: below('etc/banshare/keys'),
      host: below('etc/banshare/keys/host'),
      hostNext: below('etc/banshare/keys/host-next'),
      hostBefore: below('etc/banshare/keys/host-before'),
      join: below('etc/banshare/keys/join'),
      token: below('etc/banshare/keys/token'),
      machine: below('etc/banshare/keys/machine'),
    },
    machineId: below('etc/machine-id'),
    joined: below('etc/banshare/joined.json'),
    generations: below('etc/banshare/generations'),
    ledgerSecret: below('etc/banshare/generations/ledger.secret'),
    firewallHook: below('etc/banshare/firewall-hook'),
    firewallOpened: below('etc/banshare/firewall-hook.opened'),
    serverState: below('var/lib/banshare/server'),
    ledger: below('var/lib/banshare/server/ledger.db'),
    backupWork: below('var/lib/banshare/backup'),
    clientState: below('var/lib/banshare/client'),
    installedFrom: below('var/lib/banshare/client/installed-from'),
    fleetNote: below('var/lib/banshare/client/fleet.json'),
    spool: below('var/spool/banshare'),
    serverRun: below('run/banshare/server'),
    clientRun: below('run/banshare/client'),
    serverSocket: below('run/banshare/server/admin.sock'),
    operatorsSocket: below('run/banshare/operators/admin.sock'),
    pageSocket: below('run/banshare/page/admin.sock'),
    pageLogins: below('run/banshare-web/logins'),
    outsideSocket: below('run/banshare/outside/admin.sock'),
    messagesSocket: below('run/banshare/messages/admin.sock'),
    said: below('var/lib/banshare/outside/said.json'),
    mailSocket: below('run/banshare/mail.sock'),
    clientSocket: below('run/banshare/client/admin.sock'),
    notes: below('run/banshare/client/notes'),
    sharedBans: below('var/lib/banshare/client/shared-bans'),
    serverAddress: below('run/banshare/client/server-address'),
    macKey: below('run/banshare/client/mac-key'),
    fail2banSocket: below('run/fail2ban/fail2ban.sock'),
    psadSocket: below('run/psad/auto_ipt.sock'),
    psadBlocked: below('var/log/psad/auto_blocked_iptables'),
    root: below('/'),
  };
}
