// A browser as far as signing in needs one: keeps cookies, follows redirects within the issuer, submits the form of each page.
// Contract: gives the first address that leads away from the issuer, not yet visited, or null when a page without a form ended it.

import assert from 'node:assert/strict';

const pagesMax = 30;

const decoded = (text: string): string => text.replaceAll('&amp;', '&').replaceAll('&quot;', '"').replaceAll('&#x2F;', '/');

interface Form {
  readonly action: string;
  readonly fields: URLSearchParams;
}

const formIn = (html: string, person: string): Form | null => {
  const action = /<form[^>]*\baction="([^"]*)"/.exec(html)?.[1];
  if (action === undefined) return null;
  const fields = new URLSearchParams();
  for (const [tag] of html.matchAll(/<input\b[^>]*>/g)) {
    const name = /\bname="([^"]*)"/.exec(tag)?.[1] ?? '';
    const value = /\bvalue="([^"]*)"/.exec(tag)?.[1];
    if (name !== '') fields.set(name, name === 'login' ? person : decoded(value ?? 'anything'));
  }
  return { action: decoded(action), fields };
};

export const browse = async (first: string, person = 'alice'): Promise<URL | null> => {
  const cookies = new Map<string, string>();
  const { origin } = new URL(first);
  let at = new URL(first);
  let form: Form | null = null;
  for (let page = 0; page < pagesMax; page++) {
    const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join('; ');
    const body = form === null ? {} : { method: 'POST', body: form.fields };
    const answer: Response = await fetch(at, { redirect: 'manual', headers: { cookie }, ...body });
    for (const set of answer.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(set) ?? [];
      cookies.set(name, value);
    }
    const location = answer.headers.get('location');
    const html = await answer.text();
    form = location === null ? formIn(html, person) : null;
    if (location === null && form === null) return null;
    at = new URL(location ?? form?.action ?? '', at);
    if (at.origin !== origin) return at;
  }
  assert.fail('the issuer never came to an end');
};
