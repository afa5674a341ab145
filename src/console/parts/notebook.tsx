import { Button, type ButtonProps } from 'antd';
import type { showNotebook } from '../../resources/notebooks/notebook.api.ts';
import type { ResponseOf } from '../../wire/operation.ts';
import { useTexts } from '../texts/index.ts';

export type Notebook = ResponseOf<typeof showNotebook>;
export const HOUR_MS = 3_600_000;

/** When an instance stops by itself, in milliseconds since the epoch: its time is counted from its start. */
export function leaseEnd(lease: Record<string, unknown>): number {
  return Number(lease.create_at) + Number(lease.duration);
}

/** Opens Jupyter in a tab of its own, which learns nothing of this one. Nothing where the instance has no address for the user. */
export function OpenNotebook({
  notebook,
  ...rest
}: ButtonProps & { notebook: Pick<Notebook, 'url' | 'token' | 'name'> }) {
  const t = useTexts();
  if (!notebook.url || !notebook.token) return null;
  return (
    <Button
      {...rest}
      href={`${notebook.url}?token=${encodeURIComponent(notebook.token)}`}
      target="_blank"
      rel="noopener noreferrer"
      aria-label={t('openNamed', { name: notebook.name })}
    >
      {t('open')}
    </Button>
  );
}
