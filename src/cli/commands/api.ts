import type { Command } from 'commander';
import { allOperations } from '../../app/operations.ts';
import { pathParameters } from '../../wire/operation.ts';
import { readText } from '../ask.ts';
import { contextOf } from '../context.ts';
import { badArgument, nameAndValue, repeatable } from '../options.ts';
import { printRows } from '../output.ts';

interface ApiOptions {
  param: string[];
  query: string[];
  body?: string;
  list?: boolean | string;
}

/** `atelier api`: any operation of the platform, by the name it has in the SDKs. */
export function addApi(program: Command): void {
  program
    .command('api')
    .description('call any operation by its name; --list shows them all')
    .argument('[operation]', 'e.g. ShowTrainingJobDetails')
    .addOption(repeatable('--param <name=value>', 'parameter of the path; the project is filled in'))
    .addOption(repeatable('--query <name=value>', 'parameter of the query'))
    .option('--body <json>', 'JSON, or @file, or @- for standard input')
    .option('--list [text]', 'list operations, or those whose name, path or action contain the text')
    .addHelpText('after', '\nExample:\n  ./atelier api ListPools\n  ./atelier api --list notebook')
    .action(async (name: string | undefined, options: ApiOptions, command: Command) => {
      const context = contextOf(command);
      if (options.list !== undefined || name === undefined) {
        const text = typeof options.list === 'string' ? options.list.toLowerCase() : '';
        const rows = allOperations
          .map(({ id, method, path, action, summary }) => ({ id, method, path, action: actionText(action), summary }))
          .filter(row => Object.values(row).join(' ').toLowerCase().includes(text));
        printRows(context.format, rows, {
          Operation: row => row.id,
          Method: row => row.method,
          Path: row => row.path,
          Action: row => row.action,
        });
        return;
      }
      const operation = allOperations.find(each => each.id.toLowerCase() === name.toLowerCase());
      if (!operation) throw badArgument(`There is no operation ${name}.`, 'atelier api --list shows them all.');
      const params: Record<string, string> = {
        project_id: context.session.profile.projectId,
        ...Object.fromEntries(options.param.map(text => nameAndValue(text))),
      };
      const missing = pathParameters(operation.path).filter(each => params[each] === undefined);
      if (missing.length > 0)
        throw badArgument(`${operation.id} needs ${missing.join(' and ')}.`, `Give --param ${missing[0]}=…`);
      const path = operation.path.replace(/\{(\w+)\}/g, (_: string, each: string) => encodeURIComponent(params[each]!));
      const answer = await context.session.request(operation.method, path, {
        query: Object.fromEntries(options.query.map(text => nameAndValue(text))),
        ...(options.body === undefined ? {} : { body: bodyOf(options.body) }),
      });
      process.stdout.write(pretty(answer.body.toString('utf8')));
    });
}

function actionText(action: (typeof allOperations)[number]['action']): string {
  if (typeof action === 'string') return action;
  if ('actions' in action) return action.actions.join(', ');
  if ('action' in action) return action.action;
  return Object.keys(action)[0]!;
}

function bodyOf(text: string): unknown {
  const json = text.startsWith('@') ? readText(text.slice(1)) : text;
  try {
    return JSON.parse(json);
  } catch (error) {
    throw badArgument(`The body is not JSON: ${(error as Error).message}`);
  }
}

function pretty(text: string): string {
  if (text === '') return '';
  try {
    return `${JSON.stringify(JSON.parse(text), null, 2)}\n`;
  } catch {
    return text;
  }
}
