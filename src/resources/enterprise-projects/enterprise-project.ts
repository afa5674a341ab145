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
    throw badName(`Parameter [name] should have 1 to ${NAME_MAX} letters, digits, underscores (_) or hyphens (-).`);
  }
  if (input.name.toLowerCase() === DEFAULT.name) {
    throw badName('Parameter [name] should not be "default" in any case: that is the one every account has.');
  }
  if (input.description.length > DESCRIPTION_MAX) {
    throw badDescription(`Parameter [description] should have at most ${DESCRIPTION_MAX} characters.`);
  }
}

/** Codes are those of EPS' API reference, its list of error codes. */
const failure = (code: string, status: number) => (message: string, solution?: string) =>
  new Failure({ code, status, message, ...(solution ? { solution } : {}) });

const badName = failure('EPS.0007', 400);
const badDescription = failure('EPS.0008', 400);
export const overLimit = failure('EPS.0009', 400);
export const nameTaken = failure('EPS.0010', 409);
/** For what would change the default one. */
export const unchangeable = failure('EPS.0012', 400);
export const invalid = failure('EPS.0002', 400);
/** No code of the list says that something is bound to it. */
export const inUse = failure('EPS.0002', 409);

export function missing(id: string): Failure {
  return failure('EPS.0005', 404)(
    `There is no enterprise project ${id.slice(0, 64)} in this account.`,
    'GET /v1.0/enterprise-projects lists them; "0" is the default one.',
  );
}
