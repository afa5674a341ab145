/** A request as it is shown for programs. */
export interface ShownRequest {
  /** In full. */
  url: string;
  method: string;
  content:
    | { kind: 'none' }
    | { kind: 'json'; text: string }
    /** `file`: the name of a file beside the program. */
    | { kind: 'form'; fields: readonly { name: string; file?: string; text?: string }[] };
}

export const LANGUAGES = ['curl', 'Python', 'TypeScript'] as const;
export type Language = (typeof LANGUAGES)[number];

/** A program that sends the request with the token in the environment variable TOKEN. Whatever stands in the request stays text in it. */
export function snippet(language: Language, request: ShownRequest): string {
  switch (language) {
    case 'curl':
      return curl(request);
    case 'Python':
      return python(request);
    case 'TypeScript':
      return typescript(request);
  }
}

function curl({ url, method, content }: ShownRequest): string {
  const lines = [`curl -X ${method} ${shell(url)}`, '-H "X-Auth-Token: $TOKEN"'];
  if (content.kind === 'json') {
    lines.push(`-H 'Content-Type: application/json'`, `--data-raw ${shell(content.text)}`);
  }
  if (content.kind === 'form') {
    for (const { name, file, text = '' } of content.fields) {
      lines.push(
        file === undefined
          ? `--form-string ${shell(`${name}=${text}`)}`
          : `-F ${shell(`${name}=@"${file.replace(/["\\]/g, '\\$&')}"`)}`,
      );
    }
  }
  return lines.join(' \\\n  ');
}

function python({ url, method, content }: ShownRequest): string {
  const lines = ['import os', 'import requests', '', 'response = requests.request(', `    ${literal(method)},`];
  lines.push(`    ${literal(url)},`);
  const token = '"X-Auth-Token": os.environ["TOKEN"]';
  if (content.kind === 'json') {
    lines.push(`    headers={${token}, "Content-Type": "application/json"},`);
    lines.push(`    data=${literal(content.text)}.encode(),`);
  } else {
    lines.push(`    headers={${token}},`);
  }
  if (content.kind === 'form') {
    lines.push('    files={');
    for (const { name, file, text = '' } of content.fields) {
      const value = file === undefined ? `(None, ${literal(text)})` : `open(${literal(file)}, "rb")`;
      lines.push(`        ${literal(name)}: ${value},`);
    }
    lines.push('    },');
  }
  return [...lines, ')', 'print(response.status_code, response.text)'].join('\n');
}

function typescript({ url, method, content }: ShownRequest): string {
  const lines: string[] = [];
  let body = '';
  let type = '';
  if (content.kind === 'json') {
    body = literal(content.text);
    type = `, 'Content-Type': 'application/json'`;
  }
  if (content.kind === 'form') {
    if (content.fields.some(field => field.file !== undefined)) lines.push(`import { openAsBlob } from 'node:fs';`, '');
    lines.push('const form = new FormData();');
    for (const { name, file, text = '' } of content.fields) {
      const value = file === undefined ? literal(text) : `await openAsBlob(${literal(file)}), ${literal(file)}`;
      lines.push(`form.append(${literal(name)}, ${value});`);
    }
    body = 'form';
  }
  lines.push(
    `const response = await fetch(${literal(url)}, {`,
    `  method: ${literal(method)},`,
    `  headers: { 'X-Auth-Token': process.env.TOKEN!${type} },`,
    ...(body ? [`  body: ${body},`] : []),
    '});',
    'console.log(response.status, await response.text());',
  );
  return lines.join('\n');
}

/** One word of a POSIX shell. */
function shell(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

/** JSON's texts are Python's and JavaScript's too. */
function literal(text: string): string {
  return JSON.stringify(text);
}
