import { useTexts } from '../texts/index.ts';
import { ErrorView } from './error-view.tsx';

/** Stands where something will be once it has been read: a bone, or why it could not be read, with a way to try again. Takes a query. */
export function Awaited({ error, refetch }: { error: unknown; refetch: () => unknown }) {
  const t = useTexts();
  if (error) return <ErrorView error={error} retry={() => void refetch()} />;
  return <span className="bone" title={t('loading')} />;
}
