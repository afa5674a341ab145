import { type IncomingHttpHeaders, validateHeaderName, validateHeaderValue } from 'node:http';
import type { Socket } from 'node:net';
import { type Address, parseAddress } from './address.ts';
import type { Dialect } from './dialect.ts';

/** The head of a request for an object. */
export interface PlainRequest {
  url: string;
  headers: IncomingHttpHeaders;
  socket: Socket;
}

/** Headers of an answer. */
export interface AnswerHeaders {
  pairs: [name: string, value: string][];
  /** As they go over the wire. */
  text: string;
}

/** An answer that asked for nothing but what the object store has at hand. */
export interface QuickAnswer {
  dialect: Dialect;
  headers: AnswerHeaders;
  body: Buffer;
}

/** Headers that ask for nothing besides, whatever the request is. */
export const PLAIN_HEADERS: ReadonlySet<string> = new Set(
  `accept accept-encoding accept-language amz-sdk-invocation-id amz-sdk-request authorization connection
  content-type date host keep-alive pragma referer user-agent x-amz-content-sha256 x-amz-date x-amz-security-token
  x-amz-user-agent x-obs-date x-obs-security-token`.split(/\s+/),
);
const PLAIN_PARAMETERS = new Set(
  `AccessKeyId AWSAccessKeyId Expires Signature X-Amz-Algorithm X-Amz-Content-Sha256 X-Amz-Credential X-Amz-Date
  X-Amz-Expires X-Amz-Security-Token X-Amz-Signature X-Amz-SignedHeaders x-amz-security-token x-id
  x-obs-security-token`.split(/\s+/),
);

/** The object that is asked for; undefined where the request has a header that is not `known`, or a query that asks for more. */
export function plainAddress(
  request: PlainRequest,
  known: (header: string) => boolean,
  domain: string,
): Address | undefined {
  const { url, headers } = request;
  for (const name in headers) if (!known(name)) return undefined;
  const address = parseAddress(url, headers.host, domain);
  if (address.website || address.bucket === '' || address.key === '') return undefined;
  for (const name of address.query.keys()) if (!PLAIN_PARAMETERS.has(name)) return undefined;
  return address;
}

/** Throws what Node throws of a header that no answer may have. */
export function answerHeaders(headers: Record<string, string>): AnswerHeaders {
  const pairs = Object.entries(headers);
  for (const [name, value] of pairs) {
    validateHeaderName(name);
    validateHeaderValue(name, value);
  }
  return { pairs, text: pairs.map(([name, value]) => `${name}: ${value}\r\n`).join('') };
}
