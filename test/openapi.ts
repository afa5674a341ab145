import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import packageInfo from '../package.json' with { type: 'json' };
import { allOperations } from '../src/app/operations.ts';
import { openApi } from '../src/wire/openapi.ts';

/** Writes docs/openapi.json from the operations; with --check it only tells whether the file is current. */
const file = join(import.meta.dirname, '..', 'docs', 'openapi.json');
const document = `${JSON.stringify(openApi(allOperations, { title: 'Atelier', version: packageInfo.version }), null, 2)}\n`;
if (process.argv.includes('--help')) {
  process.stdout.write(
    'Usage: ./atelier openapi [--check]\n\nWrites docs/openapi.json from the operations; --check only tells whether it is current.\n',
  );
} else if (process.argv.includes('--check')) {
  if (existsSync(file) && readFileSync(file, 'utf8') === document) {
    process.stdout.write(`docs/openapi.json describes the ${allOperations.length} operations as they are.\n`);
  } else {
    process.stderr.write('docs/openapi.json is out of date. Run: ./atelier openapi\n');
    process.exit(1);
  }
} else {
  writeFileSync(file, document);
  process.stdout.write(`docs/openapi.json: ${allOperations.length} operations.\n`);
}
