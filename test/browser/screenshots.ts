import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { pages } from '../../src/console/pages.ts';
import { openBrowser } from './chromium.ts';
import { computeSamples, consoleWorld, identitySamples, sampleAlgorithm } from './console-world.ts';

/**
 * Takes pictures of every page in both languages and themes, to be looked at: `./atelier screenshots [directory]`; `docs/screenshots` when absent.
 */
const target = process.argv[2] ?? join(import.meta.dirname, '../../docs/screenshots');
mkdirSync(target, { recursive: true });
const world = await consoleWorld();
const compute = { ...(await computeSamples(world)), ...(await identitySamples(world)) };
const lines = Array.from({ length: 12 }, (_, at) => ({
  text: `epoch ${at + 1}/12 loss ${(0.9 / (at + 1)).toFixed(3)}`,
}));
const jobId = await world.train('digits', { runMs: 100, output: lines });
await world.train('digits-wrong-column', { runMs: 50, exitCode: 1, output: [{ text: 'KeyError: label' }] });
const modelId = await world.model('digits', '0.0.1');
await world.model('digits', '0.0.2');
const serviceId = await world.deploy('digits', modelId);
await world.train('digits-larger-batch', { output: lines });
for (const name of ['digits-four-nodes', 'digits-waits', 'digits-waits-too', 'digits-last'])
  await world.train(name, {});
const algorithmId = await sampleAlgorithm(world);
const samples: Record<string, string> = { jobId, modelId, serviceId, algorithmId, bucketName: 'digits', ...compute };

const browser = await openBrowser();
for (const language of ['en', 'zh']) {
  for (const theme of ['light', 'dark']) {
    const context = await browser.newContext({ viewport: { width: 1280, height: 800 } });
    await context.addInitScript(
      text => localStorage.setItem('atelier-console', text),
      JSON.stringify({ language, theme }),
    );
    const page = await context.newPage();
    const take = async (name: string) => {
      await page.getByRole('heading', { level: 1 }).waitFor();
      await page.waitForTimeout(700);
      await page.screenshot({ path: join(target, `${name}-${language}-${theme}.png`) });
    };
    await page.goto(world.api);
    await take('sign-in');
    for (const [at, value] of ['acme', 'acme', world.root.password].entries()) {
      await page.locator('form input').nth(at).fill(value);
    }
    await page.locator('form button').click();
    await page.locator('.frame').waitFor();
    for (const { path } of pages) {
      await page.goto(world.api + path.replace(/\$(\w+)/g, (_, name: string) => samples[name] ?? ''));
      await take(path.replace(/^\/$/, 'overview').replace(/^\//, '').replaceAll('/', '-').replaceAll('$', ''));
    }
    await context.close();
  }
}
await browser.close();
await world.remove();
process.stdout.write(`The pictures are in ${target}\n`);
