import { spawn } from 'node:child_process';
import { createReadStream } from 'node:fs';
import type { Readable } from 'node:stream';
import { type BuildOptions, EngineRefused, type ImageInfo } from '../driver.ts';
import { type EngineClient, followProgress, LIBPOD } from './engine-client.ts';

/** Details of a local image, or undefined. */
export async function inspectImage(client: EngineClient, ref: string): Promise<ImageInfo | undefined> {
  const info = await client.askUnless(`the image ${ref}`, [404], () => client.quick.getImage(ref).inspect());
  if (info === undefined) return undefined;
  return {
    id: info.Id,
    names: info.RepoTags ?? [],
    sizeBytes: info.Size,
    user: info.Config?.User ?? '',
    labels: info.Config?.Labels ?? {},
    createdAt: Date.parse(info.Created) || 0,
    command: [...[info.Config?.Entrypoint ?? []].flat(), ...(info.Config?.Cmd ?? [])],
  };
}

/** Makes sure that the image is here, pulling it if it has a registry. Throws EngineRefused with the engine's reason. */
export async function ensureImage(
  client: EngineClient,
  ref: string,
  onProgress?: (line: string) => void,
): Promise<void> {
  if ((await inspectImage(client, ref)) !== undefined) return;
  if (ref.startsWith('localhost/')) {
    throw new EngineRefused(`the image ${ref}`, 'it is not on this machine and has no registry to pull it from');
  }
  const operation = `the pull of ${ref}`;
  const stream = await client.request<Readable>({
    operation,
    method: 'POST',
    path: '/images/create',
    query: { fromImage: ref },
    stream: true,
  });
  await followProgress(operation, stream, onProgress);
  if ((await inspectImage(client, ref)) === undefined) {
    throw new EngineRefused(operation, 'the engine ended the pull without an error, but the image is not there');
  }
}

