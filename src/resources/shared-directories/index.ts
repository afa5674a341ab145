/**
 * Directories of this machine that several containers share, as those of SFS Turbo are elsewhere: the operator says which there are and
 * whose they are, users name them when they create an instance or a job.
 */

export {
  type SharedDirectory,
  type SharedField,
  type SharedPlace,
  sharedDirectoryId,
  shownPlace,
} from './shared-directory.ts';
export { closeSharedMounts, createSharedDirectories, type SharedDirectories } from './shared-mounts.ts';
