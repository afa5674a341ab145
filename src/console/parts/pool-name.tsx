import { Link } from '@tanstack/react-router';
import { showPool } from '../../resources/pools/pool.api.ts';
import { useCall } from '../call.ts';
import { useTexts } from '../texts/index.ts';
import { displayName } from './resources.ts';

/** The pool in which something runs: a dedicated one by its id, the public one when that is empty. */
export function PoolName({ id }: { id: string }) {
  const t = useTexts();
  // Who may not look at pools sees its id.
  const { data } = useCall(showPool, { params: { pool_name: id } }, { enabled: id !== '' });
  if (id === '') return t('publicPool');
  if (!data) return id;
  return (
    <Link to="/pools/$poolId" params={{ poolId: id }}>
      {displayName(data)}
    </Link>
  );
}
