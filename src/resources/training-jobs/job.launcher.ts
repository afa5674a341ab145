import { READY_FILE } from '../workload-access/index.ts';
import type { JobSpec } from './job.model.ts';
import { LAUNCH_DIR } from './job.paths.ts';

export const LAUNCHER = `${LAUNCH_DIR}/launch.sh`;

/**
 * The first process of every job's container. It takes its work as arguments, so nothing a user wrote is ever pasted into it.
 * - As process 1 it puts an init in front of itself: tini where the image has it, else its own loop, which passes SIGTERM on to
 *   every process and reaps what is left over.
 * - It waits for the file by which the platform tells where it can be reached and with which credentials; the user's
 *   program starts only when both are good.
 * - It installs pip-requirements.txt of the code directory, then becomes the user's program.
 */
export const LAUNCHER_SCRIPT = `#!/bin/sh
# Written by the platform; the arguments are: mode, code directory, working directory, program and its arguments.
if [ "$$" = 1 ]; then
  for init in /usr/bin/tini /sbin/tini /usr/local/bin/tini; do
    if [ -x "$init" ]; then exec "$init" -g -- /bin/sh "$0" "$@"; fi
  done
  /bin/sh "$0" "$@" &
  child=$!
  trap 'kill -TERM -1 2>/dev/null' TERM INT
  while :; do
    wait "$child"
    code=$?
    kill -0 "$child" 2>/dev/null || exit "$code"
  done
fi

while [ ! -e '${READY_FILE}' ]; do sleep 0.02 2>/dev/null || sleep 1; done
. '${READY_FILE}'

mode=$1 code_dir=$2 work_dir=$3
shift 3

if [ "$mode" = boot ]; then
  PATH="\${MA_HOME}/anaconda/bin:\${MA_HOME}/.local/bin:\${PATH:-/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin}"
  LD_LIBRARY_PATH="\${MA_HOME}/anaconda/lib\${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"
  LIBRARY_PATH="\${MA_HOME}/anaconda/lib\${LIBRARY_PATH:+:$LIBRARY_PATH}"
  PYTHONPATH="\${MA_JOB_DIR}:\${code_dir}\${PYTHONPATH:+:$PYTHONPATH}"
  export PATH LD_LIBRARY_PATH LIBRARY_PATH PYTHONPATH
  python=\${MA_SCRIPT_INTERPRETER:-python}
  command -v "$python" >/dev/null 2>&1 || python=python3
  export MA_SCRIPT_INTERPRETER="$python"

  if [ -f "$code_dir/pip-requirements.txt" ]; then
    echo '[ModelArts Service Log]Python dependency packages are being installed from pip-requirements.txt.'
    cd "$code_dir" || exit 1
    pip_from=
    if [ -n "\${MA_PIP_URL:-}" ]; then
      pip_from="--index-url $MA_PIP_URL --trusted-host $MA_PIP_HOST"
    elif [ -z "\${PIP_INDEX_URL:-}" ]; then
      pip_from="--no-index --find-links ."
    fi
    # shellcheck disable=SC2086
    "$python" -m pip install --disable-pip-version-check --no-input $pip_from -r pip-requirements.txt 2>&1
    code=$?
    if [ "$code" != 0 ]; then
      echo "[ModelArts Service Log]pip-requirements.txt could not be installed (pip ended with exit code $code)." >&2
      if [ -z "\${MA_PIP_URL:-}\${PIP_INDEX_URL:-}" ]; then
        echo '[ModelArts Service Log]No package mirror is configured for jobs: only packages already in the image and wheels in the code directory can be installed.' >&2
      fi
      exit 1
    fi
    echo '[ModelArts Service Log]Python dependency packages were installed.'
  elif [ -f "$code_dir/requirements.txt" ]; then
    echo '[ModelArts Service Log]requirements.txt is not installed by itself; name it pip-requirements.txt to have it installed.'
  fi
fi

cd "$work_dir" || { echo "[ModelArts Service Log]The working directory $work_dir does not exist." >&2; exit 1; }

if [ "$mode" = boot ]; then
  case $1 in
    *.sh) if command -v bash >/dev/null 2>&1; then exec bash "$@"; else exec sh "$@"; fi ;;
    *) exec "$python" "$@" ;;
  esac
fi
line=$1
shift
shell=/bin/sh
if [ -x /bin/bash ]; then shell=/bin/bash; fi
exec "$shell" -c "$line" command "$@"
`;

/** Arguments that pass inputs, outputs and hyperparameters to the program (behaviour/training.md 5). */
function programArguments(spec: JobSpec, paths: { inputs: string[]; outputs: string[] }): string[] {
  const channels = (list: readonly { name: string; accessMethod: string }[], dirs: string[]) =>
    list.flatMap((channel, index) =>
      channel.accessMethod === 'parameter' ? [`--${channel.name}=${dirs[index]}`] : [],
    );
  return [
    ...channels(spec.inputs, paths.inputs),
    ...channels(spec.outputs, paths.outputs),
    ...spec.parameters.map(parameter => `--${parameter.name}=${parameter.value ?? ''}`),
  ];
}

/**
 * The launcher's arguments for a job. A command line of the user's is one argument, run by a shell; the arguments for it are
 * appended by the shell itself, each as one word whatever it holds.
 */
export function launchArguments(spec: JobSpec, paths: { code: string; inputs: string[]; outputs: string[] }): string[] {
  const args = programArguments(spec, paths);
  if (spec.form === 'command') {
    const line = (spec.command ?? '').replace(/[;\s]+$/, '');
    return ['command', paths.code, spec.workingDir ?? paths.code, args.length > 0 ? `${line} "$@"` : line, ...args];
  }
  const boot = `${paths.code}/${spec.bootFile!.relative}`;
  return ['boot', paths.code, spec.workingDir ?? paths.code, boot, ...args];
}
