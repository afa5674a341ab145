import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { readSettings } from '../../app/env.ts';
import { homePaths } from '../../app/home.ts';
import { ObsClient } from '../../client/obs.ts';
import { isFinal, PlatformClient } from '../../client/platform.ts';
import { Session } from '../../client/session.ts';
import { Failure, isFailure } from '../../kernel/failure.ts';
import { waitPublished } from '../commands/model.ts';
import { ensureUp, readStatus } from '../commands/server.ts';
import { waitRunning } from '../commands/service.ts';
import { DEFAULT_ENGINE, stateLine } from '../commands/train.ts';
import { localProfile } from '../profile.ts';
import { startProgress, transferProgress } from '../progress.ts';
import { contentName, MNIST_FILES, readDigits, toPng, typicalDigits } from './digits.ts';
import type { Steps } from './steps.ts';

export interface DemoOptions {
  /** Directory with the four MNIST files; the digits of Debian's scikit-learn when absent. */
  data?: string;
  release?: boolean;
  /** Epochs of training; the example's own choice when absent. */
  epochs?: string;
  quiet: boolean;
}

export interface Prediction {
  expected: number;
  answer: unknown;
  correct: boolean;
}

export interface DemoResult {
  ids: { agency: string; bucket: string; job: string; model: string; service: string };
  predictions: Prediction[];
  endpoints: Record<string, string>;
  credentialsFile: string;
}

const EXAMPLE = new URL('../../../examples/mnist/', import.meta.url).pathname;
const IMAGE_TIMEOUT_MS = 30 * 60_000;
const HEALING_MS = 90_000;
const NAME_PREFIX = 'mnist-demo';

/** The bucket of the demo: names are global on an installation, so the project is part of it. */
export function demoBucket(projectId: string): string {
  return `${NAME_PREFIX}-${projectId.slice(0, 8)}`;
}

