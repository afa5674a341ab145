import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import type { Command } from 'commander';
import { PlatformClient } from '../../client/platform.ts';
import { contextOf } from '../context.ts';
import { badArgument, nameAndValue, repeatable } from '../options.ts';

/** `atelier predict SERVICE --file image=digit.png` or `--json '{…}'`. */
export function addPredict(program: Command): void {
  program
    .command('predict')
    .description('send a request to a real-time service and print the answer')
    .argument('<service>', 'id or name')
    .addOption(repeatable('--file <key=path>', 'file in a multipart/form-data request'))
    .addOption(repeatable('--field <key=value>', 'text field in a multipart/form-data request'))
    .option('--json <text>', 'JSON body; @file reads it from a file')
    .option('--path <path>', "path after the service's address", '/')
    .addHelpText('after', EXAMPLES)
    .action(async (name: string, options: PredictOptions, command: Command) => {
      const body = await requestBody(options);
      const { session } = contextOf(command);
      const service = await new PlatformClient(session).findService(name);
      const answer = await session.predict(service.service_id, body, {
        path: options.path,
        ...(Buffer.isBuffer(body) ? { contentType: 'application/json' } : {}),
      });
      process.stdout.write(`${answer.body.toString('utf8').trimEnd()}\n`);
    });
}

const EXAMPLES = `
Examples:
  atelier predict digits --file image=seven.png
  atelier predict digits --json '{"data": [1, 2]}'`;

interface PredictOptions {
  file: string[];
  field: string[];
  json?: string;
  path: string;
}

async function requestBody(options: PredictOptions): Promise<FormData | Buffer> {
  if (options.json !== undefined) {
    if (options.file.length + options.field.length > 0) {
      throw badArgument('A request has one body.', 'Give either --json, or --file and --field.');
    }
    return options.json.startsWith('@') ? readFile(options.json.slice(1)) : Buffer.from(options.json);
  }
  if (options.file.length + options.field.length === 0) {
    throw badArgument('There is nothing to send.', 'Give --file key=path, --field key=value or --json.');
  }
  const form = new FormData();
  for (const text of options.file) {
    const [key, path] = nameAndValue(text, 'key=value');
    form.append(key, new Blob([await readFile(path)]), basename(path));
  }
  for (const text of options.field) form.append(...nameAndValue(text, 'key=value'));
  return form;
}
