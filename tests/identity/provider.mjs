// The provider `oidc-provider` with persons and a client of the tests: node provider.mjs '{"port": …}'.
import Provider from 'oidc-provider';

const { port, client, accounts } = JSON.parse(process.argv[2]);
const provider = new Provider(`http://localhost:${port}`, {
  clients: [{ grant_types: ['authorization_code'], response_types: ['code'], ...client }],
  claims: { openid: ['sub'], email: ['email', 'email_verified'], profile: ['name'], groups: ['groups'] },
  scopes: ['openid', 'email', 'profile', 'groups'],
  cookies: { keys: ['of the tests'] },
  features: { backchannelLogout: { enabled: true }, devInteractions: { enabled: true } },
  // Its own guard lets no word go to loopback, where this service is.
  fetch: (url, { dispatcher, ...options }) => fetch(url, options),
  findAccount: (_, sub) => accounts[sub] && { accountId: sub, claims: () => ({ sub, ...accounts[sub] }) },
});
provider.listen(port, '127.0.0.1', () => console.log('listening'));
