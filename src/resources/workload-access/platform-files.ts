import type { AgencyCredential } from './agency-sessions.ts';
import { writeOwned } from './owned-files.ts';

/** Where the platform's own files lie in a container: read-only there, replaced from outside. */
export const PLATFORM_DIR = '/run/modelarts/platform';
/** What MA_CREDENTIALS_FILE names (runtimes/python/moxing/credentials.py). */
export const CREDENTIALS_FILE = `${PLATFORM_DIR}/credentials.json`;
/** Assignments by which a waiting launcher is told where the platform is; it goes on once the file is there. */
export const READY_FILE = `${PLATFORM_DIR}/ready.env`;

/** The file behind MA_CREDENTIALS_FILE, to be rewritten before the credential in it expires. */
export async function writeCredentials(dir: string, credential: AgencyCredential): Promise<void> {
  await writeOwned(
    dir,
    'credentials.json',
    `${JSON.stringify({
      access: credential.access,
      secret: credential.secret,
      securitytoken: credential.securityToken,
      expires_at: new Date(credential.expiresAt).toISOString(),
    })}\n`,
  );
}

/** Tells the waiting launcher where the platform is, with which credential, and whatever `more` it needs. */
export async function writeReady(
  dir: string,
  at: { api: string; obs: string; region: string; credential: AgencyCredential },
  more: Record<string, string> = {},
): Promise<void> {
  const { api, obs, region, credential } = at;
  await writeOwned(
    dir,
    'ready.env',
    assignments({
      MA_APIGW_ENDPOINT: api,
      S3_ENDPOINT: obs,
      AWS_ENDPOINT_URL: obs,
      AWS_ENDPOINT_URL_S3: obs,
      MA_REGION: region,
      AWS_REGION: region,
      AWS_DEFAULT_REGION: region,
      AWS_ACCESS_KEY_ID: credential.access,
      AWS_SECRET_ACCESS_KEY: credential.secret,
      AWS_SESSION_TOKEN: credential.securityToken,
      ...more,
    }),
  );
}

/** Assignments for a shell: what the user set keeps its value. */
function assignments(values: Record<string, string>): string {
  return Object.entries(values)
    .map(([name, value]) => `[ -n "\${${name}+x}" ] || export ${name}='${value.replaceAll("'", `'\\''`)}'\n`)
    .join('');
}
