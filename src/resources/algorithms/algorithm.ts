import { Failure } from '../../kernel/failure.ts';
import type { CodeTreeNode } from './code-tree.ts';
import { checkParameters, NAME, type Parameter } from './parameter.ts';

export interface Channel {
  name: string;
  description?: string | undefined;
  access_method?: string | undefined;
  prefetch_to_local?: boolean | undefined;
  remote_constraints?: unknown;
}

interface EngineChoice {
  engine_id?: string | undefined;
  engine_name?: string | undefined;
  engine_version?: string | undefined;
  image_url?: string | undefined;
}

/** How an algorithm is run (`job_config` on the wire). */
export interface JobConfig {
  code_dir?: string | undefined;
  boot_file?: string | undefined;
  command?: string | undefined;
  engine?: EngineChoice | undefined;
  parameters?: Parameter[] | undefined;
  parameters_customization?: boolean | undefined;
  inputs?: Channel[] | undefined;
  outputs?: Channel[] | undefined;
}

export interface Algorithm {
  id: string;
  projectId: string;
  accountId: string;
  workspaceId: string;
  name: string;
  description: string;
  userName: string;
  config: JobConfig;
  resourceRequirements: { key: string; value: string[]; operator: string }[];
  advancedConfig: Record<string, unknown>;
  /** Bytes of the code at creation, with the listing of its directory. */
  size: number;
  codeTree: CodeTreeNode | undefined;
  createdAt: number;
  updatedAt: number;
}

/** How a job is started: a boot file on a preset (or customized preset) image, or a command on an image of the user's. */
export type BootForm = 'preset' | 'command';

function refuse(code: string, message: string, solution?: string): Failure {
  return new Failure({ code: `ModelArts.${code}`, status: 400, message, ...(solution ? { solution } : {}) });
}

/** Throws Failure 2788 when a name or description breaks the rules (behaviour/training.md 1). */
export function checkNaming(metadata: { name: string; description?: string | null | undefined }): void {
  if (!NAME.test(metadata.name)) {
    throw refuse(
      '2788',
      `InvalidParam: parameter [metadata.name] is "${metadata.name.slice(0, 100)}"; it must have 1 to 64 letters, digits, underscores and hyphens.`,
    );
  }
  checkDescription(metadata.description, 'metadata.description');
}

/** Throws Failure 2788 when a description is longer than 256 characters. */
export function checkDescription(description: string | null | undefined, field: string): void {
  if ((description ?? '').length <= 256) return;
  throw refuse(
    '2788',
    `InvalidParam: parameter [${field}] has ${description!.length} characters; at most 256 are allowed.`,
  );
}

/**
 * Which of the forms of behaviour/training.md 2 a configuration has.
 * Throws Failure 2806, 2757, 2758, 2780 or 2788 telling what is missing.
 */
function bootForm(config: JobConfig): BootForm {
  const command = config.command?.trim() ?? '';
  const bootFile = config.boot_file ?? '';
  const engine = config.engine;
  if (command !== '' && bootFile !== '') {
    throw refuse('2788', 'InvalidParam: give either command or boot_file, not both.');
  }
  if (command !== '') {
    if (!engine?.image_url) {
      throw refuse(
        '2806',
        'MustHaveCmdAndImage: command is given but engine.image_url is not.',
        'A custom image needs both command and engine.image_url; a preset image takes code_dir and boot_file instead.',
      );
    }
    // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is refused here
    if (/[\r\n\u0000]/.test(command)) {
      throw refuse('2788', 'InvalidParam: parameter [command] must be one line; chain steps with ; or &&.');
    }
    if (command.length > 8192) {
      throw refuse('2788', `InvalidParam: parameter [command] has ${command.length} characters; at most 8192.`);
    }
    return 'command';
  }
  if (engine?.image_url && !engine.engine_name && !engine.engine_id) {
    throw refuse(
      '2806',
      'MustHaveCmdAndImage: engine.image_url is given but command is not.',
      'Add command, or engine_name for a preset engine whose image you replace.',
    );
  }
  if (!engine || !(engine.engine_id || engine.engine_name)) {
    throw refuse(
      '2780',
      'EngineNotFound: the algorithm names no engine.',
      'Give engine.engine_id, or engine_name and engine_version; GET /v2/{project_id}/training-job-engines lists them. For an image of your own give command and engine.image_url.',
    );
  }
  if (!config.code_dir) {
    throw refuse('2757', 'CodeDirError: code_dir is required with a preset image.');
  }
  if (bootFile === '') {
    throw refuse('2758', 'BootFileDirError: boot_file is required with a preset image.');
  }
  return 'preset';
}

/** Throws Failure 2753 when channel names are malformed or repeated, within and across inputs and outputs. */
function checkChannels(inputs: readonly Channel[], outputs: readonly Channel[]): void {
  const seen = new Set<string>();
  for (const [list, channels] of [
    ['inputs', inputs],
    ['outputs', outputs],
  ] as const) {
    for (const [index, channel] of channels.entries()) {
      if (!NAME.test(channel.name)) {
        throw refuse(
          '2753',
          `InputsOutputsMessageError: [${list}[${index}].name] is "${channel.name.slice(0, 100)}"; it must have 1 to 64 letters, digits, underscores and hyphens.`,
        );
      }
      if (seen.has(channel.name)) {
        throw refuse('2753', `InputsOutputsMessageError: the name ${channel.name} is used by two inputs or outputs.`);
      }
      seen.add(channel.name);
      if (channel.access_method && !['parameter', 'env'].includes(channel.access_method)) {
        throw refuse(
          '2753',
          `InputsOutputsMessageError: [${list}[${index}].access_method] must be parameter or env, not "${channel.access_method.slice(0, 50)}".`,
        );
      }
    }
  }
}

/** All checks of a configuration that need nothing but itself; returns its form. */
export function checkConfig(config: JobConfig): BootForm {
  const form = bootForm(config);
  checkParameters(config.parameters ?? []);
  checkChannels(config.inputs ?? [], config.outputs ?? []);
  const taken = new Set((config.parameters ?? []).map(parameter => parameter.name));
  for (const channel of [...(config.inputs ?? []), ...(config.outputs ?? [])]) {
    if (taken.has(channel.name)) {
      throw refuse(
        '2753',
        `InputsOutputsMessageError: ${channel.name} is the name of a hyperparameter and of an input or output.`,
      );
    }
  }
  return form;
}
