/** One preset engine: an id that users choose and the image that serves it. */
export interface PresetEngine {
  engineId: string;
  engineName: string;
  engineVersion: string;
  imageRef: string;
  /** What the image really holds: package to version. */
  contains: Record<string, string>;
  /** True when the id promises other versions than the image holds, and the image stands in for them. */
  compatible: boolean;
  kinds: readonly ('train' | 'infer')[];
  /** `uid:gid` that its containers run as. */
  user: string;
}

/** What names an engine: its id, or name and version, or the name alone for the newest of it. */
export interface EngineChoice {
  engineId?: string | undefined;
  engineName?: string | undefined;
  engineVersion?: string | undefined;
}

/** The imported Debian root that the preset images stand on. */
export const BASE_IMAGE = 'localhost/atelier/debian:12';
/** The image of the PyTorch engines. */
export const PYTORCH_IMAGE = 'localhost/atelier/pytorch:1';

/** The PyTorch image with Debian's classic notebook. */
export const CLASSIC_IMAGE = 'localhost/atelier/notebook:1';

/** The image of notebook instances: the classic one, with JupyterLab where that could be had. */
export const NOTEBOOK_IMAGE = 'localhost/atelier/notebook:2';

// Versions as Debian 12 packages them (its torch reports itself as 1.13.0a0).
const PYTORCH = {
  imageRef: PYTORCH_IMAGE,
  contains: {
    python: '3.11.2',
    torch: '1.13.1',
    torchvision: '0.14.1',
    numpy: '1.24.2',
    Pillow: '9.4.0',
    PyYAML: '6.0',
    psutil: '5.9.4',
    requests: '2.28.1',
    six: '1.16.0',
    sympy: '1.11.1',
    debian: '12',
  },
  kinds: ['train', 'infer'],
  user: '1000:100',
} as const;

const CATALOG: readonly PresetEngine[] = [
  engine('pytorch_1.13.1-cpu-py_3.11-debian_12', false),
  engine('pytorch_1.8.0-cuda_10.2-py_3.7-ubuntu_18.04', true),
];

function engine(version: string, compatible: boolean): PresetEngine {
  const suffix = process.arch === 'arm64' && !compatible ? 'aarch64' : 'x86_64';
  const engineVersion = `${version}-${suffix}`;
  return { ...PYTORCH, engineId: engineVersion, engineName: 'PyTorch', engineVersion, compatible };
}

/** All preset engines, the most honest first. */
export function engines(): readonly PresetEngine[] {
  return CATALOG;
}

/**
 * The engine of a choice, or undefined. The id decides when there is one; a name or version beside it must agree. Names are
 * compared without case; a version may be the whole (`pytorch_1.8.0-cuda_…`) or the number alone (`1.8.0`).
 */
export function findEngine(choice: EngineChoice): PresetEngine | undefined {
  if (!choice.engineId && !choice.engineName) return undefined;
  return CATALOG.find(
    candidate =>
      (!choice.engineId || candidate.engineId === choice.engineId) &&
      (!choice.engineName || candidate.engineName.toLowerCase() === choice.engineName.toLowerCase()) &&
      (!choice.engineVersion || isVersion(candidate, choice.engineVersion)),
  );
}

/** The engine that `runtime` of a model's config.json names (behaviour/inference.md 1), or undefined. */
export function engineOfRuntime(runtime: string): PresetEngine | undefined {
  return CATALOG.find(candidate => candidate.kinds.includes('infer') && candidate.engineId === runtime);
}

function isVersion(candidate: PresetEngine, version: string): boolean {
  return candidate.engineVersion === version || candidate.engineVersion.startsWith(`pytorch_${version}-`);
}
