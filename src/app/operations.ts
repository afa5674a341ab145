import type { AnyOperation } from '../http/index.ts';
import { algorithmOperations } from '../resources/algorithms/index.ts';
import { auditOperations } from '../resources/audit/index.ts';
import { authorizationsOperations } from '../resources/authorizations/index.ts';
import { computeQuotasOperations } from '../resources/compute-quotas/index.ts';
import { consoleOperations } from '../resources/console/index.ts';
import { enterpriseProjectsOperations } from '../resources/enterprise-projects/index.ts';
import { iamOperations } from '../resources/iam/index.ts';
import { imagesOperations } from '../resources/images/index.ts';
import { keyPairsOperations } from '../resources/key-pairs/index.ts';
import { modelsOperations } from '../resources/models/index.ts';
import { networksOperations } from '../resources/networks/index.ts';
import { notebooksOperations } from '../resources/notebooks/index.ts';
import { poolsOperations } from '../resources/pools/index.ts';
import { servicesOperations } from '../resources/services/index.ts';
import { systemOperations } from '../resources/system/index.ts';
import { trainingOperations } from '../resources/training-jobs/index.ts';
import { workspacesOperations } from '../resources/workspaces/index.ts';

/** Every operation of the platform's API. */
export const allOperations: readonly AnyOperation[] = [
  ...systemOperations,
  ...iamOperations,
  ...consoleOperations,
  ...auditOperations,
  ...enterpriseProjectsOperations,
  ...workspacesOperations,
  ...authorizationsOperations,
  ...algorithmOperations,
  ...trainingOperations,
  ...modelsOperations,
  ...servicesOperations,
  ...imagesOperations,
  ...keyPairsOperations,
  ...notebooksOperations,
  ...computeQuotasOperations,
  ...poolsOperations,
  ...networksOperations,
];
