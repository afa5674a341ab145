import { Link } from '@tanstack/react-router';
import { Button } from 'antd';
import { listAssignments } from '../../resources/iam/assignment.api.ts';
import { explainAccess } from '../../resources/iam/explain.api.ts';
import { listGroupsOfUser } from '../../resources/iam/user.api.ts';
import { showWorkspace, validateAuthorization } from '../../resources/workspaces/workspace.api.ts';
import { useCall } from '../call.ts';
import { Awaited } from '../parts/awaited.tsx';
import { textOf } from '../parts/facts.tsx';
import { DECIDING, useDenial, useMay } from '../parts/gated.tsx';
import { useTexts } from '../texts/index.ts';
import './iam.css';
import { nameOf, type Role, useGroups, useRoles } from './names.ts';
import { draftsOf, readOfSystem, statementsFor } from './policy-document.ts';
import { PolicyWords } from './policy-words.tsx';

/** Whether somebody may do something. */
export interface Question {
  /** `self`: whoever looks, who needs no permission to ask. */
  who: { kind: 'self' | 'user' | 'agency'; id: string };
  action: string;
  resource?: string | undefined;
  context?: Record<string, string> | undefined;
  workspace?: string | undefined;
  enterpriseProject?: string | undefined;
}

interface Cause {
  policy_name?: string;
  statement?: number;
  reason: string;
}

const LIST = 'iam:roles:listRoles';
/** More policies that allow an action are not named. */
const NAMED = 8;

/** The server's answer to a question: the verdict, the statement that decided, and what would allow it. */
export function Explanation({ question }: { question: Question }) {
  const t = useTexts();
  const { who, action, resource, context = {}, workspace = '0' } = question;
  const own = who.kind === 'self';
  const asked = {
    ...(resource ? { resource } : {}),
    ...(Object.keys(context).length > 0 ? { context } : {}),
  };
  const mine = useCall(
    validateAuthorization,
    {
      params: { workspace_id: workspace },
      body: {
        requests: [
          {
            action_id: '1',
            action,
            ...(asked.resource ? { resource: asked.resource } : {}),
            service_attributes: context,
          },
        ],
      },
    },
    { enabled: own, live: DECIDING },
  );
  // A workspace stands for its enterprise project; the default one is in the default one.
  const room = useCall(showWorkspace, { params: { workspace_id: workspace } }, { enabled: !own && workspace !== '0' });
  const placed = workspace === '0' || room.data !== undefined;
  const enterprise_project_id = question.enterpriseProject ?? room.data?.enterprise_project_id;
  const others = useCall(
    explainAccess,
    {
      body: {
        ...(who.kind === 'agency' ? { agency_id: who.id } : { user_id: who.id }),
        action,
        ...(asked.resource ? { resource: asked.resource } : {}),
        ...(enterprise_project_id ? { enterprise_project_id } : {}),
        attributes: context,
      },
    },
    { enabled: !own && placed, live: DECIDING },
  );
  const asking = own ? mine : placed ? others : room;
  const result = own ? mine.data?.results[0] : placed ? others.data : undefined;
  if (!result) return <Awaited error={asking.error} refetch={asking.refetch} />;
  const causes: readonly Cause[] = 'cause' in result ? result.cause : [result];
  const allowed = result.verdict === 'allow';
  return (
    <>
      <section className="card" aria-label={t('verdict')}>
        <h2>
          <span className={`state ${allowed ? 'good' : 'bad'}`}>{t(allowed ? 'isAllowed' : 'isDenied')}</span>
        </h2>
        {causes.map(({ reason }) => (
          <p key={reason}>{reason}</p>
        ))}
      </section>
      {!own && room.data && room.data.auth_type !== 'PUBLIC' && (
        <p className="card">
          {t('closedBesides', { name: room.data.name })}{' '}
          <Link to="/workspaces/$workspaceId" params={{ workspaceId: workspace }}>
            {room.data.name}
          </Link>
        </p>
      )}
      <Decided causes={causes} />
      {!allowed && <Remedy question={question} causes={causes} />}
    </>
  );
}

/** The statements that decided, as far as the viewer may read policies. */
function Decided({ causes }: { causes: readonly Cause[] }) {
  const t = useTexts();
  const { data: roles, error, refetch } = useRoles(useMay(LIST));
  const denied = useDenial(LIST) !== undefined;
  const named = causes.filter(({ policy_name }) => policy_name);
  if (named.length === 0) return null;
  return (
    <section className="card" aria-label={t('decidedBy')}>
      <h2>{t('decidedBy')}</h2>
      {named.map(({ policy_name = '', statement }) => {
        const role = roles?.find(each => each.name === policy_name);
        return (
          <div key={policy_name}>
            <p>
              {role ? (
                <Link to="/iam/policies/$policyId" params={{ policyId: role.id }}>
                  {policy_name}
                </Link>
              ) : (
                <strong>{policy_name}</strong>
              )}
              {statement !== undefined && `, Statement[${statement}]`}
            </p>
            {role && statement !== undefined && <Statement role={role} at={statement} />}
            {denied && <p className="soft">{t('statementHidden')}</p>}
          </div>
        );
      })}
      {!denied && !roles && <Awaited error={error} refetch={refetch} />}
    </section>
  );
}

