import { Link, Outlet, useLocation } from '@tanstack/react-router';
import { Suspense } from 'react';
import { audienceOf } from '../live.ts';
import { areas, pages } from '../pages.ts';
import { useSession } from '../session.ts';
import { useTexts } from '../texts/index.ts';
import { Preferences } from './preferences.tsx';
import { ProjectSwitcher, UserMenu, WorkspaceSwitcher } from './switchers.tsx';

/** What surrounds every page: menu, switchers, who is signed in. */
export function Frame() {
  const t = useTexts();
  const { pathname } = useLocation();
  return (
    <div className="frame">
      <header>
        <a className="skip" href="#content">
          {t('skipToContent')}
        </a>
        <Link to="/" className="brand">
          <img src="/mark.svg" alt="" width="26" height="26" />
          Atelier
        </Link>
        <ProjectSwitcher />
        <WorkspaceSwitcher />
        <span className="spring" />
        <Preferences />
        <UserMenu />
      </header>
      <nav aria-label={t('menu')}>
        {areas.map(area => (
          <section key={area} aria-label={t(area)}>
            {area !== 'overview' && <h2>{t(area)}</h2>}
            <ul>
              {pages
                .filter(page => page.menu && page.area === area)
                .map(page => (
                  <li key={page.path}>
                    <Link to={page.path} aria-current={isWithin(pathname, page.path) ? 'page' : undefined}>
                      {t(page.title)}
                    </Link>
                  </li>
                ))}
            </ul>
          </section>
        ))}
      </nav>
      <main id="content" tabIndex={-1}>
        {/* Another project, or a role, has other things: nothing of those that were shown stays. */}
        <Suspense key={audienceOf(useSession())}>
          <Outlet />
        </Suspense>
      </main>
    </div>
  );
}

function isWithin(path: string, place: string): boolean {
  return path === place || (place !== '/' && path.startsWith(`${place}/`));
}
