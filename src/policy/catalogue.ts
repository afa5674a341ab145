import { type ActionTable, actionsOf } from './action-table.ts';
import { dependencyActions } from './dependency-actions.ts';

const ROLE_PLACES = ['GroupOnDomain', 'GroupOnProject', 'Group', 'AgencyOnDomain', 'AgencyOnProject', 'Agency'];

const TABLE: ActionTable = {
  modelarts: {
    aiAlgorithm: 'create delete get list update',
    authorization: 'create delete list',
    dataAnnotation: 'create delete get list update',
    dataset: `listDatasets createDataset getDataset updateDataset deleteDataset delete createDatasetVersion
      deleteDatasetVersion createExportTask createImportTask listWorkforceTasks createWorkforceTask getWorkforceTask
      updateWorkforceTask deleteWorkforceTask`,
    exemlProject: 'create delete get list update',
    exemlProjectInf: 'create',
    exemlProjectTrain: 'create',
    exemlProjectVersion: 'delete',
    image: 'create delete get list listGroup register',
    model: 'create delete get list update',
    network: 'create delete get list update',
    nodeservice: 'create delete get list update',
    notebook: `create delete get list update start stop updateStopPolicy listAllNotebooks listMountedStorages
      mountStorage getMountedStorage umountStorage access action`,
    pool: 'create delete get list update',
    processTask: `listProcessTasks createProcessTask getProcessTask updateProcessTask deleteProcessTask listWorkforce
      createWorkforce getWorkforce updateWorkforce`,
    sample: 'addSamples deleteSamples getSample listSamples',
    service: 'create delete get list update action getMonitor getLogs getEvents',
    tag: 'list',
    tensorboard: 'create delete get list update',
    trainConfig: 'create delete get list update',
    trainJob: 'create delete get list update exec logExport previewLog setHighPriority',
    trainJobInnerModel: 'list',
    trainJobLog: 'get list',
    trainJobVersion: 'create delete get list stop',
    workflow: 'create delete get list update',
    workspace: 'create delete get list update getQuotas updateQuotas',
  },
  iam: {
    agencies: 'assume createAgency deleteAgency getAgency listAgencies updateAgency',
    credentials: 'createCredential deleteCredential getCredential listCredentials updateCredential',
    groups: 'createGroup deleteGroup getGroup listGroups listGroupsForUser updateGroup',
    permissions: [
      'addUserToGroup checkUserInGroup removeUserFromGroup',
      ...ROLE_PLACES.flatMap(place => [`checkRoleFor${place} grantRoleTo${place}`]),
      ...ROLE_PLACES.flatMap(place => [`listRolesFor${place} revokeRoleFrom${place}`]),
    ].join(' '),
    projects: 'createProject listProjects listProjectsForUser updateProject',
    quotas: 'listQuotas listQuotasForProject',
    roles: 'createRole deleteRole getRole listRoles updateRole',
    tokens: 'assume',
    users: 'createUser deleteUser getUser listUsers listUsersForGroup updateUser',
  },
  obs: {
    bucket: `CreateBucket DeleteBucket HeadBucket ListAllMyBuckets ListBucket ListBucketVersions
      ListBucketMultipartUploads GetBucketLocation GetBucketStorage GetBucketAcl PutBucketAcl GetBucketPolicy
      PutBucketPolicy DeleteBucketPolicy GetBucketPolicyPublicStatus GetBucketPublicStatus
      GetBucketPublicAccessBlock PutBucketPublicAccessBlock DeleteBucketPublicAccessBlock GetBucketCORS PutBucketCORS GetBucketQuota PutBucketQuota GetBucketTagging
      PutBucketTagging DeleteBucketTagging GetBucketVersioning PutBucketVersioning GetBucketLogging PutBucketLogging
      GetBucketNotification PutBucketNotification GetBucketWebsite PutBucketWebsite DeleteBucketWebsite
      GetBucketStoragePolicy PutBucketStoragePolicy GetLifecycleConfiguration PutLifecycleConfiguration
      GetEncryptionConfiguration PutEncryptionConfiguration GetBucketRequestPayment PutBucketRequestPayment
      GetDirectColdAccessConfiguration PutDirectColdAccessConfiguration DeleteDirectColdAccessConfiguration`,
    object: `GetObject GetObjectVersion GetObjectAcl GetObjectVersionAcl PutObject PutObjectAcl PutObjectVersionAcl
      DeleteObject DeleteObjectVersion ListMultipartUploadParts AbortMultipartUpload ModifyObjectMetadata
      RestoreObject GetObjectTagging PutObjectTagging DeleteObjectTagging`,
  },
  eps: {
    enterpriseProjects: 'create get list update enable disable',
  },
  smn: {
    topic: 'create delete get list publish update',
  },
  swr: {
    instance: 'createTempCredential',
    repository: `createRepository deleteRepository getRepository listRepositories updateRepository getNamespace
      listNamespaces listTags deleteTag download upload`,
  },
};

/**
 * Actions that exist: those the reference names for ModelArts and for the services it leans on (behaviour/permissions.md
 * 4 to 7); resource types that it names without their actions have the usual five. For ParseOptions.knownActions,
 * together with those of the platform's own operations.
 */
export const catalogueActions: readonly string[] = [...new Set([...actionsOf(TABLE), ...dependencyActions])];
