import { Failure } from '../../kernel/failure.ts';
import type { Service } from './service.ts';

interface Candidate {
  name: string;
  version: string;
  status: string;
  engine?: unknown;
  installType: string[];
}

/** Refuses a model that is not published or not made for real-time services. */
export function checkDeployable(model: Candidate, index: number): void {
  const which = `The model ${model.name} ${model.version} (config[${index}].model_id)`;
  if (model.status === 'publishing') {
    throw new Failure({
      code: 'ModelArts.3515',
      status: 400,
      message: `${which} is still being published; wait until it is published.`,
    });
  }
  if (model.status !== 'published' || !model.engine) {
    throw new Failure({
      code: 'ModelArts.3515',
      status: 400,
      message: `${which} is ${model.status} and cannot be deployed.`,
      solution: 'GET /v1/{project_id}/models/{model_id}/events says why.',
    });
  }
  if (!model.installType.includes('real-time')) {
    throw new Failure({
      code: 'ModelArts.3589',
      status: 400,
      message: `${which} is not made for real-time services; its install_type is ${model.installType.join(', ')}.`,
    });
  }
}

/** The refusal of something that the service's state does not allow. */
export function wrongState(service: Service, what: string, allowed: string): Failure {
  return new Failure({
    code: 'ModelArts.3519',
    status: 400,
    message: `The service ${service.name} is ${service.status} and cannot be ${what}; it must be ${allowed}.`,
  });
}

/** The refusal of a name that is taken. */
export function duplicate(name: string): Failure {
  return new Failure({
    code: 'ModelArts.3503',
    status: 409,
    message: `There is already a service named ${name} in this workspace.`,
    solution: 'Use another [service_name], or delete the existing service.',
  });
}
