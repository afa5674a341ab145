import { Failure } from '../../kernel/failure.ts';
import { PREDICTION_BYTES, predict } from '../../resources/console/console.api.ts';
import { call } from '../call.ts';
import type { Api, ApiField } from './apis.ts';

/** What a person put in for one field of a form. */
export interface Given {
  text?: string;
  file?: File;
}

export type Content = { kind: 'none' } | { kind: 'json'; text: string } | { kind: 'form'; given: Map<string, Given> };

/** An answer of a service. */
export interface Answer {
  status: number;
  type: string;
  ms: number;
  bytes: Uint8Array<ArrayBuffer>;
}

/** Sends a request to a service by way of the server. `tooLarge`: what to say of a request that is too large for that. Throws Failure. */
export async function sendTo(serviceId: string, api: Api, content: Content, tooLarge: string): Promise<Answer> {
  const request = new Response(bodyOf(content));
  const bytes = new Uint8Array(await request.arrayBuffer());
  if (bytes.length > PREDICTION_BYTES) throw new Failure({ code: 'Console.TooLarge', status: 413, message: tooLarge });
  const type = content.kind === 'json' ? 'application/json' : request.headers.get('content-type');
  const answer = await call(predict, {
    body: {
      service_id: serviceId,
      path: api.url,
      method: api.method,
      ...(content.kind === 'none' ? {} : { content: base64(bytes), content_type: type ?? 'application/octet-stream' }),
    },
  });
  return {
    status: answer.status,
    type: answer.content_type,
    ms: answer.duration_ms,
    bytes: Uint8Array.from(atob(answer.content), letter => letter.charCodeAt(0)),
  };
}

/** The JSON that the fields of a form stand for, by their declared types; what was left empty is left out. */
export function jsonOf(fields: readonly ApiField[], given: ReadonlyMap<string, Given>): string {
  const members = fields.flatMap(({ name, type }) => {
    const text = given.get(name)?.text ?? '';
    return text === '' ? [] : [[name, type === 'string' ? text : parsed(text)] as const];
  });
  return JSON.stringify(Object.fromEntries(members), null, 2);
}

/** A number, truth value, list or object as it was typed; the text itself where it is none. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

function bodyOf(content: Content): BodyInit | null {
  if (content.kind === 'none') return null;
  if (content.kind === 'json') return content.text;
  const form = new FormData();
  for (const [name, { file, text }] of content.given) {
    if (file) form.append(name, file);
    else if (text) form.append(name, text);
  }
  return form;
}

function base64(bytes: Uint8Array): string {
  const parts: string[] = [];
  for (let at = 0; at < bytes.length; at += 0x8000) {
    parts.push(String.fromCharCode(...bytes.subarray(at, at + 0x8000)));
  }
  return btoa(parts.join(''));
}
