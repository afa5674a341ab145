import type { Flavor } from '../flavors/index.ts';
import type { Engine } from './job.ports.ts';

const GIB = 1024 ** 3;

/** A flavor as the training API shows it. */
export function flavorView(flavor: Flavor) {
  return {
    flavor_id: flavor.id,
    flavor_name: flavor.name,
    max_num: flavor.maxNodes,
    ...flavorDetail(flavor),
    attributes: {},
  };
}

/** What a flavor is made of, as jobs and the catalog show it. */
export function flavorDetail(flavor: Flavor) {
  return {
    flavor_type: flavor.type,
    billing: { code: flavor.id, unit_num: 1 },
    flavor_info: {
      max_num: flavor.maxNodes,
      cpu: { arch: process.arch === 'arm64' ? 'arm64' : 'x86', core_num: flavor.vcpus },
      ...(flavor.gpus > 0 ? { gpu: { unit_num: flavor.gpus, product_name: 'GPU', memory: '' } } : {}),
      memory: { size: Math.round(flavor.memoryBytes / GIB), unit: 'GB' },
      disk: { size: flavor.diskGiB, unit: 'GB' },
    },
  };
}

/** A preset engine as the training API shows it; `contains` tells what its image really holds. */
export function engineView(engine: Engine) {
  return {
    engine_id: engine.engineId,
    engine_name: engine.engineName,
    engine_version: engine.engineVersion,
    v1_compatible: false,
    run_user: '1000',
    tags: [],
    image_info: { cpu_image_url: engine.imageRef, gpu_image_url: '', image_version: engine.engineVersion },
    ...(engine.contains === undefined ? {} : { contains: engine.contains }),
  };
}
