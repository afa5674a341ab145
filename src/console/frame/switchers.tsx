import type { UseQueryResult } from '@tanstack/react-query';
import { App, Button, Dropdown } from 'antd';
import { lazy, Suspense, useState } from 'react';
import { listProjects } from '../../resources/iam/token.api.ts';
import { listWorkspaces } from '../../resources/workspaces/workspace.api.ts';
import { useCall } from '../call.ts';
import { useAct } from '../parts/act.ts';
import { useSession } from '../session.ts';
import { changeSession, signOut } from '../session-calls.ts';
import { changeSettings, useSettings } from '../settings.ts';
import { useTexts } from '../texts/index.ts';

const SwitchRole = lazy(() => import('./switch-role.tsx'));

/** What a menu shows until its entries are read: that they are being read, or what failed, with a way to try again. */
function useUnread({ error, refetch }: Pick<UseQueryResult, 'error' | 'refetch'>) {
  const t = useTexts();
  if (!error) return [{ key: 'loading', label: t('loading'), disabled: true }];
  const retry = { key: 'retry', label: t('retry'), onClick: () => void refetch() };
  return [{ key: 'failed', type: 'group' as const, label: `${t('failed')}: ${error.message}`, children: [retry] }];
}

/** The session's project, which is one of a region, and the others of the account. */
export function ProjectSwitcher() {
  const t = useTexts();
  const { acting, act } = useAct();
  const { project, region } = useSession();
  const projects = useCall(listProjects, {}, { live: ['projects'] });
  const unread = useUnread(projects);
  const go = (project_id: string) => act('project', () => changeSession({ project_id }));
  const items = projects.data?.projects.map(({ id, name }) => ({
    key: String(id),
    label: String(name),
    onClick: () => go(String(id)),
  }));
  return (
    <Dropdown
      trigger={['click']}
      menu={{
        selectable: true,
        selectedKeys: project ? [project.id] : [],
        items: items ?? unread,
      }}
    >
      <Button
        className="caret"
        type="text"
        loading={acting !== undefined}
        aria-label={`${t('project')}: ${project?.name ?? region}`}
      >
        {project?.name ?? region}
      </Button>
    </Dropdown>
  );
}

/** In which workspace lists look and things are created. */
export function WorkspaceSwitcher() {
  const t = useTexts();
  const { workspace } = useSettings();
  const workspaces = useCall(listWorkspaces, { query: { filter_accessible: true } });
  const unread = useUnread(workspaces);
  const items = workspaces.data?.workspaces.map(({ id, name }) => ({
    key: id,
    label: name,
    onClick: () => changeSettings({ workspace: id }),
  }));
  const shown =
    items?.find(item => item.key === workspace)?.label ??
    (workspace === '0' ? 'default' : workspaces.isLoading ? '…' : workspace);
  return (
    <Dropdown
      trigger={['click']}
      menu={{
        selectable: true,
        selectedKeys: [workspace],
        items: items ?? unread,
      }}
    >
      <Button className="caret" type="text" aria-label={`${t('workspace')}: ${shown}`}>
        {shown}
      </Button>
    </Dropdown>
  );
}

/** Who is signed in, another role, signing out. */
export function UserMenu() {
  const t = useTexts();
  const { acting, act } = useAct();
  const { message } = App.useApp();
  const { user, account, switched_by } = useSession();
  const [switching, setSwitching] = useState(false);
  const actions = {
    role: () => setSwitching(true),
    own: () => act('own', () => changeSession({ role: null })),
    out: () => {
      message.destroy();
      act('out', signOut);
    },
  };
  return (
    <>
      <Dropdown
        trigger={['click']}
        menu={{
          items: [
            {
              key: 'who',
              type: 'group',
              label: t('signedInAs', { user: user.name, account: account.name }),
            },
            switched_by
              ? { key: 'own', label: t('leaveRole', { name: switched_by.name }) }
              : { key: 'role', label: t('switchRole') },
            { key: 'out', label: t('signOut') },
          ],
          onClick: ({ key }) => actions[key as keyof typeof actions]?.(),
        }}
      >
        <Button
          className="caret"
          type="text"
          loading={acting !== undefined}
          aria-label={t('user', { name: user.name })}
        >
          {user.name}
        </Button>
      </Dropdown>
      {switching && (
        <Suspense>
          <SwitchRole close={() => setSwitching(false)} />
        </Suspense>
      )}
    </>
  );
}
