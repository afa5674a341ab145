import { useLocation, useNavigate, useRouter } from '@tanstack/react-router';
import { useRef, useState } from 'react';
import { useTell } from './error-view.tsx';

/**
 * Does what buttons ask for, one thing at a time: what is asked for while it is under way is not done again. `acting` is the name of what is under
 * way, for the button that shows it; what fails is told, or given to `failed`, where it has a place of its own.
 */
export function useAct(failed?: (error: unknown) => void): {
  acting: string | undefined;
  act: (name: string, work: () => Promise<unknown>) => void;
} {
  const tell = useTell();
  const [acting, setActing] = useState<string>();
  const busy = useRef(false);
  const act = (name: string, work: () => Promise<unknown>) => {
    // A second click comes before what the first one set is drawn.
    if (busy.current) return;
    busy.current = true;
    setActing(name);
    void work()
      .catch(failed ?? tell)
      .finally(() => {
        busy.current = false;
        setActing(undefined);
      });
  };
  return { acting, act };
}

/** Leads on to where what was done can be seen, unless the person has gone elsewhere meanwhile. */
export function useGoOn(): ReturnType<typeof useNavigate> {
  const navigate = useNavigate();
  const router = useRouter();
  const { pathname } = useLocation();
  return async to => {
    if (router.latestLocation.pathname === pathname) await navigate(to);
  };
}
