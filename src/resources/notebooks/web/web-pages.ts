import type { IncomingMessage } from 'node:http';

/** An answer of the proxy's own. */
export interface Page {
  status: number;
  title: string;
  text: string;
}

/** The same for one that is not there, does not run, or was left with an old link: nobody learns which instances exist. */
export const UNAUTHORIZED: Page = {
  status: 401,
  title: 'This notebook is closed',
  text: 'The link holds no valid token. A token is good for one run of an instance: once it was stopped and started again there is a new one. Open the instance from the console, or with the command: atelier notebook open <name>',
};

export const NOT_FOUND: Page = {
  status: 404,
  title: 'Nothing here',
  text: 'Notebooks are opened from the console or with the command: atelier notebook open <name>',
};

export const WRONG_HOST: Page = {
  status: 421,
  title: 'Unknown host name',
  text: 'The proxy of notebooks does not answer under this host name. ATELIER_NOTEBOOK_URL sets the address that it is reached at.',
};

export const CROSS_SITE: Page = {
  status: 403,
  title: 'Refused',
  text: 'A page of another site may not use a notebook on your behalf.',
};

export const UNREACHABLE: Page = {
  status: 502,
  title: 'The notebook does not answer',
  text: 'The instance runs, but its web server does not answer. It is started again by itself; try again in a moment. Its events and logs say more: atelier notebook logs <name>',
};

/** The answer as bytes, with its headers. */
export function render(page: Page, request: IncomingMessage): { headers: Record<string, string>; body: string } {
  const html = /text\/html/.test(request.headers.accept ?? '');
  const body = html
    ? `<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${escape(page.title)}</title><body style="font:16px/1.5 sans-serif;max-width:40em;margin:15vh auto;padding:0 1em"><h1>${escape(page.title)}</h1><p>${escape(page.text)}</p></body></html>`
    : `${page.title}: ${page.text}\n`;
  return {
    headers: {
      'content-type': `${html ? 'text/html' : 'text/plain'}; charset=utf-8`,
      'content-length': String(Buffer.byteLength(body)),
      'content-security-policy': "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
      'cache-control': 'no-store',
      'referrer-policy': 'no-referrer',
      'x-content-type-options': 'nosniff',
    },
    body,
  };
}

function escape(text: string): string {
  return text.replace(/[&<>"']/g, found => `&#${found.charCodeAt(0)};`);
}
