import { QueryClientProvider } from '@tanstack/react-query';
import {
  createRootRoute,
  createRoute,
  createRouter,
  lazyRouteComponent,
  RouterProvider,
  useNavigate,
} from '@tanstack/react-router';
import { App as AntApp, Button, ConfigProvider } from 'antd';
import { type ComponentType, lazy, Suspense, useEffect, useState } from 'react';
import { Frame } from './frame/frame.tsx';
import { audienceOf, keepLive } from './live.ts';
import { pages } from './pages.ts';
import { ErrorView } from './parts/error-view.tsx';
import { Page } from './parts/page.tsx';
import { queries } from './queries.ts';
import { useSessionState } from './session.ts';
import { loadSession } from './session-calls.ts';
import { useSettings } from './settings.ts';
import { en } from './texts/en.ts';
import { loadTexts, type Texts, TextsContext, useTexts } from './texts/index.ts';
import { themeOf } from './theme.ts';

const root = createRootRoute({ component: Frame, notFoundComponent: NotFound, errorComponent: Failed });
const files = import.meta.glob<{ default: ComponentType }>('./pages/*.tsx');
const routes = pages.map(({ path, file }) =>
  createRoute({ getParentRoute: () => root, path, component: lazyRouteComponent(files[`./pages/${file}.tsx`]!) }),
);
const router = createRouter({
  routeTree: root.addChildren(routes),
  defaultPreload: 'intent',
  defaultPendingComponent: Pending,
  defaultPendingMs: 300,
  defaultPendingMinMs: 0,
  scrollRestoration: true,
});

// Asked for before anything is drawn: who is signed in, and the page of the address.
const signedIn = loadSession();
signedIn.catch(() => {}); // told by <App>
for (const match of router.matchRoutes(router.latestLocation)) {
  void router.loadRouteChunk(router.routesById[match.routeId as keyof typeof router.routesById]);
}

const SignIn = lazy(() => import('./pages/sign-in.tsx').catch(beginAnew));
const nonce = document.querySelector<HTMLMetaElement>('meta[property=csp-nonce]')?.nonce ?? '';

/** The console: texts, theme, who is signed in, and the page of the address. */
export function App() {
  const { language, theme: chosen } = useSettings();
  const dark = useDark(chosen);
  const [texts, setTexts] = useState<Texts>(en);
  const [failure, setFailure] = useState<unknown>();
  useEffect(() => {
    document.documentElement.lang = language;
    loadTexts(language).then(setTexts, setFailure);
  }, [language]);
  useEffect(() => {
    document.documentElement.dataset.theme = dark ? 'dark' : 'light';
  }, [dark]);
  useEffect(() => {
    signedIn.catch(setFailure);
  }, []);
  return (
    <TextsContext value={texts}>
      <ConfigProvider csp={{ nonce }} button={{ autoInsertSpace: false }} theme={themeOf(dark)}>
        <AntApp component={false}>
          <QueryClientProvider client={queries}>
            {failure ? <ErrorView error={failure} retry={() => location.reload()} /> : <Shown />}
          </QueryClientProvider>
        </AntApp>
      </ConfigProvider>
    </TextsContext>
  );
}

function Shown() {
  const session = useSessionState();
  const open = Boolean(session && !session.must_change_password);
  const audience = session && open ? audienceOf(session) : undefined;
  useEffect(() => {
    if (audience === undefined) return;
    const controller = new AbortController();
    keepLive(audience, controller.signal);
    return () => controller.abort();
  }, [audience]);
  useEffect(() => {
    if (open) sessionStorage.removeItem('atelier-reloads'); // all came: what fails another time may be asked for as often again
  }, [open]);
  if (session === undefined) return null;
  // The address stays: after signing in the page that was asked for is there.
  if (!open) {
    return (
      <Suspense>
        <SignIn />
      </Suspense>
    );
  }
  return <RouterProvider router={router} />;
}

/** What is shown where a part did not come: nothing while all is loaded again (public/begin.js). */
function beginAnew(error: unknown) {
  const again = globalThis.atelierReload?.() ?? false;
  return { default: () => (again ? null : <Failed error={error} />) };
}

/** Where a page is on its way. */
function Pending() {
  return <span className="bone" title={useTexts()('loading')} />;
}

function NotFound() {
  const t = useTexts();
  const navigate = useNavigate();
  return (
    <Page title={t('notFound')}>
      <div>
        <Button type="primary" onClick={() => void navigate({ to: '/' })}>
          {t('toOverview')}
        </Button>
      </div>
    </Page>
  );
}

function Failed({ error }: { error: unknown }) {
  return <ErrorView error={error} retry={() => location.reload()} />;
}

function useDark(chosen: 'light' | 'dark' | 'system'): boolean {
  const [system, setSystem] = useState(() => matchMedia('(prefers-color-scheme: dark)').matches);
  useEffect(() => {
    const query = matchMedia('(prefers-color-scheme: dark)');
    const look = () => setSystem(query.matches);
    query.addEventListener('change', look);
    return () => query.removeEventListener('change', look);
  }, []);
  return chosen === 'system' ? system : chosen === 'dark';
}
