import { type Operation, operation } from './operation.ts';
import { anyObject } from './schema.ts';

/** An operation of the imitated service that this platform knows and does not do, with what it answers. */
export interface Refusal {
  operation: Operation;
  code: string;
  status: number;
  /** Why, and what to do instead. */
  message: string;
  solution: string;
}

type Declared = Pick<Operation, 'id' | 'method' | 'path' | 'action' | 'summary' | 'family' | 'errors'> &
  Partial<Pick<Operation, 'target'>>;

/** Declares an operation that is refused, so that clients learn why rather than that there is no such path. */
export function refusal(declared: Declared, answer: Omit<Refusal, 'operation'>): Refusal {
  return {
    ...answer,
    operation: operation({
      ...declared,
      summary: `Refused: ${declared.summary}`,
      ...(declared.method === 'GET' ? {} : { body: anyObject, bodyOptional: true }),
      status: 200,
      response: anyObject,
    }) as Operation,
  };
}
