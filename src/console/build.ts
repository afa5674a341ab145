import { readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';
import { build, type Plugin } from 'vite';
import { componentStylesPlugin } from './component-styles.ts';

/**
 * Builds the console into `dist/console`, each file with its compressed forms beside it. The launcher runs it when the sources changed. What
 * is served meanwhile stays whole: the new build takes the old one's place at the end.
 */
const root = import.meta.dirname;
const out = join(root, '../../dist/console');
const fresh = `${out}.new`;
const old = `${out}.old`;

/** What so many pages use is one file. */
const SHARED_BY = 14;

/** Of the page, which was given one for the styles that scripts write. */
const NONCE = "document.querySelector('meta[property=csp-nonce]')?.nonce";

/** What packages write of styles that the content policy would refuse, and what is written in its place. */
const STYLES: Record<string, readonly (readonly [found: RegExp, replaced: string])[]> = {
  'Dom/dynamicCSS.js': [[/document\.createElement\('style'\);/g, `$& styleNode.nonce = ${NONCE};`]],
  'xterm/lib/xterm.mjs': [
    [/[\w.]+\.createElement\("style"\)/g, `Object.assign($&,{nonce:${NONCE}})`],
    [/(\w)\.setAttribute\("style",`\$\{\w\.getAttribute\("style"\)\|\|""\}\$\{(\w)\};`\)/g, '$1.style.cssText+=$2'],
  ],
};

const withNonce: Plugin = {
  name: 'styles-with-nonce',
  transform(code, id) {
    const name = Object.keys(STYLES).find(end => id.endsWith(end));
    if (!name) return undefined;
    return STYLES[name]!.reduce((text, [found, replaced]) => {
      if (!found.test(text)) throw new Error(`${id} writes styles in another way than was known: see STYLES`);
      return text.replaceAll(found, replaced);
    }, code);
  },
};

await build({
  root,
  configFile: false,
  logLevel: 'warn',
  plugins: [withNonce, componentStylesPlugin()],
  build: {
    outDir: fresh,
    emptyOutDir: true,
    target: 'es2022',
    manifest: true,
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 2000,
    rolldownOptions: {
      output: {
        // Few files: each takes a turn over one of six connections.
        codeSplitting: {
          groups: [
            { name: 'base', tags: ['$initial'], priority: 2 },
            { name: 'shared', minShareCount: SHARED_BY, priority: 1 },
          ],
        },
      },
      onLog: (level, log, tell) => {
        // Of packages that are made for servers too; nothing of it matters here.
        if (log.code !== 'MODULE_LEVEL_DIRECTIVE') tell(level, log);
      },
    },
  },
});

for (const name of readdirSync(fresh, { recursive: true, encoding: 'utf8' })) {
  if (!/\.(js|css|svg)$/.test(name)) continue;
  const file = join(fresh, name);
  const bytes = readFileSync(file);
  writeFileSync(`${file}.gz`, gzipSync(bytes, { level: 9 }));
  const params = { [constants.BROTLI_PARAM_QUALITY]: 9, [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length };
  writeFileSync(`${file}.br`, brotliCompressSync(bytes, { params }));
}
rmSync(old, { recursive: true, force: true });
try {
  renameSync(out, old);
} catch (error) {
  if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
}
renameSync(fresh, out);
rmSync(old, { recursive: true, force: true });
