import { changed } from '../call.ts';
import { ConfirmByName } from '../parts/confirm-by-name.tsx';
import { useTexts } from '../texts/index.ts';
import { LIVE_BUCKETS, obs } from './obs.ts';

/** Deletes a bucket that is empty; the store says so where it is not. */
export function DeleteBucket({ name, close, done }: { name: string; close: () => void; done?: () => Promise<void> }) {
  const t = useTexts();
  return (
    <ConfirmByName
      title={t('deleteBucket', { name })}
      help={t('deleteBucketHelp')}
      name={name}
      close={close}
      run={async () => {
        await obs('DELETE', { bucket: name });
        // Away from the page of the bucket first: what is read anew there is gone.
        await done?.();
        await changed(...LIVE_BUCKETS);
      }}
    />
  );
}
