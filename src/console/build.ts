import { readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';
import { build, type Plugin } from 'vite';

/**
 * Builds the console into `dist/console`, each file with its compressed forms beside it. The launcher runs it when the sources changed. What
 * is served meanwhile stays whole: the new build takes the old one's place at the end.
 */
const root = import.meta.dirname;
const out = join(root, '../../dist/console');
const fresh = `${out}.new`;
const old = `${out}.old`;

/** Some styles of Ant Design are written without the nonce that the page was given for them. */
const withNonce: Plugin = {
  name: 'styles-with-nonce',
  transform(code, id) {
    if (!id.endsWith('Dom/dynamicCSS.js')) return undefined;
    const made = "document.createElement('style');";
    if (!code.includes(made))
      throw new Error(`${id} makes styles in another way than was known: see withNonce in build.ts`);
    return code.replace(made, `${made} styleNode.nonce = document.querySelector('meta[property=csp-nonce]')?.nonce;`);
  },
};

await build({
  root,
  configFile: false,
  logLevel: 'warn',
  plugins: [withNonce],
  build: {
    outDir: fresh,
    emptyOutDir: true,
    target: 'es2022',
    manifest: true,
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 2000,
    rolldownOptions: {
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
