import { createRequire } from 'node:module';
import { S3Client, type S3ClientConfig } from '@aws-sdk/client-s3';
import { REGION } from './world.fixture.ts';

const ObsClient = createRequire(import.meta.url)('esdk-obs-nodejs');

/** An access key, as identity issues them. */
export interface Key {
  access: string;
  secret: string;
  securityToken?: string;
}

/** AWS' client for a store at `endpoint`; the caller destroys it. `more` goes before what it has otherwise. */
export function s3Client(endpoint: string, key: Key, more: S3ClientConfig = {}): S3Client {
  return new S3Client({
    endpoint,
    region: REGION,
    forcePathStyle: true,
    maxAttempts: 1,
    credentials: {
      accessKeyId: key.access,
      secretAccessKey: key.secret,
      ...(key.securityToken ? { sessionToken: key.securityToken } : {}),
    },
    ...more,
  });
}

/** OBS' client for a store at `server`; the caller closes it. It is ready a turn of the event loop later. */
// biome-ignore lint/suspicious/noExplicitAny: the package has no types
export function esdkClient(server: string, key: Key, more: object = {}): any {
  return new ObsClient({
    access_key_id: key.access,
    secret_access_key: key.secret,
    ...(key.securityToken ? { security_token: key.securityToken } : {}),
    server,
    region: REGION,
    ...more,
  });
}
