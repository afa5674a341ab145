import { PLATFORM_DIR, READY_FILE } from '../workload-access/index.ts';
import type { Hook } from './notebook.model.ts';
import { HOME, LAUNCH_DIR, WEB_PORT } from './notebook.paths.ts';

/** Name of the web IDE's configuration, in PLATFORM_DIR. */
export const JUPYTER_CONFIG = 'jupyter_notebook_config.py';

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
if ! command -v jupyter-notebook >/dev/null 2>&1; then
  say 'The image holds no jupyter-notebook, so there is no web IDE. Register an image that is for SSH alone with services ["SSH"].'
  exit 1
fi

quick=0
first=1
while :; do
  begun=$(date +%s)
  jupyter-notebook --config='${PLATFORM_DIR}/${JUPYTER_CONFIG}' &
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

/** Configuration of the web IDE (Jupyter Notebook 6). `secret`: what the proxy shows it. */
export function jupyterConfig(id: string, secret: string): string {
  return `c = get_config()
c.NotebookApp.ip = '0.0.0.0'
c.NotebookApp.port = ${WEB_PORT}
c.NotebookApp.port_retries = 0
c.NotebookApp.base_url = '/${id}/'
c.NotebookApp.token = '${secret}'
c.NotebookApp.allow_remote_access = True
c.NotebookApp.open_browser = False
c.NotebookApp.quit_button = False
c.NotebookApp.notebook_dir = '${HOME}/work'
c.NotebookApp.default_url = '/tree'
# A trash on the volume fills it without anybody seeing why.
c.FileContentsManager.delete_to_trash = False
c.NotebookApp.terminado_settings = {'shell_command': ['/bin/bash']}
`;
}
