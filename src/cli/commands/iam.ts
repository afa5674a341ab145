import type { Leaf } from '../leaves.ts';
import { agencyLeaves } from './iam/agencies.ts';
import { auditLeaves } from './iam/audit.ts';
import { authorizationLeaves } from './iam/authorizations.ts';
import { explainLeaves } from './iam/explain.ts';
import { grantLeaves } from './iam/grants.ts';
import { groupLeaves } from './iam/groups.ts';
import { keyLeaves } from './iam/keys.ts';
import { policyLeaves } from './iam/policies.ts';
import { projectLeaves } from './iam/projects.ts';
import { providerLeaves } from './iam/providers.ts';
import { userLeaves } from './iam/users.ts';

/** What the groups of commands below `atelier iam` are. */
export const iamGroups = {
  user: 'IAM users',
  token: 'tokens',
  group: 'user groups and their members',
  policy: 'policies and roles',
  grant: 'who holds which policies where',
  agency: 'agencies: delegations to the platform or to another account',
  key: 'permanent access keys',
  project: 'projects of the account',
  authorization: 'by which agency the platform acts for whom',
  provider: 'identity providers: users who log in elsewhere',
  mapping: 'who the users of identity providers are here, and in which groups',
};

/** `atelier iam …` */
export const iamLeaves: readonly Leaf[] = [
  ...userLeaves,
  ...groupLeaves,
  ...policyLeaves,
  ...grantLeaves,
  ...projectLeaves,
  ...agencyLeaves,
  ...keyLeaves,
  ...authorizationLeaves,
  ...providerLeaves,
  ...explainLeaves,
  ...auditLeaves,
];
