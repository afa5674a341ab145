import type { Command } from 'commander';
import { PlatformClient } from '../../client/platform.ts';
import { contextOf } from '../context.ts';
import { printOne } from '../output.ts';

/** `atelier authorize`: the preparation that everything else needs, once per region. */
export function addAuthorize(program: Command): void {
  program
    .command('authorize')
    .description('let the platform act for all users of the account, through a new agency (Common User); once')
    .option('--agency <suffix>', 'the agency is named ma_agency_<suffix>', 'default')
    .action(async (options: { agency: string }, command: Command) => {
      const context = contextOf(command);
      const client = new PlatformClient(context.session);
      const existing = (await client.authorizations()).find(entry => ['all', 'all-users'].includes(entry.user_id));
      if (existing) {
        printOne(context.format, { agency: existing.content, authorized: 'all users (it was there already)' });
        return;
      }
      const agency = await client.createAgency(options.agency);
      await client.authorizeAll(agency);
      printOne(context.format, { agency, authorized: 'all users' });
    });
}
