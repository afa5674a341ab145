import type { Operation } from '../../wire/operation.ts';
import * as accounts from './account.api.ts';
import * as assignments from './assignment.api.ts';
import * as catalog from './catalog.api.ts';
import * as explain from './explain.api.ts';
import * as grants from './grant.api.ts';
import * as policies from './policy.api.ts';
import * as providers from './provider.api.ts';
import * as tokens from './token.api.ts';
import * as users from './user.api.ts';

/** Every operation of the family. */
export const iamOperations = [
  ...Object.values(accounts),
  ...Object.values(catalog),
  ...Object.values(tokens),
  ...Object.values(users),
  ...Object.values(policies),
  ...Object.values(assignments),
  ...Object.values(explain),
  ...Object.values(providers),
  ...Object.values(grants).flatMap(set => Object.values(set)),
] as unknown as readonly Operation[];
