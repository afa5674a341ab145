import { Failure } from '../../kernel/failure.ts';

/** A grouping of an account's resources: workspaces are bound to one, and grants may count in one alone. */
export interface EnterpriseProject {
  id: string;
  name: string;
  description: string;
  type: EnterpriseProjectType;
  enabled: boolean;
  createdAt: number;
  updatedAt: number;
}

export type EnterpriseProjectType = 'prod' | 'poc';

/** Something that belongs to an enterprise project. */
export interface BoundResource {
  id: string;
  name: string;
  projectId: string;
  type: string;
}

/** Of an account, besides the default one. */
export const LIMIT = 100;
export const NAME_MAX = 255;
export const DESCRIPTION_MAX = 512;

/** The one that every account has, and that holds whatever is bound to no other. It cannot be changed. */
export const DEFAULT: EnterpriseProject = {
  id: '0',
  name: 'default',
  description: 'The enterprise project of everything that is bound to no other.',
  type: 'prod',
  enabled: true,
  createdAt: 0,
  updatedAt: 0,
};

/** Throws Failure 400 naming the field and the rule. */
export function checkFields(input: { name: string; description: string }): void {
  if (input.name.length > NAME_MAX || !/^[\p{L}\p{N}_-]+$/u.test(input.name)) {
    throw invalid(`Parameter [name] should have 1 to ${NAME_MAX} letters, digits, underscores (_) or hyphens (-).`);
  }
  if (input.name.toLowerCase() === DEFAULT.name) {
    throw invalid('Parameter [name] should not be "default" in any case: that is the one every account has.');
  }
  if (input.description.length > DESCRIPTION_MAX) {
    throw invalid(`Parameter [description] should have at most ${DESCRIPTION_MAX} characters.`);
  }
}

/** The reference names no codes of EPS: those of IAM stand in for them, as for its refusals everywhere. */
export function invalid(message: string, solution?: string): Failure {
  return new Failure({ code: 'IAM.0011', status: 400, message, ...(solution ? { solution } : {}) });
}

export function missing(id: string): Failure {
  return new Failure({
    code: 'IAM.0004',
    status: 404,
    message: `There is no enterprise project ${id.slice(0, 64)} in this account.`,
    solution: 'GET /v1.0/enterprise-projects lists them; "0" is the default one.',
  });
}

export function conflict(message: string, solution: string): Failure {
  return new Failure({ code: 'IAM.0009', status: 409, message, solution });
}
