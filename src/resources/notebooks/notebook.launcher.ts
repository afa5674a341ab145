import { PLATFORM_DIR, READY_FILE } from '../workload-access/index.ts';
import type { Hook } from './notebook.model.ts';
import { HOME, LAUNCH_DIR, WEB_PORT } from './notebook.paths.ts';

/** Where images hold JupyterLab; those without have the classic notebook. */
const LAB = '/opt/jupyterlab/bin/jupyter-lab';
/** Names of the configurations of the two web IDEs, in PLATFORM_DIR. */
const CLASSIC_CONFIG = 'jupyter_notebook_config.py';
const LAB_CONFIG = 'jupyter_server_config.py';

/**
 * The first program of every instance. It waits for the file by which the platform tells where it can be reached; then come the
 * parts (such as SSH), the user's pre_start hook, the web IDE, which is started again should it die, and the user's post_start hook.
 */
export const LAUNCHER_SCRIPT = `#!/bin/sh
# Written by the platform; the arguments are the kinds of the two hooks: none, COMMAND or SCRIPT, and the path of a SCRIPT.
say() { echo "[ModelArts Service Log]$*"; }
child=
stopping=
trap 'stopping=1; [ -n "$child" ] && kill -TERM "$child" 2>/dev/null' TERM INT

while [ ! -e '${READY_FILE}' ]; do
  [ -n "$stopping" ] && exit 143
  sleep 0.02 2>/dev/null || sleep 1
done
. '${READY_FILE}'
cd '${HOME}/work' || exit 1
PATH="$HOME/.local/bin:\${PATH:-/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin}"
export PATH

hook() { # $1: name, $2: kind, $3: path
  [ "$2" = none ] && return 0
  file=$3
  [ "$2" = COMMAND ] && file='${LAUNCH_DIR}'/$1.hook
  [ -f "$file" ] || { say "The $1 hook $file does not exist."; return 127; }
  shell=sh
  command -v bash >/dev/null 2>&1 && shell=bash
  say "The $1 hook begins."
  "$shell" "$file"
  code=$?
  say "The $1 hook ended with exit code $code."
  return $code
}

for part in '${LAUNCH_DIR}'/*.part.sh; do
  [ -f "$part" ] && . "$part"
done
hook pre_start "$1" "$2" || { say 'The instance does not start, as its pre_start hook failed.'; exit 1; }

# An image that is for SSH alone.
if [ -n "\${MA_WITHOUT_WEB:-}" ]; then
  hook post_start "$3" "$4"
  while [ -z "$stopping" ]; do sleep 3600 & child=$!; wait "$child"; done
  exit 0
fi
if [ -z "\${MA_CLASSIC_NOTEBOOK:-}" ] && [ -x '${LAB}' ]; then
  set -- "$@" '${LAB}' '${LAB_CONFIG}'
elif command -v jupyter-notebook >/dev/null 2>&1; then
  set -- "$@" jupyter-notebook '${CLASSIC_CONFIG}'
else
  say 'The image holds no jupyter-notebook, so there is no web IDE. Register an image that is for SSH alone with services ["SSH"].'
  exit 1
fi

quick=0
first=1
while :; do
  begun=$(date +%s)
  "$5" --config="${PLATFORM_DIR}/$6" &
  child=$!
  if [ -n "$first" ]; then
    first=
    hook post_start "$3" "$4" &
  fi
  wait "$child"
  code=$?
  [ -n "$stopping" ] && { wait "$child" 2>/dev/null; exit 0; }
  if [ $(($(date +%s) - begun)) -lt 10 ]; then quick=$((quick + 1)); else quick=0; fi
  say "The web IDE ended with exit code $code."
  [ "$quick" -ge 3 ] && { say 'The web IDE ends again and again; the instance gives up.'; exit 1; }
  say 'The web IDE is started again.'
done
`;

/** The launcher's arguments for the hooks of an instance. */
export function launchArguments(hooks: { preStart: Hook | null; postStart: Hook | null }): string[] {
  return [hooks.preStart, hooks.postStart].flatMap(hook =>
    hook ? [hook.type, hook.type === 'SCRIPT' ? hook.script : ''] : ['none', ''],
  );
}

/** Configurations of the web IDEs that an image may hold, by their names in PLATFORM_DIR. `secret`: what the proxy shows the web IDE. */
export function webConfigs(id: string, secret: string): Record<string, string> {
  return { [CLASSIC_CONFIG]: classicConfig(id, secret), [LAB_CONFIG]: labConfig(id, secret) };
}

/** What both are told alike. */
function common(id: string, app: string): string {
  return `c = get_config()
c.${app}.ip = '0.0.0.0'
c.${app}.port = ${WEB_PORT}
c.${app}.port_retries = 0
c.${app}.base_url = '/${id}/'
c.${app}.allow_remote_access = True
c.${app}.open_browser = False
c.${app}.quit_button = False
c.${app}.terminado_settings = {'shell_command': ['/bin/bash']}
# A trash on the volume fills it without anybody seeing why.
c.FileContentsManager.delete_to_trash = False
`;
}

/** Jupyter Notebook 6. */
function classicConfig(id: string, secret: string): string {
  return `${common(id, 'NotebookApp')}
c.NotebookApp.token = '${secret}'
c.NotebookApp.notebook_dir = '${HOME}/work'
c.NotebookApp.default_url = '/tree'
`;
}

/** JupyterLab 4 on Jupyter Server 2. */
function labConfig(id: string, secret: string): string {
  return `import hmac
from jupyter_server.auth.identity import IdentityProvider, User

class Platform(IdentityProvider):
    """The platform's proxy alone comes in. A token of Jupyter's own would stand in the page, and go along with what that asks for."""
    auth_enabled = True
    login_available = False
    logout_available = False

    async def get_user(self, handler):
        shown = handler.request.headers.get('Authorization', '')
        if not hmac.compare_digest(shown.encode(), b'token ${secret}'):
            return None
        handler._token_authenticated = True
        return User('ma-user')

${common(id, 'ServerApp')}
c.ServerApp.identity_provider_class = Platform
c.IdentityProvider.token = ''
c.ServerApp.root_dir = '${HOME}/work'
c.ServerApp.default_url = '/lab'
# There is no internet to ask for news, newer versions or extensions.
c.LabApp.news_url = None
c.LabApp.check_for_updates_class = 'jupyterlab.NeverCheckForUpdate'
c.LabApp.extension_manager = 'readonly'
`;
}
