/** What is known of a program's end. */
export interface Exit {
  exitCode: number;
  oomKilled: boolean;
  memoryBytes: number;
  flavorName: string;
  /** The last lines of the log, in which hints are looked for. */
  tail: string;
}

/**
 * The end of a program in plain words, with the way out where one is known (behaviour/training.md 8; errors.md 4).
 * `tail` is only searched for well-known complaints, never quoted at length.
 */
export function explainExit(exit: Exit): string {
  const { exitCode } = exit;
  if (exitCode === 0) return 'The program ended with exit code 0.';
  return [cause(exit), hint(exit.tail)].filter(Boolean).join(' ');
}

function cause(exit: Exit): string {
  const memory = `${Math.round((exit.memoryBytes / 1024 ** 3) * 10) / 10} GiB`;
  if (exit.oomKilled) {
    return `Exit code ${exit.exitCode}: out of memory. The job reached the ${memory} of its flavor (${exit.flavorName}) and the kernel killed a process of it. Choose a flavor with more memory, or use smaller batches or fewer loader workers.`;
  }
  switch (exit.exitCode) {
    case 1:
      return 'Exit code 1: the program raised an error. The end of its log shows it.';
    case 2:
      return 'Exit code 2: the program was called with arguments it does not accept, or misused a shell built-in.';
    case 126:
      return 'Exit code 126: the command was found but may not be executed. Make it executable, or start it through bash or python.';
    case 127:
      return 'Exit code 127: command not found. The command does not exist in this image or is not on its PATH.';
    case 134:
      return 'Exit code 134 (SIGABRT): the program aborted itself, usually an assertion of a native library.';
    case 137:
      return `Exit code 137 (SIGKILL): the program was killed from outside or by itself. The kernel reported no lack of memory (limit ${memory}).`;
    case 139:
      return 'Exit code 139 (SIGSEGV): a native library crashed, usually because of conflicting package versions.';
    case 143:
      return 'Exit code 143 (SIGTERM): the program was asked to end and did.';
    case 247:
      return `Exit code 247: a child process was killed with SIGKILL, most often for want of memory (limit ${memory}).`;
    default:
      return exit.exitCode > 128
        ? `Exit code ${exit.exitCode}: signal ${exit.exitCode - 128} ended the program.`
        : `Exit code ${exit.exitCode}: the program reported an error of its own. The end of its log shows it.`;
  }
}

const HINTS: readonly [RegExp, string][] = [
  [
    /pip-requirements\.txt could not be installed/,
    'Hint: pip-requirements.txt could not be installed; the log names the package. Jobs have no internet: put wheels into the code directory or use an image that holds the packages.',
  ],
  [
    /unrecognized arguments:/,
    'Hint: the script does not know arguments that the platform passes for inputs, outputs and hyperparameters. Declare them, use parse_known_args(), or choose access_method "env".',
  ],
  [
    /(No such file or directory|FileNotFoundError|does not exist).{0,200}(obs|s3):\/\//s,
    'Hint: an obs:// path was opened as a local file. Inputs and outputs are local directories in the container; use the paths passed to the script.',
  ],
  [
    /No module named ['"]?([\w.]+)/,
    'Hint: a Python module is missing; add it to pip-requirements.txt or to the image.',
  ],
  [/CUDA (is not available|error)|no NVIDIA driver/i, 'Hint: the program wants a GPU; this flavor may have none.'],
  [
    /Resource temporarily unavailable|can't start new thread|BlockingIOError.*fork/,
    'Hint: the limit of processes and threads of the job was reached.',
  ],
  [/No space left on device/, 'Hint: the disk is full.'],
  [/Permission denied/, 'Hint: the job runs as ma-user (uid 1000); it lacks a permission on a file.'],
  [
    /Temporary failure in name resolution|Name or service not known|Network is unreachable/,
    'Hint: jobs have no internet; give data and weights as inputs.',
  ],
];

function hint(tail: string): string {
  return HINTS.find(([pattern]) => pattern.test(tail))?.[1] ?? '';
}
