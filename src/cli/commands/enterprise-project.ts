import { Option } from 'commander';
import * as api from '../../resources/enterprise-projects/enterprise-project.api.ts';
import { calling, type Leaf } from '../leaves.ts';
import type { Names, Shown } from '../names.ts';

const theProject = [['<enterprise-project>', 'name or id; 0 is the default one']] as const;
const kind = new Option('--type <type>', 'production, or proof of concept').choices(['prod', 'poc']);
const description = ['--description <text>', 'what it is for'] as const;

const columns = {
  Name: (row: Shown) => row.name,
  Enabled: (row: Shown) => row.status === 1,
  Type: (row: Shown) => row.type,
  Description: (row: Shown) => row.description,
  Id: (row: Shown) => row.id,
};
const projectId = async (names: Names, [name]: readonly string[]) => ({
  params: { enterprise_project_id: (await names.enterpriseProject(name!)).id },
});

/** `atelier enterprise-project …` */
export const enterpriseProjectLeaves: readonly Leaf[] = [
  calling(api.listEnterpriseProjects, {
    words: 'list',
    example: 'enterprise-project list',
    pageSize: 1000,
    rows: answer => answer.enterprise_projects,
    columns,
  }),
  calling(api.showEnterpriseProject, {
    words: 'show',
    args: theProject,
    example: 'enterprise-project show production',
    input: projectId,
    one: answer => answer.enterprise_project,
  }),
  calling(api.createEnterpriseProject, {
    words: 'create',
    args: [['<name>', 'its name']],
    options: [description, kind],
    example: 'enterprise-project create production --type prod',
    input: (_names, [name], { description, type }) => ({
      body: { name: name!, ...(description ? { description } : {}), ...(type ? { type } : {}) },
    }),
    one: answer => answer.enterprise_project,
  }),
  calling(api.updateEnterpriseProject, {
    words: 'update',
    args: theProject,
    options: [['--name <name>', 'another name'], description, kind],
    example: 'enterprise-project update production --description "what customers see"',
    async input(names, [wanted], { name, description, type }) {
      const found = await names.enterpriseProject(wanted!);
      const body = {
        name: name ?? found.name,
        ...(description === undefined ? {} : { description }),
        ...(type ? { type } : {}),
      };
      return { params: { enterprise_project_id: found.id }, body };
    },
    one: answer => answer.enterprise_project,
  }),
  ...(['enable', 'disable'] as const).map(action =>
    calling(api.switchEnterpriseProject, {
      words: action,
      about:
        action === 'enable'
          ? 'let an enterprise project take new workspaces again'
          : 'let an enterprise project take no new workspaces; those it has go on',
      args: theProject,
      example: `enterprise-project ${action} production`,
      input: async (names, args) => ({ ...(await projectId(names, args)), body: { action } }),
      done: ([name]) => `Enterprise project ${name} is ${action}d.`,
    }),
  ),
  calling(api.showResourcesOfEnterpriseProject, {
    words: 'workspaces',
    args: theProject,
    example: 'enterprise-project workspaces production',
    input: async (names, args) => ({ ...(await projectId(names, args)), body: { resource_types: [] } }),
    rows: answer => answer.resources,
    columns: { Name: row => row.resource_name, Type: row => row.resource_type, Id: row => row.resource_id },
  }),
  calling(api.deleteEnterpriseProject, {
    words: 'delete',
    args: theProject,
    example: 'enterprise-project delete production',
    destroys: true,
    input: projectId,
    done: ([name]) => `Enterprise project ${name} is deleted.`,
  }),
];
