import type { UseQueryResult } from '@tanstack/react-query';
import type { SelectProps } from 'antd';
import { Awaited } from './awaited.tsx';

type Query = Pick<UseQueryResult, 'isLoading' | 'data' | 'error' | 'refetch'>;

/**
 * For a Select of what queries read: that it is being read, or what failed, in the place of "no data". Where that is shown it is asked again, also
 * by opening the list once more, as keys do not reach the button in it.
 */
export function untilRead(
  ...queries: readonly Query[]
): Pick<SelectProps, 'loading' | 'notFoundContent' | 'labelRender' | 'onOpenChange'> {
  const failed = queries.filter(({ data, error }) => error && data === undefined);
  const again = () => {
    for (const { refetch } of failed) void refetch();
  };
  if (queries.some(({ isLoading }) => isLoading)) {
    // What is chosen has a name, and not its id alone.
    return {
      loading: true,
      notFoundContent: <Awaited error={undefined} refetch={again} />,
      labelRender: ({ label }) => label ?? '…',
    };
  }
  if (failed.length === 0) return {};
  return {
    notFoundContent: <Awaited error={failed[0]!.error} refetch={again} />,
    onOpenChange: open => open && again(),
  };
}
