import { useSearch } from '@tanstack/react-router';
import { useState } from 'react';
import { Failure } from '../../kernel/failure.ts';
import { showAlgorithm } from '../../resources/algorithms/algorithm.api.ts';
import { showTrainingJob } from '../../resources/training-jobs/job.api.ts';
import { useCall } from '../call.ts';
import { Awaited } from '../parts/awaited.tsx';
import { textOf } from '../parts/facts.tsx';
import { Page } from '../parts/page.tsx';
import { useTexts } from '../texts/index.ts';
import { JobForm } from '../training/job-form.tsx';

/** A new training job: of own code, of an algorithm (`?algorithm=`), or as another job was (`?job=`). */
export default function CreateTrainingJob() {
  const t = useTexts();
  const search: { algorithm?: string; job?: string } = useSearch({ strict: false });
  const { job: jobId = '' } = search;
  const job = useCall(showTrainingJob, { params: { training_job_id: jobId } }, { enabled: jobId !== '' });
  const algorithmId = search.algorithm ?? textOf(job.data?.algorithm, 'id');
  const wanted = algorithmId !== '';
  const [goneId, setGoneId] = useState<string>();
  const gone = goneId === algorithmId;
  const algorithm = useCall(showAlgorithm, { params: { algorithm_id: algorithmId } }, { enabled: wanted && !gone });
  // A job whose algorithm is gone is rebuilt of its code.
  if (!gone && jobId !== '' && algorithm.error instanceof Failure && algorithm.error.status === 404) {
    setGoneId(algorithmId);
  }
  const lacking = [jobId !== '' && !job.data && job, wanted && !algorithm.data && !gone && algorithm].find(Boolean);
  return (
    <Page
      title={job.data ? t('rebuildNamed', { name: job.data.metadata.name }) : t('createTrainingJob')}
      {...(job.data ? { help: t('rebuildHelp') } : {})}
    >
      {lacking ? (
        <Awaited error={lacking.error} refetch={lacking.refetch} />
      ) : (
        <JobForm
          key={`${jobId} ${algorithmId}`}
          {...(job.data ? { before: job.data } : {})}
          {...(algorithm.data ? { algorithm: algorithm.data } : {})}
        />
      )}
    </Page>
  );
}
