import type { Command } from 'commander';
import { allOperations } from '../../app/operations.ts';
import { pathParameters } from '../../wire/operation.ts';
import { readText } from '../ask.ts';
import { contextOf } from '../context.ts';
import { guardText, isOperators } from '../leaves.ts';
import { Names } from '../names.ts';
import { badArgument, nameAndValue, repeatable } from '../options.ts';
import { printOne, printRows } from '../output.ts';

interface ApiOptions {
  param: string[];
  query: string[];
  header: string[];
  body?: string;
  list?: boolean | string;
  describe?: boolean;
}

/** What `atelier api` completes to. */
export const operationIds = allOperations.map(({ id }) => id).sort();

/** Options and action of `atelier api`: any operation of the platform, by the name it has in the SDKs. */
export function addApi(command: Command): void {
  command
    .argument('[operation]', 'e.g. ShowTrainingJobDetails')
    .addOption(repeatable('--param <name=value>', 'parameter of the path; project and account are filled in'))
    .addOption(repeatable('--query <name=value>', 'parameter of the query'))
    .addOption(repeatable('--header <name=value>', 'header of the request'))
    .option('--body <json>', 'JSON, or @file, or - for standard input')
    .option('--describe', 'show what the operation takes, in place of calling it')
    .option('--list [text]', 'list operations, or those whose name, path or action contain the text')
    .addHelpText('after', '\nExamples:\n  ./atelier api ListPools\n  ./atelier api --list notebook')
    .action(async (name: string | undefined, options: ApiOptions, command: Command) => {
      const context = contextOf(command);
      if (options.list !== undefined || name === undefined) {
        const text = typeof options.list === 'string' ? options.list.toLowerCase() : '';
        const rows = allOperations
          .map(({ id, method, path, action, summary }) => ({ id, method, path, action: guardText(action), summary }))
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
      if (options.describe) {
        const { id, summary, method, path, action, query, body } = operation;
        printOne('json', { id, summary, method, path, action: guardText(action), query, body });
        return;
      }
      const session = isOperators(operation.action) ? context.operator() : context.session;
      const params: Record<string, string> = Object.fromEntries(options.param.map(text => nameAndValue(text)));
      const unknown = Object.keys(params).find(each => !pathParameters(operation.path).includes(each));
      if (unknown) throw badArgument(`${operation.id} has no parameter ${unknown}.`, `Its path is ${operation.path}`);
      for (const each of pathParameters(operation.path)) {
        if (each === 'project_id') params[each] ??= session.profile.projectId;
        if (each === 'domain_id' && !isOperators(operation.action)) params[each] ??= await new Names(session).account();
        if (params[each] === undefined)
          throw badArgument(`${operation.id} needs ${each}.`, `Give --param ${each}=…; its path is ${operation.path}`);
      }
      const path = operation.path.replace(/\{(\w+)\}/g, (_: string, each: string) => encodeURIComponent(params[each]!));
      const answer = await session.request(operation.method, path, {
        query: Object.fromEntries(options.query.map(text => nameAndValue(text))),
        headers: Object.fromEntries(options.header.map(text => nameAndValue(text))),
        ...(options.body === undefined ? {} : { body: bodyOf(options.body) }),
      });
      process.stdout.write(pretty(answer.body.toString('utf8')));
    });
}

function bodyOf(text: string): unknown {
  const json = text === '-' ? readText('-') : text.startsWith('@') ? readText(text.slice(1)) : text;
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
