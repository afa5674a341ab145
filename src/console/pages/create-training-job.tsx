import { useSearch } from '@tanstack/react-router';
import { showAlgorithm } from '../../resources/algorithms/algorithm.api.ts';
import { showTrainingJob } from '../../resources/training-jobs/job.api.ts';
import { useCall } from '../call.ts';
import { ErrorView } from '../parts/error-view.tsx';
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
  const algorithm = useCall(showAlgorithm, { params: { algorithm_id: algorithmId } }, { enabled: wanted });
  // A job whose algorithm is gone is rebuilt of its code.
  const failure = job.error ?? (jobId === '' ? algorithm.error : undefined);
  const known = (jobId === '' || job.data) && (!wanted || algorithm.data || algorithm.error);
  return (
    <Page
      title={job.data ? t('rebuildNamed', { name: job.data.metadata.name }) : t('createTrainingJob')}
      {...(job.data ? { help: t('rebuildHelp') } : {})}
    >
      {failure && <ErrorView error={failure} />}
      {!failure && known && (
        <JobForm
          key={`${jobId} ${algorithmId}`}
          {...(job.data ? { before: job.data } : {})}
          {...(algorithm.data ? { algorithm: algorithm.data } : {})}
        />
      )}
    </Page>
  );
}
