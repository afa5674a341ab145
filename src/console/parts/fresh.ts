import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import type { TSchema } from 'typebox';
import type { CallInput } from '../../client/call.ts';
import type { Operation } from '../../wire/operation.ts';
import { queryOf } from '../call.ts';

/**
 * Reads what a form begins with. What was read before the form was opened is not taken: saving would undo what others have changed since.
 */
export function useFresh<Q extends TSchema, B extends TSchema, R extends TSchema, P extends string>(
  op: Operation<Q, B, R, P>,
  input: CallInput<Operation<Q, B, R, P>>,
) {
  const [opened] = useState(() => Date.now());
  const { data, dataUpdatedAt, error, refetch } = useQuery({ ...queryOf(op, input), staleTime: 0 });
  return { data: dataUpdatedAt < opened ? undefined : data, error, refetch };
}