/** The document's handwritten-digit case through the public API, step by step. */
export async function runDemo(options: DemoOptions, steps: Steps): Promise<DemoResult> {
  const settings = readSettings(process.env);
  const paths = homePaths(settings.home);

  const status = await steps.run('Start the platform', async note => {
    const before = await readStatus(settings, paths);
    const now = await ensureUp(settings, paths);
    note(before.ready ? 'it already runs' : `ready at ${now.endpoints.api}`);
    return now;
  });
  const profile = localProfile();
  if (!profile) {
    throw new Failure({
      code: 'Atelier.NoCredentials',
      status: 401,
      message: `The credentials file ${status.credentialsFile} cannot be read.`,
      solution: 'Run the demo as the user who started the platform.',
    });
  }
  const session = new Session(profile);
  const client = new PlatformClient(session);
  const obs = new ObsClient(profile);

  await steps.run('Build the preset image (once)', note => waitForImage(profile.endpoints.api, options.quiet, note));

  const dataDir = await steps.run('Prepare the digits', async note => {
    if (options.data) {
      note(options.data);
      return options.data;
    }
    const dir = join(paths.work, 'demo-digits');
    const data = join(dir, 'data');
    if (!MNIST_FILES.every(file => existsSync(join(data, file)))) await makeDigits(dir);
    note('the UCI digits of Debian’s scikit-learn, 28×28, in MNIST’s format');
    return data;
  });
  const testDigits = readDigits(dataDir, MNIST_FILES[2], MNIST_FILES[3]);
  const samples = typicalDigits(testDigits);
  const codeFiles = ['train.py', 'infer/customize_service.py', 'infer/config.json'].map(file => join(EXAMPLE, file));
  const epochs = options.epochs ?? (options.data ? '3' : undefined);
  const name = `${NAME_PREFIX}-${contentName([...MNIST_FILES.map(file => join(dataDir, file)), ...codeFiles], epochs ?? '')}`;

  const agency = await steps.run('1. Authorize the platform for all users', async note => {
    const existing = (await client.authorizations()).find(entry => ['all', 'all-users'].includes(entry.user_id));
    if (existing) {
      note(`agency ${existing.content} is there already`);
      return existing.content;
    }
    const created = await client.createAgency('demo').catch(error => {
      if (isFailure(error) && error.status === 409) return 'ma_agency_demo';
      throw error;
    });
    await client.authorizeAll(created);
    note(`agency ${created}, Common User`);
    return created;
  });

  const bucket = demoBucket(profile.projectId);
  await steps.run('2. Create the bucket and upload data and code', async note => {
    if (!(await obs.bucketExists(bucket))) await obs.createBucket(bucket);
    const present = new Map<string, number>();
    for await (const entry of obs.walk({ bucket, key: '' })) present.set(entry.key, entry.size);
    for (const folder of ['mnist-data/', 'mnist-code/', 'infer/', 'mnist-output/']) {
      if (!present.has(folder)) await obs.put({ bucket, key: folder }, Buffer.alloc(0));
    }
    const bar = transferProgress('upload', { quiet: options.quiet });
    for (const file of MNIST_FILES) {
      await obs.upload(join(dataDir, file), { bucket, key: `mnist-data/${file}` }, state => bar.update(state));
    }
    for (const file of codeFiles) {
      const key = file.slice(EXAMPLE.length);
      await obs.upload(file, { bucket, key: `mnist-code/${key}` }, state => bar.update(state));
      if (key.startsWith('infer/')) await obs.upload(file, { bucket, key });
    }
    bar.done();
    note(`obs://${bucket}`);
  });

  const job = await steps.run('3. Train', async note => {
    const earlier = (await client.jobs({ name })).find(
      found => found.metadata.name === name && !['Failed', 'Terminated', 'Abnormal'].includes(found.status.phase),
    );
    if (earlier?.status.phase === 'Completed') {
      note('the same code and data were trained before; using that job');
      return earlier.metadata.id;
    }
    if (!earlier) await deleteEnded(client, name);
    const id = earlier?.metadata.id ?? (await client.createJob(jobBody(name, bucket, epochs))).metadata.id;
    let said = '';
    const ended = await client.followLog(
      id,
      text => steps.output(text),
      state => {
        const line = stateLine(state);
        if (line !== said) steps.output(`${line}\n`);
        said = line;
      },
    );
    if (ended.status.phase !== 'Completed') {
      throw new Failure({
        code: 'Atelier.DemoFailed',
        status: 500,
        message: `The training job ended ${stateLine(ended)}`,
      });
    }
    note('Completed');
    return id;
  });

  const model = await steps.run('4. Create the AI application from the job', async note => {
    const earlier = (await client.models(name)).find(
      found => found.model_name === name && found.model_status === 'published',
    );
    if (earlier) {
      note('it is there already');
      return earlier.model_id;
    }
    const { model_id } = await client.createModel({
      model_name: name,
      model_version: '0.0.1',
      model_type: 'PyTorch',
      source_job_id: job,
      install_type: ['real-time'],
    });
    await waitPublished(client, model_id);
    note('Normal');
    return model_id;
  });

  const service = await steps.run('5. Deploy it as a real-time service', async note => {
    const earlier = (await client.services(name)).find(found => found.service_name === name);
    if (earlier && ['stopped', 'failed'].includes(earlier.status)) {
      await client.updateService(earlier.service_id, { status: 'running' });
    }
    const id =
      earlier?.service_id ??
      (
        await client.createService({
          service_name: name,
          infer_type: 'real-time',
          config: [{ model_id: model, weight: 100, specification: 'modelarts.vm.cpu.1u', instance_count: 1 }],
        })
      ).service_id;
    const running = await waitRunning(client, id, { quiet: options.quiet });
    note(`${earlier ? 'it is there already, ' : ''}Running at ${running.access_address}`);
    return id;
  });

  const predictions = await steps.run('6. Recognize digits', async note => {
    const results: Prediction[] = [];
    for (const sample of samples) {
      const form = new FormData();
      form.append(
        'image',
        new Blob([new Uint8Array(toPng(sample))], { type: 'image/png' }),
        `digit-${sample.label}.png`,
      );
      const { body } = await predicted(session, service, form);
      const answer = JSON.parse(body.toString('utf8')) as { image: number }[];
      const correct = Array.isArray(answer) && answer[0]?.image === sample.label;
      steps.output(`  digit ${sample.label} → ${JSON.stringify(answer)}${correct ? '' : '   ✘'}\n`);
      results.push({ expected: sample.label, answer, correct });
    }
    const right = results.filter(result => result.correct).length;
    note(`${right} of ${results.length} right`);
    if (right < results.length) {
      throw new Failure({
        code: 'Atelier.DemoFailed',
        status: 500,
        message: `Only ${right} of ${results.length} digits were recognized.`,
      });
    }
    return results;
  });

  const ids = { agency, bucket, job, model, service };
  if (options.release)
    await steps.run('7. Release everything', async note => note(await releaseDemo(client, obs, bucket)));
  return { ids, predictions, endpoints: status.endpoints, credentialsFile: status.credentialsFile };
}

/** A service of an earlier run, and the gateway, may be coming up again, as after a restart of the machine, while it is still said to run. */
async function predicted(session: Session, service: string, form: FormData) {
  for (const end = Date.now() + HEALING_MS; ; await sleep(1000)) {
    try {
      return await session.predict(service, form);
    } catch (error) {
      const passes = isFailure(error, 'ModelArts.4302') || isFailure(error, 'Atelier.Unreachable');
      if (!passes || Date.now() > end) throw error;
    }
  }
}

