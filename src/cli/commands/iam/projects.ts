import * as catalogApi from '../../../resources/iam/catalog.api.ts';
import * as tokenApi from '../../../resources/iam/token.api.ts';
import { calling, type Leaf } from '../../leaves.ts';
import type { Shown } from '../../names.ts';

const shown = ({ project }: { project: unknown }) => {
  const { links, ...rest } = project as Shown;
  return rest;
};
const theProject = [['<project>', 'name or id']] as const;

/** `atelier iam project …`, `quota` */
export const projectLeaves: readonly Leaf[] = [
  calling(tokenApi.listProjects, {
    words: 'project list',
    example: 'iam project list',
    rows: answer => answer.projects,
    columns: {
      Name: project => project.name,
      Enabled: project => project.enabled,
      Description: project => project.description,
      Id: project => project.id,
    },
  }),
  calling(tokenApi.createProject, {
    words: 'project create',
    args: [['<name>', 'the region, _, and a name: local-1_research']],
    options: [['--description <text>', 'what it is for']],
    example: 'iam project create local-1_research',
    input: (_names, [name], { description }) => ({
      body: { project: { name: name!, ...(description ? { description } : {}) } },
    }),
    one: shown,
  }),
  calling(catalogApi.updateProject, {
    words: 'project update',
    args: theProject,
    options: [
      ['--name <name>', 'another name'],
      ['--description <text>', 'what it is for'],
    ],
    example: 'iam project update local-1_research --description "until June"',
    input: async (names, [wanted], { name, description }) => ({
      params: { project: (await names.project(wanted!)).id },
      body: { project: { ...(name ? { name } : {}), ...(description === undefined ? {} : { description }) } },
    }),
    one: shown,
  }),
  ...(['suspended', 'normal'] as const).map(status => {
    const word = status === 'normal' ? 'resume' : 'suspend';
    return calling(catalogApi.updateProjectStatus, {
      words: `project ${word}`,
      about:
        status === 'normal' ? 'let a project be used again' : 'refuse all use of a project; what runs in it runs on',
      args: theProject,
      example: `iam project ${word} local-1_research`,
      input: async (names, [wanted]) => ({
        params: { project: (await names.project(wanted!)).id },
        body: { project: { status } },
      }),
      done: ([name]) => `Project ${name} is ${status}.`,
    });
  }),
  calling(catalogApi.showDomainQuota, {
    words: 'quota',
    example: 'iam quota',
    input: async names => ({ params: { domain_id: await names.account() } }),
    rows: ({ quotas }) => (quotas as { resources: unknown[] }).resources,
    columns: { Kind: row => row.type, Used: row => row.used, Quota: row => row.quota },
  }),
];
