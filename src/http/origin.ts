import type { IncomingHttpHeaders } from 'node:http';

/** Whether a request comes from a page of this server, or from no page: programs send no `Origin`. */
export function isOwnOrigin({ origin, host }: Pick<IncomingHttpHeaders, 'origin' | 'host'>): boolean {
  return origin === undefined || (URL.canParse(origin) && new URL(origin).host === host);
}
