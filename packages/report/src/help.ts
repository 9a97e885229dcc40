import { EXIT } from '@banshare/runtime';

/** What --help prints. */
export function helpText(): string {
  return `usage: banshare-report [options] PROG JAIL IP
       banshare-report [options] --stdin
       banshare-report [options] --flush
       banshare-report [options] --follow FILE
       banshare-report [options] --unban PROG JAIL IP

Reports to the banshare server that PROG (fail2ban, psad, ...) banned IP in JAIL on this host.
Options end at PROG. It needs root, since keys and spool are root's. More: man banshare-report; by symptom, what to do: man 7 banshare

  --duration D      how long the ban lasts: seconds, or 90s 10m 6h 1d 1w, or -1 for ever
  --failures N      how many failures led to it
  --port P          ssh, or http,https, or 0:65535
  --protocol NAME   tcp, udp, ...
  --strict          exit ${EXIT.notNow}, not ${EXIT.done}, when the report had to go to the spool
  --timeout D       how long to wait for the server (2s)
  --stdin           one "PROG JAIL IP [DURATION]" a line, all over one connection
  --flush           sends what waits in the spool, as the client does by itself
  --follow FILE     watches a fail2ban.log and reports its bans, for hosts whose actions cannot be changed; - is
                    standard input: journalctl -o short-iso -f -u fail2ban | banshare-report --follow -
  --jail NAME       with --follow, reports this jail only; may be given again
  --unban           this host no longer supports that ban; the last one to say so lifts it everywhere
  --root DIR        puts DIR before every path
  --config FILE     instead of /etc/banshare/client.toml
  --check           looks for faults in configuration and keys
  -d, --debug       says how long it took
  --version, --help

exit codes:
  ${EXIT.done}   accepted, duplicate, counted, held, dropped as an echo of banshare's own ban, or safely in the spool (stderr says which)
  ${EXIT.usage}  wrong usage
  ${EXIT.badAddress}  not an address, or not a name
  ${EXIT.notNow}  in the spool, with --strict; or not even spooled
  ${EXIT.refused}  refused by the server, or an address that is never banned
  ${EXIT.configuration}  configuration or keys`;
}
