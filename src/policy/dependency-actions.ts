import { type ActionTable, actionsOf } from './action-table.ts';

const TABLE: ActionTable = {
  aom: {
    alarm: 'list put',
    metric: 'get list',
  },
  bss: {
    balance: 'view',
    bill: 'view',
    contract: 'update',
    coupon: 'view',
    discount: 'view',
    order: 'pay update view',
    renewal: 'update view',
    unsubscribe: 'update',
  },
  ces: {
    metricData: 'list',
  },
  dli: {
    database: 'displayAllDatabases displayAllTables',
    jobs: 'create get list_all',
    table: 'describe_table',
  },
  dws: {
    openAPICluster: 'getDetail list',
  },
  ecs: {
    availabilityZones: 'list',
    serverKeyPairs: 'create delete get list',
  },
  iam: {
    agencies: 'getAgency listAgencies',
    credentials: 'listCredentials',
    projects: 'listProjects',
    quotas: 'listQuotasForProject',
    tokens: 'assume',
    users: 'listUsers',
  },
  ief: {
    IEFInstance: 'get list',
    application: 'get list',
    deployment: 'create delete get list update',
    group: 'get list listGroupInstanceState',
    node: 'createNodeCert get list listNodeCert',
  },
  lts: {
    groups: 'create list',
    logs: 'list',
    topics: 'create delete list',
  },
  mrs: {
    cluster: 'get list',
    file: 'list',
    job: 'batchDelete get list stop submit',
  },
  obs: {
    bucket:
      'CreateBucket DeleteBucketPolicy GetBucketAcl GetBucketCORS GetBucketLocation GetBucketPolicy HeadBucket ListAllMyBuckets ListBucket PutBucketAcl PutBucketCORS PutBucketPolicy',
    object:
      'AbortMultipartUpload DeleteObject DeleteObjectVersion GetObject GetObjectAcl GetObjectVersion GetObjectVersionAcl ListMultipartUploadParts ModifyObjectMetadata PutObject PutObjectAcl',
  },
  sfsturbo: {
    shares: 'addShareNic deleteShareNic getAllShares getShare listShareNics showShareNic',
  },
  smn: {
    topic: 'list publish',
  },
  swr: {
    instance: 'createTempCredential',
    repository: 'deleteRepository deleteTag getNamespace getRepository listNamespaces listRepositories listTags',
  },
  vpc: {
    networks: 'create delete get update',
    peerings: 'accept create delete get',
    ports: 'create delete get update',
    routeTables: 'get list update',
    routes: 'create delete get list',
    subnets: 'create delete get',
    vpcs: 'create delete get list',
  },
  vpcep: {
    endpoints: 'create delete get list',
  },
};

/**
 * What the functions of ModelArts need of other services: the union of the dependency and the minimum-agency tables
 * (behaviour/permissions.md 6 and 7). Creating agencies, which team labeling names, is left out: whoever may create one
 * may exceed his own policy.
 */
export const dependencyActions: readonly string[] = actionsOf(TABLE);
