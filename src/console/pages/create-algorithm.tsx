import { useSearch } from '@tanstack/react-router';
import { showTrainingJob } from '../../resources/training-jobs/job.api.ts';
import { useCall } from '../call.ts';
import { Awaited } from '../parts/awaited.tsx';
import { Page } from '../parts/page.tsx';
import { useTexts } from '../texts/index.ts';
import { AlgorithmForm } from '../training/algorithm-form.tsx';

/** A new algorithm; `?job=` takes over what a training job was made of. */
export default function CreateAlgorithm() {
  const t = useTexts();
  const { job = '' }: { job?: string } = useSearch({ strict: false });
  const { data, error, refetch } = useCall(
    showTrainingJob,
    { params: { training_job_id: job } },
    { enabled: job !== '' },
  );
  const { name = '', description = '' } = data?.metadata ?? {};
  return (
    <Page title={job === '' ? t('createAlgorithm') : t('saveAsAlgorithm', { name })}>
      {job === '' && <AlgorithmForm />}
      {job !== '' && !data && <Awaited error={error} refetch={refetch} />}
      {data && <AlgorithmForm origin={{ name, description, config: data.algorithm }} />}
    </Page>
  );
}
