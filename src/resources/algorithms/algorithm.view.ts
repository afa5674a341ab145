import type { Algorithm } from './algorithm.ts';

/** An algorithm as the API shows it. */
export function algorithmView(algorithm: Algorithm) {
  const { config } = algorithm;
  return {
    metadata: {
      id: algorithm.id,
      name: algorithm.name,
      description: algorithm.description,
      workspace_id: algorithm.workspaceId,
      ai_project: 'default-ai-project',
      user_name: algorithm.userName,
      domain_id: algorithm.accountId,
      source: 'custom',
      api_version: '',
      is_valid: true,
      state: '',
      tags: [],
      attr_list: [],
      version_num: 0,
      size: algorithm.size,
      create_time: algorithm.createdAt,
      update_time: algorithm.updatedAt,
    },
    job_config: {
      code_dir: config.code_dir ?? '',
      boot_file: config.boot_file ?? '',
      command: config.command ?? '',
      parameters: config.parameters ?? [],
      parameters_customization: config.parameters_customization ?? false,
      inputs: config.inputs ?? [],
      outputs: config.outputs ?? [],
      engine: config.engine ?? {},
      ...(algorithm.codeTree ? { code_tree: algorithm.codeTree } : {}),
    },
    resource_requirements: algorithm.resourceRequirements,
    advanced_config: algorithm.advancedConfig,
  };
}
