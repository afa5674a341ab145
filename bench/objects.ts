import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { signUrl } from '../src/resources/objects/sign-url.ts';
import { createInstallation } from '../test/e2e/installation.ts';
import type { SignUrl } from './objects-kit.ts';
import { benchLarge, benchMemory } from './objects-large.ts';
import { benchListing } from './objects-listing.ts';
import { benchPeer } from './objects-peer.ts';
import { benchSmall } from './objects-small.ts';
import type { Figure, Report } from './report.ts';

/** The object store against the disk, the socket and another store; the clients are curl and wrk, with signed URLs. */
export async function benchObjects(): Promise<Report> {
  const at = await createInstallation({ ATELIER_LOG: 'warn' });
  const dir = mkdtempSync(join(tmpdir(), 'atelier-bench-'));
  // ATELIER_BENCH_OBJECTS=small,listing: only these parts.
  const only = process.env.ATELIER_BENCH_OBJECTS?.split(',');
  try {
    await at.obs.createBucket('bench');
    const { access, secret } = at.profile.key!;
    const sign: SignUrl = (method, key) =>
      signUrl(
        { access, secret },
        { method, bucket: 'bench', key, expiresSeconds: 3600, endpoint: at.profile.endpoints.obs },
        Date.now(),
      );
    const parts: Record<string, () => Promise<Figure[]>> = {
      large: () => benchLarge(dir, sign),
      small: () => benchSmall(dir, at.pid(), sign),
      peer: () => benchPeer(dir, sign),
      listing: () => benchListing(at.home, { endpoint: at.profile.endpoints.obs, access, secret }),
      memory: () => benchMemory(at.pid(), dir, at.obs, sign),
    };
    const figures: Figure[] = [];
    for (const [name, part] of Object.entries(parts)) {
      if (!only || only.includes(name)) figures.push(...(await part()));
    }
    return { bench: 'objects', figures };
  } finally {
    rmSync(dir, { recursive: true, force: true });
    await at.remove();
  }
}
