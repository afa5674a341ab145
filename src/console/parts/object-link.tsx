import { Link } from '@tanstack/react-router';

/** A path in a bucket (`/bucket/key`, `obs://bucket/key`) that leads into the file browser; a text that is none stays text. */
export function ObjectLink({ path }: { path: string }) {
  const [, bucket, key = ''] = /^(?:obs:\/\/|\/)([^/]+)\/?(.*)$/s.exec(path) ?? [];
  if (bucket === undefined) return path;
  const prefix = key.slice(0, key.lastIndexOf('/') + 1);
  const search = { ...(prefix ? { prefix } : {}), ...(key === prefix ? {} : { object: key }) };
  return (
    <Link to="/buckets/$bucketName" params={{ bucketName: bucket }} search={search}>
      {path}
    </Link>
  );
}
