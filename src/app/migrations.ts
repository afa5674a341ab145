import { admissionMigrations } from '../admission/index.ts';
import { algorithmMigrations } from '../resources/algorithms/index.ts';
import { auditMigrations } from '../resources/audit/index.ts';
import { authorizationsMigrations } from '../resources/authorizations/index.ts';
import { consoleMigrations } from '../resources/console/index.ts';
import { enterpriseProjectsMigrations } from '../resources/enterprise-projects/index.ts';
import { iamMigrations } from '../resources/iam/index.ts';
import { imagesMigrations } from '../resources/images/index.ts';
import { keyPairsMigrations } from '../resources/key-pairs/index.ts';
import { modelsMigrations } from '../resources/models/index.ts';
import { networksMigrations } from '../resources/networks/index.ts';
import { notebooksMigrations, portMigrations, storageMigrations } from '../resources/notebooks/index.ts';
import { objectsMigrations } from '../resources/objects/index.ts';
import { poolsMigrations } from '../resources/pools/index.ts';
import { servicesMigrations } from '../resources/services/index.ts';
import { trainingMigrations } from '../resources/training-jobs/index.ts';
import { workspacesMigrations } from '../resources/workspaces/index.ts';
import type { Migration } from '../store-kit/index.ts';

/** The whole schema: every family's steps. */
export const allMigrations: readonly Migration[] = [
  ...iamMigrations,
  ...objectsMigrations,
  ...authorizationsMigrations,
  ...algorithmMigrations,
  ...trainingMigrations,
  ...modelsMigrations,
  ...servicesMigrations,
  ...admissionMigrations,
  ...auditMigrations,
  ...enterpriseProjectsMigrations,
  ...workspacesMigrations,
  ...networksMigrations,
  ...poolsMigrations,
  ...imagesMigrations,
  ...keyPairsMigrations,
  ...notebooksMigrations,
  ...portMigrations,
  ...storageMigrations,
  ...consoleMigrations,
];
