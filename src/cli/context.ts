import type { Command } from 'commander';
import type { ObsClient } from '../client/obs.ts';
import { Session } from '../client/session.ts';
import { operatorSession } from './operator.ts';
import type { OutputFormat } from './output.ts';
import { chooseProfile, journalsDirectory } from './profile.ts';

/** What every command that speaks to a platform needs, from the global options. */
export interface CommandContext {
  readonly session: Session;
  format: OutputFormat;
  /** No bars and no talk: results are for a program. */
  quiet: boolean;
  obs(): Promise<ObsClient>;
  /** A session of whoever runs the installation. */
  operator(): Session;
}

/** The context of a command being run. */
export function contextOf(command: Command): CommandContext {
  const options = command.optsWithGlobals<{ output: OutputFormat; profile?: string }>();
  let session: Session | undefined;
  return {
    // Some commands speak to nobody, and need no login.
    get session() {
      session ??= new Session(chooseProfile(options.profile));
      return session;
    },
    format: options.output,
    quiet: options.output === 'json',
    async obs() {
      const { ObsClient } = await import('../client/obs.ts');
      return new ObsClient(this.session.profile, { journals: journalsDirectory() });
    },
    operator: () => operatorSession(options.profile),
  };
}
