import { QueryClient } from '@tanstack/react-query';
import { Failure } from '../kernel/failure.ts';

/** Everything that was read. It is told when it is out of date (live.ts), so it does not ask by itself. */
export const queries = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 60_000,
      refetchOnWindowFocus: false,
      // What the server refused stays refused; what it could not answer may pass.
      retry: (count, error) => count < 2 && !(error instanceof Failure && error.status < 500),
    },
  },
});
