// What an envelope says of whom it believes, read strictly: a client follows it to an issuer, so nothing in it is taken on trust of its form.
// Null where the answer has not the form.

import { isText, members } from './answer-members.ts';
import type { IdentityOffer, LoginOffer } from './login.ts';

const text = (value: unknown): string | null => (isText(value) ? value : null);

const readLogin = (value: unknown): LoginOffer | null => {
  const { client_id, admin_client_id, token, scopes, resource } = members(value);
  const clientId = text(client_id);
  if (clientId === null || (token !== 'id_token' && token !== 'access_token') || typeof resource !== 'boolean') return null;
  if (!Array.isArray(scopes) || !scopes.every((scope) => typeof scope === 'string')) return null;
  return { client_id: clientId, admin_client_id: text(admin_client_id), token, scopes, resource };
};

export const readOffer = (answer: unknown): IdentityOffer | null => {
  const { local_development: local, audience, admin_audience, reprove_minutes: minutes, issuers } = members(answer);
  const [own, ownAdmin] = [text(audience), text(admin_audience)];
  if (typeof local !== 'boolean' || own === null || ownAdmin === null || typeof minutes !== 'number' || !Array.isArray(issuers))
    return null;
  const read = issuers.map((issuer) => {
    const { name, url, audience: its, admin_audience: itsAdmin, login } = members(issuer);
    const [itsName, itsUrl] = [text(name), text(url)];
    return itsName === null || itsUrl === null
      ? null
      : { name: itsName, url: itsUrl, audience: text(its), admin_audience: text(itsAdmin), login: readLogin(login) };
  });
  if (!read.every((issuer) => issuer !== null)) return null;
  return { local_development: local, audience: own, admin_audience: ownAdmin, reprove_minutes: minutes, issuers: read };
};
