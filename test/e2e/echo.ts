import { waitPublished } from '../../src/cli/commands/model.ts';
import { waitRunning } from '../../src/cli/commands/service.ts';
import type { Installation } from './installation.ts';

/** A model without weights that gives back what it was sent: these tests are about the platform, not about digits. */
const SERVICE = `
from model_service.pytorch_model_service import PTServingBaseService
class Echo(PTServingBaseService):
    def __init__(self, model_name, model_path):
        super().__init__(model_name, model_path)
    def _preprocess(self, data):
        return data
    def _inference(self, data):
        return data
    def _postprocess(self, data):
        return [data]
`;
const CONFIG = JSON.stringify({
  model_algorithm: 'image_classification',
  model_type: 'PyTorch',
  runtime: 'pytorch_1.13.1-cpu-py_3.11-debian_12-x86_64',
});

/** Uploads the echo model's package; resolves with the body of the request that imports it. */
export async function putEcho(at: Installation, bucket: string) {
  await at.obs.put({ bucket, key: 'echo/model/customize_service.py' }, Buffer.from(SERVICE));
  await at.obs.put({ bucket, key: 'echo/model/config.json' }, Buffer.from(CONFIG));
  await at.obs.put({ bucket, key: 'echo/model/model.pt' }, Buffer.from('not used'));
  return {
    model_name: 'echo',
    model_version: '1.0.0',
    model_type: 'PyTorch',
    source_location: `/${bucket}/echo/`,
    install_type: ['real-time'],
  };
}

/** Uploads the echo model's package and starts its import; resolves with the model's id. */
export async function createEchoModel(at: Installation, bucket: string): Promise<string> {
  return (await at.client.createModel(await putEcho(at, bucket))).model_id;
}

/** Starts the deployment of a model; resolves with the service's id. */
export async function createEchoService(at: Installation, modelId: string, instances: number): Promise<string> {
  const { service_id } = await at.client.createService({
    service_name: 'echo',
    infer_type: 'real-time',
    config: [{ model_id: modelId, weight: 100, specification: 'modelarts.vm.cpu.1u', instance_count: instances }],
  });
  return service_id;
}

/** The echo model as a running service; resolves with its id. */
export async function deployEcho(at: Installation, bucket: string, options: { instances: number }): Promise<string> {
  const modelId = await createEchoModel(at, bucket);
  await waitPublished(at.client, modelId);
  const serviceId = await createEchoService(at, modelId, options.instances);
  await waitRunning(at.client, serviceId, { quiet: true });
  return serviceId;
}
