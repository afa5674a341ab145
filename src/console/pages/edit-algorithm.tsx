import { useParams } from '@tanstack/react-router';
import { showAlgorithm } from '../../resources/algorithms/algorithm.api.ts';
import { Awaited } from '../parts/awaited.tsx';
import { useFresh } from '../parts/fresh.ts';
import { Page } from '../parts/page.tsx';
import { useTexts } from '../texts/index.ts';
import { AlgorithmForm } from '../training/algorithm-form.tsx';

/** Changes an algorithm. Jobs that were made of it stay as they are. */
export default function EditAlgorithm() {
  const t = useTexts();
  const { algorithmId = '' } = useParams({ strict: false });
  const { data, error, refetch } = useFresh(showAlgorithm, { params: { algorithm_id: algorithmId } });
  return (
    <Page
      title={data ? t('editNamed', { name: data.metadata.name }) : t('editAlgorithm')}
      help={t('editAlgorithmHelp')}
    >
      {data ? <AlgorithmForm key={data.metadata.id} algorithm={data} /> : <Awaited error={error} refetch={refetch} />}
    </Page>
  );
}
