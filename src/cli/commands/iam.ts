import type { Command } from 'commander';
import { addLeaves } from '../leaves.ts';
import { agencyLeaves } from './iam/agencies.ts';
import { auditLeaves } from './iam/audit.ts';
import { authorizationLeaves } from './iam/authorizations.ts';
import { grantLeaves } from './iam/grants.ts';
import { policyLeaves } from './iam/policies.ts';
import { userLeaves } from './iam/users.ts';

const GROUPS = {
  user: 'IAM users',
  group: 'user groups and their members',
  policy: 'policies and roles',
  grant: 'who holds which policies where',
  agency: 'agencies: delegations to the platform or to another account',
  key: 'permanent access keys',
  project: 'projects of the account',
  authorization: 'by which agency the platform acts for whom',
};

/** `atelier iam …`: who may do what. */
export function addIam(program: Command): void {
  const iam = program.command('iam').description('who may do what: users, groups, policies, agencies, audit');
  addLeaves(iam, GROUPS, [
    ...userLeaves,
    ...policyLeaves,
    ...grantLeaves,
    ...agencyLeaves,
    ...authorizationLeaves,
    ...auditLeaves,
  ]);
}
