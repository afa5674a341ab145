import { type Profile, Session } from '../client/session.ts';
import { Failure } from '../kernel/failure.ts';

const DAY_SECONDS = 86_400;

/** Who a login is for, and how it is proved. */
type Proven = Omit<Profile, 'projectId'> & { token: string };

/** A login to save: with a token's project and temporary keys of the same rights, which OBS wants. Nothing in it outlives a day. */
export async function tokenProfile(proven: Proven): Promise<Profile> {
  const bare = new Session({ ...proven, projectId: '' });
  const projectId = await findProject(bare, proven.region);
  const identity = { methods: ['token'], token: { duration_seconds: DAY_SECONDS } };
  return { ...proven, projectId, key: await temporaryKey(bare, identity) };
}

/** A temporary key, by a token or by an agency. */
export async function temporaryKey(
  session: Session,
  identity: {
    methods: string[];
    token?: { duration_seconds: number };
    assume_role?: { agency_name: string; domain_name: string; duration_seconds?: number };
  },
) {
  const { createTemporaryKey } = await import('../resources/iam/token.api.ts'); // its schemas take a while to load
  const { credential } = await session.call(createTemporaryKey, { body: { auth: { identity } } });
  const { access, secret, securitytoken } = credential as Record<string, string>;
  return { access: access!, secret: secret!, securityToken: securitytoken! };
}

/** Id of the account's project of a region. Throws Failure when there is none. */
export async function findProject(session: Session, region: string): Promise<string> {
  const answer = await session.request('GET', '/v3/projects', { query: { name: region } });
  const { projects } = JSON.parse(answer.body.toString()) as { projects: { id: string; name: string }[] };
  const project = projects.find(candidate => candidate.name === region);
  if (project) return project.id;
  throw new Failure({
    code: 'Atelier.NoProject',
    status: 404,
    message: `The account has no project named ${region}.`,
    solution: "Name the platform's region with --region.",
  });
}
