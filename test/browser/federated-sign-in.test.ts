import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, describe, it } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import { CLIENT, ISSUER, issuer, RULES } from '../../src/resources/iam/federation.fixture.ts';
import { openBrowser } from './chromium.ts';
import { consoleWindows, heading } from './console-windows.ts';
import { type ConsoleWorld, consoleWorld } from './console-world.ts';

/** A person of an identity provider at the sign-in page. The provider is a page of another origin that posts an ID token. */

let world: ConsoleWorld;
let browser: Browser;
let keys: Awaited<ReturnType<typeof issuer>>;
/** Changes what the provider says. */
let claims: Record<string, unknown>;
let asked: URL;
const { open } = consoleWindows(() => ({ world, browser }));
const provider = createServer(async (request, response) => {
  const url = new URL(request.url!, 'http://provider');
  if (url.pathname !== '/authorize') return void response.writeHead(404).end();
  asked = url;
  const { nonce, state, redirect_uri } = Object.fromEntries(asked.searchParams);
  const token = await keys.idToken({ sub: 'u1', name: 'zoe', groups: ['guests'], nonce, ...claims });
  response.writeHead(200, { 'content-type': 'text/html' });
  response.end(`<form method="post" action="${redirect_uri}"><input name="state" value="${state}">
    <input name="id_token" value="${token}"><input name="session_state" value="x"><button>Continue</button></form>`);
});

before(async () => {
  world = await consoleWorld();
  keys = await issuer();
  await new Promise<void>(resolve => provider.listen(0, '127.0.0.1', resolve));
  const fed = '/v3/OS-FEDERATION';
  await world.root_('POST', '/v3/groups', { group: { name: 'guests' } });
  await world.root_('PUT', `${fed}/identity_providers/corp`, {
    identity_provider: { description: 'Corp login', sso_type: 'virtual_user_sso' },
  });
  await world.root_('PUT', `${fed}/mappings/rules`, { mapping: { rules: RULES } });
  await world.root_('PUT', `${fed}/identity_providers/corp/protocols/oidc`, { protocol: { mapping_id: 'rules' } });
  await world.root_('POST', '/v3.0/OS-FEDERATION/identity-providers/corp/openid-connect-config', {
    openid_connect_config: {
      access_mode: 'program_console',
      idp_url: ISSUER,
      client_id: CLIENT,
      signing_key: keys.jwks,
      authorization_endpoint: `http://127.0.0.1:${(provider.address() as AddressInfo).port}/authorize`,
      scope: 'openid profile',
      response_type: 'id_token',
      response_mode: 'form_post',
    },
  });
  browser = await openBrowser();
});
after(async () => {
  await browser?.close();
  provider.closeAllConnections();
  await new Promise(resolve => provider.close(resolve));
  await world?.remove();
});

/** Goes to the provider's page. */
async function leave(page: Page): Promise<void> {
  await page.getByLabel('Account').fill(world.root.account);
  await page.getByLabel('Account').blur();
  await page.getByRole('button', { name: 'Sign in with Corp login' }).click();
  await page.getByRole('button', { name: 'Continue' }).waitFor();
}

describe('a federated user', () => {
  it('signs in at the identity provider, and no script sees a token', async () => {
    claims = {};
    const { page, close } = await open('/');
    await leave(page);
    assert.equal(asked.searchParams.get('client_id'), CLIENT);
    assert.equal(asked.searchParams.get('scope'), 'openid profile');
    assert.equal(asked.searchParams.get('response_mode'), 'form_post');
    await page.getByRole('button', { name: 'Continue' }).click();
    await heading(page, 'Overview');
    await page.getByRole('button', { name: 'User zoe' }).waitFor();
    const seen = await page.evaluate(
      'location.href + document.cookie + JSON.stringify({ ...localStorage, ...sessionStorage })',
    );
    assert.doesNotMatch(String(seen), /eyJ|id_token|federated/);
    await page.reload();
    await page.getByRole('button', { name: 'User zoe' }).waitFor();
    await close();
  });

  it('is told what is wrong with the provider’s answer', async () => {
    claims = { nonce: 'of-another-sign-in' };
    const { page, close } = await open('/');
    await leave(page);
    await page.getByRole('button', { name: 'Continue' }).click();
    await page.getByText('The ID token was not made for this sign-in (nonce).').waitFor();
    claims = { aud: 'somebody-else' };
    await leave(page);
    await page.getByRole('button', { name: 'Continue' }).click();
    await page.getByText(/is for another audience than client_id/).waitFor();
    await close();
  });

  it('signs in the browser that began, and no other; an answer counts once', async () => {
    claims = {};
    const mine = await open('/');
    await leave(mine.page);
    const { nonce, state } = Object.fromEntries(asked.searchParams);
    const id_token = await keys.idToken({ sub: 'u1', name: 'zoe', groups: [], nonce });
    const answer = () =>
      fetch(`${world.api}/console/federation/answer`, {
        method: 'POST',
        body: new URLSearchParams({ state: state!, id_token }),
        redirect: 'manual',
      });
    assert.equal((await answer()).status, 303);
    // Somebody lures another browser to the answered sign-in.
    const other = await open('/?federated=true');
    await other.page.getByText(/This browser has begun no sign-in/).waitFor();
    await other.close();
    await mine.page.goto(`${world.api}/?federated=true`);
    await mine.page.getByRole('button', { name: 'User zoe' }).waitFor();
    await mine.close();
    const finished = await fetch(`${world.api}/console/federation`, { method: 'PUT' });
    assert.equal(finished.status, 403, 'only the console’s own scripts ask');
    const begun = await fetch(`${world.api}/console/federation`, {
      method: 'POST',
      headers: { 'x-atelier-console': 'active', 'content-type': 'application/json' },
      body: JSON.stringify({ provider_id: 'nobody' }),
    });
    assert.equal(begun.status, 404);
    const none = await (await fetch(`${world.api}/console/identity-providers?account=unknown`)).json();
    assert.deepEqual(none, { providers: [] });
  });
});
