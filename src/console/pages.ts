import type { TextKey } from './texts/en.ts';

/** Areas of the menu, as ModelArts orders them. */
export const areas = [
  'overview',
  'devEnviron',
  'training',
  'aiApplicationManagement',
  'serviceDeployment',
  'objectStorage',
  'resources',
  'settings',
  'iam',
] as const;
export type Area = (typeof areas)[number];

export interface Page {
  /** Parameters with a dollar sign, as the router has them. */
  path: string;
  /** Name of the file in `pages/`, which is loaded when the page is first opened. */
  file: string;
  area: Area;
  title: TextKey;
  /** Where it has its own place in the menu. */
  menu?: true;
}

/** Every page but the sign-in. The router, the menu and the tests are made of this list. */
export const pages: readonly Page[] = [
  { path: '/', file: 'overview', area: 'overview', title: 'overview', menu: true },
  { path: '/notebooks', file: 'notebooks', area: 'devEnviron', title: 'notebooks', menu: true },
  { path: '/notebooks/create', file: 'create-notebook', area: 'devEnviron', title: 'createNotebook' },
  { path: '/notebooks/$notebookId', file: 'notebook', area: 'devEnviron', title: 'notebook' },
  { path: '/images', file: 'images', area: 'devEnviron', title: 'images', menu: true },
  { path: '/training/algorithms', file: 'algorithms', area: 'training', title: 'algorithms', menu: true },
  { path: '/training/algorithms/create', file: 'create-algorithm', area: 'training', title: 'createAlgorithm' },
  { path: '/training/algorithms/$algorithmId', file: 'algorithm', area: 'training', title: 'algorithm' },
  { path: '/training/algorithms/$algorithmId/edit', file: 'edit-algorithm', area: 'training', title: 'editAlgorithm' },
  { path: '/training/jobs', file: 'training-jobs', area: 'training', title: 'trainingJobs', menu: true },
  { path: '/training/jobs/create', file: 'create-training-job', area: 'training', title: 'createTrainingJob' },
  { path: '/training/jobs/$jobId', file: 'training-job', area: 'training', title: 'trainingJob' },
  { path: '/models', file: 'models', area: 'aiApplicationManagement', title: 'models', menu: true },
  { path: '/models/create', file: 'create-model', area: 'aiApplicationManagement', title: 'createModel' },
  { path: '/models/$modelId', file: 'model', area: 'aiApplicationManagement', title: 'model' },
  { path: '/services', file: 'services', area: 'serviceDeployment', title: 'services', menu: true },
  { path: '/services/deploy', file: 'deploy-service', area: 'serviceDeployment', title: 'deployService' },
  { path: '/services/$serviceId', file: 'service', area: 'serviceDeployment', title: 'service' },
  { path: '/services/$serviceId/update', file: 'update-service', area: 'serviceDeployment', title: 'updateService' },
  { path: '/buckets', file: 'buckets', area: 'objectStorage', title: 'buckets', menu: true },
  { path: '/buckets/$bucketName', file: 'bucket', area: 'objectStorage', title: 'bucket' },
  { path: '/pools', file: 'pools', area: 'resources', title: 'pools', menu: true },
  { path: '/pools/create', file: 'create-pool', area: 'resources', title: 'createPool' },
  { path: '/pools/$poolId', file: 'pool', area: 'resources', title: 'pool' },
  { path: '/networks', file: 'networks', area: 'resources', title: 'networks', menu: true },
  { path: '/networks/$networkId', file: 'network', area: 'resources', title: 'network' },
  {
    path: '/settings/global-configuration',
    file: 'global-configuration',
    area: 'settings',
    title: 'globalConfiguration',
    menu: true,
  },
  { path: '/workspaces', file: 'workspaces', area: 'settings', title: 'workspaces', menu: true },
  { path: '/workspaces/$workspaceId', file: 'workspace', area: 'settings', title: 'workspace' },
  { path: '/iam/users', file: 'users', area: 'iam', title: 'users', menu: true },
  { path: '/iam/users/$userId', file: 'user', area: 'iam', title: 'iamUser' },
  { path: '/iam/groups', file: 'groups', area: 'iam', title: 'userGroups', menu: true },
  { path: '/iam/groups/$groupId', file: 'group', area: 'iam', title: 'userGroup' },
  { path: '/iam/policies', file: 'policies', area: 'iam', title: 'policies', menu: true },
  { path: '/iam/policies/create', file: 'create-policy', area: 'iam', title: 'createPolicy' },
  { path: '/iam/policies/$policyId', file: 'policy', area: 'iam', title: 'policy' },
  { path: '/iam/agencies', file: 'agencies', area: 'iam', title: 'agencies', menu: true },
  { path: '/iam/agencies/$agencyId', file: 'agency', area: 'iam', title: 'agency' },
  {
    path: '/iam/enterprise-projects',
    file: 'enterprise-projects',
    area: 'iam',
    title: 'enterpriseProjects',
    menu: true,
  },
  { path: '/iam/access-keys', file: 'access-keys', area: 'iam', title: 'myAccessKeys', menu: true },
  { path: '/iam/simulator', file: 'simulator', area: 'iam', title: 'simulator', menu: true },
  { path: '/iam/why', file: 'why', area: 'iam', title: 'whyDenied' },
  { path: '/iam/audit', file: 'audit', area: 'iam', title: 'audit', menu: true },
];
