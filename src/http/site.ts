import { randomBytes } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import type { IncomingHttpHeaders } from 'node:http';
import { extname, join } from 'node:path';

export interface SiteAnswer {
  status: number;
  headers: Record<string, string>;
  body: Buffer | string;
}

/** Files for browsers. */
export interface Site {
  /** What the site has at this address, or undefined: then it is no address of the site. */
  answer(method: string, url: string, headers: IncomingHttpHeaders): Promise<SiteAnswer | undefined>;
}

const TYPES: Record<string, string> = {
  '.css': 'text/css; charset=utf-8',
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.woff2': 'font/woff2',
};
/** Compressed forms that the build leaves beside each file, the best first. */
const ENCODINGS = { br: '.br', gzip: '.gz' } as const;
/** Addresses of operations; pages have others, so that a mistyped call is told so. */
const OPERATIONS = /^\/(v\d[^/]*|console|internal)(\/|$)/;
const ASSETS = '/assets/';
const NONCE = '__NONCE__';

const PLAIN = {
  'Referrer-Policy': 'no-referrer',
  'X-Content-Type-Options': 'nosniff',
  'Cross-Origin-Resource-Policy': 'same-origin',
};

/** Nothing but what this server serves; styles that scripts write carry the nonce. */
function contentPolicy(nonce: string): string {
  return [
    "default-src 'none'",
    "script-src 'self'",
    `style-src 'self' 'nonce-${nonce}'`,
    "img-src 'self' data: blob:",
    "font-src 'self'",
    "connect-src 'self'",
    "form-action 'none'",
    "base-uri 'none'",
    "frame-ancestors 'none'",
  ].join('; ');
}

const NOT_BUILT = `<!doctype html><html lang="en"><title>Atelier</title>
<p>The console is not built. Start the platform with <code>./atelier up</code>, which builds it, and load this page again.</p>`;

/**
 * A single-page application below `dir`: `index.html` at every address of a page, files with a hash in their name below `assets`. Files are
 * read when they are first asked for and kept; names are those that the directory has, so no address leads out of it.
 */
export function createSite(dir: string): Site {
  let loaded: { page: string; names: Set<string> } | undefined;
  const files = new Map<string, Promise<Buffer>>();

  /** Looked for again until it is there, as a build may come later than the server. */
  function site(): typeof loaded {
    if (loaded) return loaded;
    try {
      const page = readFileSync(join(dir, 'index.html'), 'utf8');
      const names = readdirSync(dir, { recursive: true, encoding: 'utf8' }).map(
        name => `/${name.replaceAll('\\', '/')}`,
      );
      loaded = { page, names: new Set(names) };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
    return loaded;
  }

  function read(name: string): Promise<Buffer> {
    let file = files.get(name);
    if (!file) {
      file = readFile(join(dir, name));
      files.set(name, file);
      file.catch(() => files.delete(name));
    }
    return file;
  }

  function page(html: string): SiteAnswer {
    const nonce = randomBytes(16).toString('base64');
    return {
      status: 200,
      headers: {
        ...PLAIN,
        'Content-Type': TYPES['.html']!,
        'Cache-Control': 'no-store',
        'Content-Security-Policy': contentPolicy(nonce),
        'Cross-Origin-Opener-Policy': 'same-origin',
        'Permissions-Policy': 'camera=(), geolocation=(), microphone=(), payment=(), usb=()',
        'X-Frame-Options': 'DENY',
      },
      body: html.replaceAll(NONCE, nonce),
    };
  }

  return {
    async answer(method, url, headers) {
      if (method !== 'GET' && method !== 'HEAD') return undefined;
      const path = url.split('?')[0]!;
      if (OPERATIONS.test(path)) return undefined;
      const known = site();
      const type = TYPES[extname(path)];
      if (known && type && path !== '/index.html' && known.names.has(path)) {
        const accepted = String(headers['accept-encoding'] ?? '');
        const encoding = (['br', 'gzip'] as const).find(
          name =>
            new RegExp(`\\b${name}\\b(?!;q=0(\\.0*)?(,|$))`).test(accepted) && known.names.has(path + ENCODINGS[name]),
        );
        return {
          status: 200,
          headers: {
            ...PLAIN,
            'Content-Type': type,
            'Cache-Control': path.startsWith(ASSETS) ? 'public, max-age=31536000, immutable' : 'no-cache',
            Vary: 'Accept-Encoding',
            ...(encoding ? { 'Content-Encoding': encoding } : {}),
          },
          body: await read(encoding ? path + ENCODINGS[encoding] : path),
        };
      }
      // Whoever opens an address in a browser asks for a page; programs do not.
      if (path.startsWith(ASSETS) || !String(headers.accept ?? '').includes('text/html')) return undefined;
      return page(known?.page ?? NOT_BUILT);
    },
  };
}
