import type { Command } from 'commander';
import { Argument } from 'commander';

/** `atelier completion bash|zsh`: made from the commands themselves. */
export function addCompletion(program: Command): void {
  program
    .command('completion')
    .description('print a completion script; e.g. source <(./atelier completion bash)')
    .addArgument(new Argument('<shell>').choices(['bash', 'zsh']))
    .action(async (shell: string) => {
      const { operationIds } = await import('./api.ts');
      const words = tree(program);
      words.api!.push(...operationIds);
      const cases = Object.entries(words)
        .map(([path, next]) => `    "${path}") words="${next.join(' ')}" ;;`)
        .join('\n');
      const prefix = shell === 'zsh' ? 'autoload -U +X bashcompinit && bashcompinit\n' : '';
      process.stdout.write(`${prefix}_atelier() {
  local current="\${COMP_WORDS[COMP_CWORD]}" path="" word words=""
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case "$word" in -*) ;; *) path="$path $word" ;; esac
  done
  case "\${path# }" in
${cases}
  esac
  case "$current" in
    -*) COMPREPLY=($(compgen -W "$words" -- "$current")) ;;
    *) COMPREPLY=($(compgen -W "$words" -- "$current") $(compgen -f -- "$current")) ;;
  esac
}
complete -F _atelier atelier ./atelier
`);
    });
}

function tree(command: Command, path: string[] = []): Record<string, string[]> {
  const options = command.options.map(option => option.long).filter((long): long is string => long !== undefined);
  const result: Record<string, string[]> = {
    [path.join(' ')]: [...command.commands.map(child => child.name()), ...options, '--help'],
  };
  for (const child of command.commands) Object.assign(result, tree(child, [...path, child.name()]));
  return result;
}
