import { refuse } from './notebook.request.ts';
import type { Status } from './notebook.ts';

/** The refusal of a wish that does not fit the state an instance is in; undefined: it is gone. */
export function wrongState(status: Status | undefined, wanted: 'start' | 'stop' | 'delete') {
  switch (status) {
    case undefined:
      return refuse('6309', 'The notebook instance does not exist any more.');
    case 'RUNNING':
      return refuse('6305', 'The notebook instance is running already.');
    case 'INIT':
    case 'CREATING':
    case 'STARTING':
      return refuse('6306', 'The notebook instance is being started already.');
    case 'STOPPED':
    case 'CREATE_FAILED':
    case 'START_FAILED':
    case 'ERROR':
      return refuse('6307', 'The notebook instance is stopped already.');
    case 'STOPPING':
      return refuse('6308', 'The notebook instance is being stopped.', 'Wait until it is STOPPED.');
    default:
      return refuse(
        '6357',
        `The notebook instance is ${status}: it cannot be asked to ${wanted} until that is over.`,
        'Wait for the other operation to end.',
      );
  }
}
