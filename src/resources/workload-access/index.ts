/**
 * How a user's container works with the rights of the user's agency: temporary credentials, kept fresh in files of the container,
 * and where it finds the platform. Used by every family whose containers run users' code for long.
 */
export { type AgencyCredential, type AgencyIam, AgencySessions } from './agency-sessions.ts';
export { canChown, ownedDirectory, WORKLOAD_OWNER, writeOwned } from './owned-files.ts';
export { CREDENTIALS_FILE, PLATFORM_DIR, READY_FILE, writeCredentials, writeReady } from './platform-files.ts';
export { attachScratch, detachScratch } from './scratch.ts';
