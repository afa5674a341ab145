import type { ComponentType } from 'react';
import type { TextKey } from './texts/index.ts';

/** Areas of the menu, as ModelArts orders them. */
export const areas = ['overview', 'training'] as const;
export type Area = (typeof areas)[number];

export interface Page {
  /** Parameters with a dollar sign, as the router has them. */
  path: string;
  area: Area;
  title: TextKey;
  /** Where it has its own place in the menu. */
  menu?: true;
  load: () => Promise<{ default: ComponentType }>;
}

/** Every page but the sign-in. The router, the menu and the tests are made of this list. */
export const pages: readonly Page[] = [
  { path: '/', area: 'overview', title: 'overview', menu: true, load: () => import('./pages/overview.tsx') },
  {
    path: '/training/jobs',
    area: 'training',
    title: 'trainingJobs',
    menu: true,
    load: () => import('./pages/training-jobs.tsx'),
  },
  {
    path: '/training/jobs/create',
    area: 'training',
    title: 'createTrainingJob',
    load: () => import('./pages/create-training-job.tsx'),
  },
  {
    path: '/training/jobs/$jobId',
    area: 'training',
    title: 'trainingJob',
    load: () => import('./pages/training-job.tsx'),
  },
];