function Statement({ role, at }: { role: Role; at: number }) {
  const drafts = draftsOf(readOfSystem(JSON.stringify(role.document)));
  const draft = drafts?.[at];
  const { Statement: all } = role.document as { Statement?: unknown[] };
  if (!draft) return null;
  return (
    <>
      <PolicyWords drafts={[draft]} />
      <pre className="log short" tabIndex={0}>
        {JSON.stringify(all?.[at], null, 2)}
      </pre>
    </>
  );
}

/** What would have to change. */
function Remedy({ question, causes }: { question: Question; causes: readonly Cause[] }) {
  const t = useTexts();
  const { action, who } = question;
  const maySeeRoles = useMay(LIST);
  const mayNot = useDenial(LIST) !== undefined;
  const { data: roles } = useRoles(maySeeRoles);
  const denies = causes.filter(({ policy_name, statement }) => policy_name && statement !== undefined);
  const closed = causes.some(({ reason }) => reason.startsWith('The workspace is closed'));
  const missing = causes.some(({ reason }) => reason.includes('no policy grants it'));
  const fitting = (roles ?? []).filter(({ document }) => {
    const found = statementsFor(document, action);
    return (
      found.some(({ effect, whole }) => effect === 'Allow' && whole) && !found.some(({ effect }) => effect === 'Deny')
    );
  });
  return (
    <section className="card" aria-label={t('whatWouldAllow')}>
      <h2>{t('whatWouldAllow')}</h2>
      <ul>
        {denies.map(({ policy_name = '', statement = 0 }) => (
          <li key={policy_name}>
            {t('denyRemedy', { policy: policy_name, number: statement })}{' '}
            <HeldThrough who={who} roleId={roles?.find(({ name }) => name === policy_name)?.id} />
          </li>
        ))}
        {missing && <li>{t('allowRemedy', { action })}</li>}
        {missing && fitting.length > 0 && (
          <li>
            {t('policiesThatAllow')}{' '}
            {fitting.slice(0, NAMED).map((role, at) => (
              <span key={role.id}>
                {at > 0 && ', '}
                <Link to="/iam/policies/$policyId" params={{ policyId: role.id }}>
                  {role.name}
                </Link>
              </span>
            ))}
          </li>
        )}
        {missing && who.kind === 'user' && <GroupsOf userId={who.id} />}
        {closed && (
          <li>
            {t('workspaceRemedy')}{' '}
            <Link to="/workspaces/$workspaceId" params={{ workspaceId: question.workspace ?? '0' }}>
              {t('workspace')}
            </Link>
          </li>
        )}
      </ul>
      {missing && maySeeRoles && (
        <Link to="/iam/policies/create" search={{ action } as object}>
          <Button>{t('createPolicy')}</Button>
        </Link>
      )}
      {missing && !maySeeRoles && !mayNot && <span className="bone" title={t('loading')} />}
      {who.kind === 'self' && (!missing || mayNot) && <p className="soft">{t('showThisAddress')}</p>}
    </section>
  );
}

/** The groups by which somebody holds a policy. */
function HeldThrough({ who, roleId }: { who: Question['who']; roleId: string | undefined }) {
  const t = useTexts();
  const may = useMay('iam:permissions:listRoleAssignments') && roleId !== undefined && who.kind !== 'agency';
  const groups = useGroups(may);
  const { data } = useCall(
    listAssignments,
    { query: { role_id: roleId, 'subject.user_id': who.id, include_group: true, per_page: 50 } },
    { enabled: may, live: ['grants'] },
  );
  const ids = [...new Set(data?.role_assignments.map(grant => textOf(grant, 'group', 'id')).filter(id => id !== ''))];
  if (ids.length === 0) return null;
  return (
    <>
      {t('heldThrough')}{' '}
      {ids.map((id, at) => (
        <span key={id}>
          {at > 0 && ', '}
          <Link to="/iam/groups/$groupId" params={{ groupId: id }} search={{ tab: 'permissions' } as object}>
            {nameOf(groups.data, id)}
          </Link>
        </span>
      ))}
    </>
  );
}

/** The groups of a user, to one of which a policy can be granted. */
function GroupsOf({ userId }: { userId: string }) {
  const t = useTexts();
  const may = useMay('iam:groups:listGroupsForUser');
  const { data } = useCall(listGroupsOfUser, { params: { user_id: userId } }, { enabled: may });
  if (!data) return null;
  if (data.groups.length === 0) return <li>{t('inNoGroupRemedy')}</li>;
  return (
    <li>
      {t('grantToGroup')}{' '}
      {data.groups.map((group, at) => (
        <span key={textOf(group, 'id')}>
          {at > 0 && ', '}
          <Link
            to="/iam/groups/$groupId"
            params={{ groupId: textOf(group, 'id') }}
            search={{ tab: 'permissions' } as object}
          >
            {textOf(group, 'name')}
          </Link>
        </span>
      ))}
    </li>
  );
}
