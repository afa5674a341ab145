import { benchAdmission } from './admission.ts';
import { benchAuthorization } from './authorization.ts';
import { benchConsole } from './console.ts';
import { benchGateway } from './gateway.ts';
import { benchJob } from './job.ts';
import { benchLive } from './live.ts';
import { benchNotebook } from './notebook.ts';
import { benchObjects } from './objects.ts';
import { benchPolicy } from './policy.ts';
import { printReport, type Report } from './report.ts';
import { benchServer } from './server.ts';

/**
 * Measures what the README states. Each figure is a ratio against a peer, or the physical limit, in the same run.
 * `./atelier bench [server|objects|job|notebook|gateway|authorization|policy|admission|live|console …] [--json]`
 */
const benches: Record<string, () => Promise<Report>> = {
  server: benchServer,
  objects: benchObjects,
  job: benchJob,
  notebook: benchNotebook,
  gateway: benchGateway,
  authorization: benchAuthorization,
  policy: benchPolicy,
  admission: benchAdmission,
  live: benchLive,
  console: benchConsole,
};

const args = process.argv.slice(2);
const names = args.filter(arg => !arg.startsWith('-'));
const unknown = names.filter(name => !benches[name]);
if (args.includes('--help') || unknown.length > 0) {
  process.stdout.write(`Usage: ./atelier bench [${Object.keys(benches).join('|')} ...] [--json]\n`);
  process.exit(unknown.length > 0 ? 2 : 0);
}
const reports: Report[] = [];
for (const name of names.length > 0 ? names : Object.keys(benches)) {
  if (!args.includes('--json')) process.stdout.write(`\n━━ ${name}\n`);
  const report = await benches[name]!();
  reports.push(report);
  if (!args.includes('--json')) printReport(report);
}
if (args.includes('--json')) process.stdout.write(`${JSON.stringify(reports, null, 2)}\n`);
process.exit(0);