/** Builds an image from a directory; the context goes to the engine as it is, `.dockerignore` included. */
export async function buildImage(client: EngineClient, options: BuildOptions): Promise<void> {
  const operation = `the build of ${options.ref}`;
  const tar = spawn('tar', ['--create', '--file=-', '--numeric-owner', `--directory=${options.contextDir}`, '.'], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let complaint = '';
  tar.stderr.on('data', data => {
    complaint = (complaint + String(data)).slice(-2000);
  });
  const packed = new Promise<number | null>((resolve, reject) => tar.on('error', reject).on('close', resolve));
  packed.catch(() => tar.stdout.destroy());
  try {
    const stream = await client.request<Readable>({
      operation,
      method: 'POST',
      path: '/build',
      query: {
        dockerfile: options.dockerfile,
        t: options.ref,
        rm: '1',
        forcerm: '1',
        buildargs: JSON.stringify(options.buildArgs ?? {}),
        labels: JSON.stringify(options.labels ?? {}),
        // Podman's own word: it keeps the image of every stage otherwise.
        ...(options.nothingKept ? { layers: '0' } : {}),
      },
      input: tar.stdout,
      stream: true,
    });
    await followProgress(operation, stream, options.onProgress);
  } finally {
    tar.kill();
  }
  const code = await packed;
  if (code !== 0 && code !== null) throw new EngineRefused(operation, `its context could not be read: ${complaint}`);
  if ((await inspectImage(client, options.ref)) === undefined) {
    throw new EngineRefused(operation, 'the engine ended the build without an error, but the image is not there');
  }
}

/** Imports a root file system as an image; `changes` are lines of a Dockerfile (`CMD …`, `ENV …`). */
export async function importImage(
  client: EngineClient,
  options: { tarFile: string; ref: string; changes?: string[] },
): Promise<void> {
  const operation = `the import of ${options.ref}`;
  const { engine } = await client.flavour();
  const changes = options.changes ?? [];
  const input = createReadStream(options.tarFile);
  await new Promise<void>((resolve, reject) => input.once('open', () => resolve()).once('error', reject)).catch(
    error => {
      throw new EngineRefused(operation, `${options.tarFile} cannot be read`, error);
    },
  );
  if (engine === 'podman') {
    // Podman's Docker-compatible import forgets the tag.
    await client.request({
      operation,
      method: 'POST',
      path: `${LIBPOD}/images/import`,
      query: { reference: options.ref, changes },
      input,
    });
    return;
  }
  const { repo, tag } = splitRef(options.ref);
  const stream = await client.request<Readable>({
    operation,
    method: 'POST',
    path: '/images/create',
    query: { fromSrc: '-', repo, tag, changes },
    input,
    stream: true,
  });
  await followProgress(operation, stream);
}

/**
 * Saves a container as an image that carries nothing of what it was started with, only what its image says and what was written. The
 * container stands still meanwhile; should the engine die there, the next saving sets it going again.
 */
export async function commitContainer(client: EngineClient, name: string, ref: string): Promise<void> {
  const operation = `saving ${name} as ${ref}`;
  const { repo, tag } = splitRef(ref);
  const container = client.patient.getContainer(name);
  const held = await client.ask(operation, () => container.inspect());
  const image = await client.ask(operation, () => client.quick.getImage(held.Image).inspect());
  const changes = plainConfig(held.Config, image.Config);
  const { engine } = await client.flavour();
  try {
    if (engine === 'podman') {
      await client.request({
        operation,
        method: 'POST',
        path: `${LIBPOD}/commit`,
        query: { container: name, repo, tag, pause: 'true', format: 'docker', changes },
      });
    } else {
      await client.ask(operation, () => container.commit({ repo, tag, pause: true, changes: changes.join('\n') }));
    }
  } finally {
    const after = await client.quick
      .getContainer(name)
      .inspect()
      .catch(() => undefined);
    if (after?.State.Paused) await client.ask(operation, () => container.unpause());
  }
}

interface ImageConfig {
  Env?: string[] | null;
  Labels?: Record<string, string> | null;
  Cmd?: string | string[] | null;
  Entrypoint?: string | string[] | null;
  User?: string;
  WorkingDir?: string;
}

/** Lines of a Dockerfile that undo what a container was started with. Variables and labels cannot be taken away, only emptied. */
function plainConfig(container: ImageConfig, image: ImageConfig): string[] {
  const variables = new Map((image.Env ?? []).map(each => nameAndValue(each)));
  const names = new Set([...variables.keys(), ...(container.Env ?? []).map(each => nameAndValue(each)[0])]);
  const labels = image.Labels ?? {};
  const list = (words: string | string[] | null | undefined) => JSON.stringify([words ?? []].flat());
  return [
    ...[...names].map(name => `ENV ${name}=${variables.get(name) ?? ''}`),
    ...Object.keys({ ...labels, ...container.Labels }).map(name => `LABEL ${name}=${labels[name] ?? ''}`),
    `ENTRYPOINT ${list(image.Entrypoint)}`,
    `CMD ${list(image.Cmd)}`,
    ...(image.User ? [`USER ${image.User}`] : ['USER 0']),
    `WORKDIR ${image.WorkingDir || '/'}`,
  ];
}

function nameAndValue(entry: string): [string, string] {
  const at = entry.indexOf('=');
  return at < 0 ? [entry, ''] : [entry.slice(0, at), entry.slice(at + 1)];
}

/** Removes a reference; harmless when absent. Refused while a container uses it. */
export async function removeImage(client: EngineClient, ref: string): Promise<void> {
  await client.askUnless(`removal of the image ${ref}`, [404], () => client.patient.getImage(ref).remove());
}

/** Repository and tag of a reference; the tag is `latest` when it has none. */
function splitRef(ref: string): { repo: string; tag: string } {
  const colon = ref.lastIndexOf(':');
  return colon > ref.lastIndexOf('/')
    ? { repo: ref.slice(0, colon), tag: ref.slice(colon + 1) }
    : { repo: ref, tag: 'latest' };
}
