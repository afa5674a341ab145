/** What all operations of training have in common. */
export const training = {
  family: 'training-jobs',
  errors: 'modelarts',
  /** behaviour/permissions.md 1: another project's URL is a 404 on training routes. */
  projectMismatch: { code: 'ModelArts.2786', status: 404 },
  /** behaviour/permissions.md 9. */
  workspaceErrors: {
    missing: { code: 'ModelArts.2891', status: 400 },
    denied: { code: 'ModelArts.2838', status: 400 },
  },
} as const;

/** What operations on one job have in common. */
export const oneJob = { ...training, target: { kind: 'training-job', param: 'training_job_id' } } as const;