/** Removes what any demo run left: services, models, jobs and the bucket. Returns what it removed, as text. */
export async function releaseDemo(client: PlatformClient, obs: ObsClient, bucket: string): Promise<string> {
  const services = (await client.services(NAME_PREFIX)).filter(item => item.service_name.startsWith(NAME_PREFIX));
  for (const item of services) {
    if (['running', 'concerning', 'deploying', 'waiting'].includes(item.status)) {
      await client.updateService(item.service_id, { status: 'stopped' });
      await client.until(
        () => client.service(item.service_id),
        state => ['stopped', 'failed'].includes(state.status),
        180_000,
        'Stopping the service',
      );
    }
    await client.deleteService(item.service_id);
    await gone(() => client.service(item.service_id), client, 'Deleting the service');
  }
  const models = (await client.models(NAME_PREFIX)).filter(item => item.model_name.startsWith(NAME_PREFIX));
  for (const item of models) await client.deleteModel(item.model_id);
  const jobs = (await client.jobs({ name: NAME_PREFIX })).filter(item => item.metadata.name.startsWith(NAME_PREFIX));
  for (const item of jobs) {
    if (!isFinal(item.status.phase)) {
      await client.terminateJob(item.metadata.id);
      await client.until(
        () => client.job(item.metadata.id),
        state => isFinal(state.status.phase),
        120_000,
        'Terminating the job',
      );
    }
    await client.deleteJob(item.metadata.id);
  }
  let objects = 0;
  if (await obs.bucketExists(bucket)) {
    objects = await obs.remove({ bucket, key: '' }, true);
    await obs.deleteBucket(bucket);
  }
  return `${services.length} services, ${models.length} models, ${jobs.length} jobs, ${objects} objects removed`;
}

async function gone(read: () => Promise<unknown>, client: PlatformClient, what: string): Promise<void> {
  await client.until(
    () =>
      read().then(
        () => false,
        error => isFailure(error) && [400, 404].includes(error.status),
      ),
    absent => absent,
    120_000,
    what,
  );
}

async function deleteEnded(client: PlatformClient, name: string): Promise<void> {
  for (const job of await client.jobs({ name })) {
    if (job.metadata.name === name) await client.deleteJob(job.metadata.id);
  }
}

function jobBody(name: string, bucket: string, epochs: string | undefined): unknown {
  return {
    kind: 'job',
    metadata: { name, description: 'Handwritten digits, by the demo' },
    algorithm: {
      code_dir: `/${bucket}/mnist-code/`,
      boot_file: `/${bucket}/mnist-code/train.py`,
      engine: { engine_id: DEFAULT_ENGINE },
      parameters: epochs ? [{ name: 'epochs', value: epochs }] : [],
      inputs: [{ name: 'data_url', remote: { obs: { obs_url: `/${bucket}/mnist-data/` } } }],
      outputs: [{ name: 'train_url', remote: { obs: { obs_url: `/${bucket}/mnist-output/` } } }],
    },
    spec: { resource: { flavor_id: 'modelarts.vm.cpu.2u', node_count: 1 } },
  };
}

async function waitForImage(api: string, quiet: boolean, note: (text: string) => void): Promise<void> {
  const bar = startProgress('preset image', { quiet });
  const deadline = Date.now() + IMAGE_TIMEOUT_MS;
  try {
    for (;;) {
      const answer = (await (await fetch(`${api}/readyz`)).json()) as {
        checks: { presetImages?: { ok: boolean; failed?: boolean; text: string; fraction: number } };
      };
      const state = answer.checks.presetImages;
      if (state?.ok) {
        note(state.text);
        return;
      }
      if (state?.failed || Date.now() > deadline) {
        throw new Failure({
          code: 'Atelier.ImageBuildFailed',
          status: 500,
          message: `The preset image could not be built: ${state?.text ?? 'it took too long'}`,
          solution: './atelier doctor tells what is missing; the server log has the whole output.',
        });
      }
      bar.update(state?.fraction ?? 0, state?.text);
      await new Promise(resolve => setTimeout(resolve, 250));
    }
  } finally {
    bar.done();
  }
}

async function makeDigits(dir: string): Promise<void> {
  await runProgram('bash', [join(EXAMPLE, 'fetch-digits.sh'), dir]);
  await runProgram('python3', [join(EXAMPLE, 'make_digits.py'), join(dir, 'digits.csv.gz'), dir]);
}

function runProgram(program: string, args: string[]): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    const keep = (data: Buffer) => {
      output = (output + data.toString()).slice(-4000);
    };
    child.stdout.on('data', keep);
    child.stderr.on('data', keep);
    child.once('error', reject);
    child.once('exit', code =>
      code === 0
        ? resolve()
        : reject(
            new Failure({
              code: 'Atelier.DemoFailed',
              status: 500,
              message: `${program} ${args.join(' ')} ended with ${code}:\n${output}`,
              solution: '--data DIR uses MNIST files that you bring.',
            }),
          ),
    );
  });
}
