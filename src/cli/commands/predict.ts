import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import type { Command } from 'commander';
import { PlatformClient } from '../../client/platform.ts';
import { Failure } from '../../kernel/failure.ts';
import { contextOf } from '../context.ts';

/** `atelier predict SERVICE --file image=digit.png` or `--json '{…}'`. */
export function addPredict(program: Command): void {
  program
    .command('predict')
    .description('send a request to a real-time service and print the answer')
    .argument('<service>', 'id or name')
    .option('--file <key=path>', 'file in a multipart/form-data request (repeatable)', collect, [])
    .option('--field <key=value>', 'text field in a multipart/form-data request (repeatable)', collect, [])
    .option('--json <text>', 'JSON body; @file reads it from a file')
    .option('--path <path>', "path after the service's address", '/')
    .action(async (name: string, options: PredictOptions, command: Command) => {
      const { session } = contextOf(command);
      const service = await new PlatformClient(session).findService(name);
      const body = await requestBody(options);
      const answer = await session.predict(service.service_id, body, {
        path: options.path,
        ...(Buffer.isBuffer(body) ? { contentType: 'application/json' } : {}),
      });
      process.stdout.write(`${answer.body.toString('utf8').trimEnd()}\n`);
    });
}

interface PredictOptions {
  file: string[];
  field: string[];
  json?: string;
  path: string;
}

async function requestBody(options: PredictOptions): Promise<FormData | Buffer> {
  if (options.json !== undefined) {
    return options.json.startsWith('@') ? readFile(options.json.slice(1)) : Buffer.from(options.json);
  }
  if (options.file.length + options.field.length === 0) {
    throw new Failure({
      code: 'Atelier.BadArgument',
      status: 400,
      message: 'There is nothing to send.',
      solution: 'Give --file key=path, --field key=value or --json.',
    });
  }
  const form = new FormData();
  for (const text of options.file) {
    const [key, path] = split(text);
    form.append(key, new Blob([await readFile(path)]), basename(path));
  }
  for (const text of options.field) form.append(...split(text));
  return form;
}

function split(text: string): [string, string] {
  const at = text.indexOf('=');
  if (at > 0) return [text.slice(0, at), text.slice(at + 1)];
  throw new Failure({ code: 'Atelier.BadArgument', status: 400, message: `"${text}" is not of the form key=value.` });
}

function collect(value: string, earlier: string[]): string[] {
  return [...earlier, value];
}
