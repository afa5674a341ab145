import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Answer } from '../../../test/world.ts';
import { NOTEBOOK_IMAGE_ID } from '../images/image.api.ts';
import { GIB, ONE, poolWorld, TWO } from './pools.test-world.ts';

function refused(answer: Answer, code: string, message: RegExp): void {
  assert.equal(answer.status, 400, answer.text);
  assert.equal(answer.body.error_code, `ModelArts.${code}`, answer.text);
  assert.match(answer.body.error_msg, message);
}
const disk = (GiB: number) => ({ volumeType: 'SSD', size: String(GiB) });

describe('the disk of pools', () => {
  let w: Awaited<ReturnType<typeof poolWorld>>;
  const machine = { bytes: 80 * GIB };
  before(async () => {
    // Eight vCPUs and 80 GiB, so that a vCPU usually comes with ten.
    w = await poolWorld({ disk: machine });
    const bound = await w.call('POST', `${w.v2}/agency`, {});
    await w.call('POST', `${w.v2}/authorizations`, {
      user_id: 'all',
      type: 'agency',
      content: bound.body.agency_name,
    });
  });
  after(() => w?.world.remove());

  const sizes = async (id: string) =>
    (await w.nodes(id)).map((node: { spec: { rootVolume: { size: string } } }) => node.spec.rootVolume.size);
  const storage = async (id: string) => (await w.show(id)).status.storage;
  const notebook = (name: string, capacity: number, pool?: string) =>
    w.call('POST', `${w.v1}/notebooks`, {
      name,
      image_id: NOTEBOOK_IMAGE_ID,
      flavor: ONE,
      volume: { category: 'EVS', ownership: 'MANAGED', capacity },
      ...(pool === undefined ? {} : { pool_id: pool }),
    });
  const status = (id: string, wanted: string) =>
    w.world.until(async () => (await w.call('GET', `${w.v1}/notebooks/${id}`)).body.status === wanted);
  async function erased(id: string): Promise<void> {
    await w.call('DELETE', `${w.v1}/notebooks/${id}`);
    await w.world.until(async () => (await w.call('GET', `${w.v1}/notebooks/${id}`)).body.error_code !== undefined);
  }
  async function dissolved(id: string): Promise<void> {
    await w.call('DELETE', `${w.v2}/pools/${id}`);
    await w.gone(`${w.v2}/pools/${id}`);
  }

  test('a node has its part of the machine unless a size is asked for, and the sum never exceeds the disk', async () => {
    const flavors = (await w.call('GET', `${w.v1}/resourceflavors`)).body.items;
    assert.deepEqual(flavors[0].spec.rootVolume, disk(10));
    const { id, network } = await w.running('pool-usual', [{ flavor: TWO, count: 2 }]);
    assert.deepEqual(await sizes(id), ['20', '20']);
    assert.deepEqual(await storage(id), { capacity: '40Gi', available: '40Gi' });

    const large = [{ flavor: ONE, count: 1, rootVolume: disk(41) }];
    refused(
      await w.pool('pool-large', { network, resources: large }),
      '50004000',
      /41 GiB of disk; 40 GiB of the mach/,
    );
    const together = [{ flavor: ONE, count: 2, rootVolume: disk(21) }];
    refused(await w.pool('pool-large', { network, resources: together }), '50004000', /42 GiB of disk/);
    for (const size of ['0', '-1', '1.5', 'x', '100000']) {
      const resources = [{ flavor: ONE, count: 1, rootVolume: { volumeType: 'SSD', size } }];
      refused(await w.pool('pool-bad', { network, resources }), '50004000', /spec\.resources\[0\]\.rootVolume\.size/);
    }
    // Whoever asks at once: one of the two has it.
    const both = await Promise.all(
      ['pool-one', 'pool-two'].map(name =>
        w.pool(name, { network, resources: [{ flavor: ONE, count: 1, rootVolume: disk(35) }] }),
      ),
    );
    assert.deepEqual(both.map(answer => answer.status).sort(), [200, 400]);
    const other = both.find(answer => answer.status === 200)!.body.metadata.name;
    await w.phase(other, 'Running');
    assert.deepEqual((await w.show(other)).spec.resources[0].rootVolume, disk(35));

    // A node that nobody asked a size for takes what is left; one more of a known size is refused.
    assert.equal(
      (
        await w.patch(other, {
          spec: {
            resources: [
              { flavor: ONE, count: 1 },
              { flavor: TWO, count: 1 },
            ],
          },
        })
      ).status,
      200,
    );
    await w.world.until(async () => (await w.nodes(other)).length === 2);
    assert.deepEqual((await sizes(other)).sort(), ['35', '5']);
    await w.phase(other, 'Running');
    refused(
      await w.patch(other, {
        spec: {
          resources: [
            { flavor: ONE, count: 2 },
            { flavor: TWO, count: 1 },
          ],
        },
      }),
      '50004000',
      /35 GiB of disk; 0 GiB/,
    );
    await dissolved(other);
    await dissolved(id);
  });

  test('storage of notebooks takes the disk of their pool, not of others', async () => {
    const { id } = await w.running('pool-notes', [{ flavor: ONE, count: 2 }], '192.168.40.0/24');
    await w.patch(id, { spec: { scope: ['Train', 'Notebook'] } });
    // 60 GiB are left to the public pool.
    refused(await notebook('too-large', 61), '6528', /61 GB of storage: the disk of the public pool has 60 GB/);
    refused(await notebook('too-large', 21, id), '6528', /21 GB of storage: the disk of the pool pool-notes has 20 GB/);
    const mine = await notebook('mine', 12, id);
    assert.equal(mine.status, 200, mine.text);
    assert.deepEqual(await storage(id), { capacity: '20Gi', available: '8Gi' });
    refused(await notebook('second', 9, id), '6528', /has 8 GB/);
    await status(mine.body.id, 'RUNNING');

    const grow = (size: number) => w.call('PUT', `${w.v1}/notebooks/${mine.body.id}`, { storage_new_size: size });
    refused(await grow(21), '6528', /9 GB of storage/);
    assert.equal((await grow(15)).status, 200);
    assert.deepEqual(await storage(id), { capacity: '20Gi', available: '5Gi' });

    // Stopped it takes no processor, and its storage stays where it is.
    await w.call('POST', `${w.v1}/notebooks/${mine.body.id}/stop`);
    await status(mine.body.id, 'STOPPED');
    refused(
      await w.patch(id, { spec: { resources: [{ flavor: ONE, count: 1 }] } }),
      '50004000',
      /would have 10 GiB of disk; the storage of notebook instances in it takes 15 GiB/,
    );
    await erased(mine.body.id);
    assert.equal((await w.patch(id, { spec: { resources: [{ flavor: ONE, count: 1 }] } })).status, 200);
    await w.world.until(async () => (await w.nodes(id)).length === 1);
    await dissolved(id);
  });

  test('what the public pool stores is not given to nodes', async () => {
    const net = (await w.network('net-rest', '192.168.41.0/24')).body.metadata.name;
    const mine = await notebook('public-one', 45);
    assert.equal(mine.status, 200, mine.text);
    const want = (size: number) =>
      w.pool('pool-rest', { network: net, resources: [{ flavor: ONE, count: 1, rootVolume: disk(size) }] });
    refused(await want(36), '50004000', /36 GiB of disk; 35 GiB/);
    // Other things fill the disk meanwhile.
    machine.bytes = 60 * GIB;
    refused(await want(35), '50004000', /35 GiB of disk; 15 GiB/);
    machine.bytes = 80 * GIB;
    await erased(mine.body.id);
    const made = await want(36);
    assert.equal(made.status, 200, made.text);
    await dissolved(made.body.metadata.name);
  });

  test('nodes of before have a disk from the next start on', async () => {
    const { id } = await w.running('pool-old', [{ flavor: ONE, count: 1 }], '192.168.42.0/24');
    await w.world.db
      .updateTable('pool_nodes' as never)
      .set({ disk_bytes: null } as never)
      .execute();
    assert.deepEqual(await sizes(id), ['0']);
    await w.world.families.pools.announce();
    assert.deepEqual(await sizes(id), ['10']);
    await dissolved(id);
  });
});

test('an account reserves no more of the disk than its share, and the public pool keeps its own', async () => {
  const w = await poolWorld({
    disk: { bytes: 80 * GIB },
    poolShares: {
      accounts: { acme: { diskBytes: 30 * GIB } },
      public: { vcpus: 0, memoryBytes: 0, gpus: 0, diskBytes: 60 * GIB },
    },
  });
  try {
    const net = (await w.network('net-share', '192.168.43.0/24')).body.metadata.name;
    const want = (size: number) =>
      w.pool('pool-share', { network: net, resources: [{ flavor: ONE, count: 1, rootVolume: disk(size) }] });
    refused(await want(31), '50004000', /31 GiB of disk; the account acme may reserve 30 GiB more/);
    refused(await want(21), '50004000', /21 GiB of disk; 20 GiB/);
    assert.equal((await want(20)).status, 200);
  } finally {
    await w.world.remove();
  }
});
