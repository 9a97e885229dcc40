// What runs on the hosts, as POSIX sh on the input of `sh`. Each is one function, so that it is read whole before it runs
// and nothing in it can read the rest. Lines that begin with `banshare-deploy ` are for us; a login may print others.

const BEGIN = `main() {
PATH=$PATH:/usr/local/bin:/usr/sbin:/sbin:/usr/bin:/bin
as_root=
[ "$(id -u)" = 0 ] || as_root="sudo -n"
`;
const END = `}
main </dev/null`;

/** Asks what a host has, and changes nothing. */
export const ASK = `${BEGIN}
echo "banshare-deploy machine=$(uname -m)"
$as_root true 2>/dev/null || echo "banshare-deploy noroot=yes"
for file in node zeromq.node; do
  digest=$({ sha256sum <"/usr/lib/banshare/$file"; } 2>/dev/null)
  echo "banshare-deploy $file=\${digest%% *}"
done
${END}`;

/** Makes a folder that only this user may enter; what an earlier deploy left behind is removed. */
export const MAKE_FOLDER = `${BEGIN}
for parent in "$HOME" /var/tmp /tmp; do
  find "$parent" -maxdepth 1 -name '.banshare-deploy.*' -user "$(id -un)" -mmin +60 -exec rm -rf {} + 2>/dev/null
  folder=$(mktemp -d "$parent/.banshare-deploy.XXXXXXXXXX" 2>/dev/null) || continue
  echo "banshare-deploy folder=$folder"
  return 0
done
echo "No folder for the installer can be made" >&2
return 1
${END}`;

/** Runs the installer in that folder and removes it, however it ends; tells the host's name in the fleet. */
export function installScript(folder: string, flags: string): string {
  return `${BEGIN}
trap 'rm -rf ${folder}' EXIT
trap 'exit 129' HUP
trap 'exit 143' TERM
trap : PIPE
$as_root sh ${folder}/install.sh ${flags}
code=$?
name=$($as_root sed -n 's/^ *name = "\\(.*\\)"$/\\1/p' /etc/banshare/keys/host.key 2>/dev/null | head -n 1)
echo "banshare-deploy name=$name"
exit "$code"
${END}`;
}

/** Removes a folder whose installer was never run. */
export function removeScript(folder: string): string {
  return `rm -rf ${folder}`;
}

/** Asks the running server; its exit code only says that a person is needed. */
export function serverScript(command: 'hosts' | 'status'): string {
  return `${BEGIN}
$as_root /usr/bin/banshare-server ${command} --json
${END}`;
}

/** The values that a script printed for us. */
export function answersIn(out: string): Map<string, string> {
  const lines = out.matchAll(/^banshare-deploy ([\w.]+)=(.*)$/gm);
  return new Map([...lines].map(([, key = '', value = '']) => [key, value]));
}
