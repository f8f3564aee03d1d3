import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { kubeconfigAccess } from '../../src/client/kubeconfig.ts';
import { readKubeconfig } from '../../src/client/kubeconfig-file.ts';
import type { Clock } from '../../src/core/clock.ts';
import type { ClusterAccess } from '../../src/kube/connection.ts';

let directory = '';
let now = 0;
const clock: Clock = { now: () => now, wall: () => now, schedule: () => () => undefined };

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'leasehold-kubeconfig-'));
  vi.stubEnv('KUBECONFIG', '');
  vi.stubEnv('HOME', directory);
});

afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(directory, { recursive: true });
});

function write(name: string, text: string): string {
  const path = join(directory, name);
  writeFileSync(path, text);
  return path;
}

function access(cluster: string, user: string): Promise<ClusterAccess> {
  const kubeconfig = write(
    'config',
    `
apiVersion: v1
kind: Config
current-context: here
clusters: [{ name: c, cluster: { server: 'https://10.0.0.1:6443'${cluster} } }]
users: [{ name: u, user: { ${user} } }]
contexts: [{ name: here, context: { cluster: c, user: u, namespace: billing } }]
`,
  );
  return kubeconfigAccess({ kubeconfig, context: undefined }, clock);
}

describe('a kubeconfig', () => {
  it('names server, namespace, and where they came from', async () => {
    const { server, namespace, source } = await access('', 'token: t');
    expect({ server, namespace, source }).toEqual({
      server: 'https://10.0.0.1:6443',
      namespace: 'billing',
      source: `kubeconfig ${join(directory, 'config')}, context here`,
    });
  });

  it.each([
    ['token: t', 'Bearer t'],
    ['username: a, password: b', 'Basic YTpi'],
    ['', undefined],
  ])('with user { %s } authenticates as %s', async (user, header) => {
    expect(await (await access('', user)).authorization(false)).toBe(header);
  });

  it('reads a token file again when it is old, or its token was refused', async () => {
    write('token', 'one\n');
    const credentials = await access('', 'tokenFile: token, token: unused');
    write('token', 'two\n');
    expect(await credentials.authorization(false)).toBe('Bearer one');
    expect(await credentials.authorization(true)).toBe('Bearer two');
    write('token', 'three\n');
    now += 31_000;
    expect(await credentials.authorization(false)).toBe('Bearer three');
    rmSync(join(directory, 'token'));
    expect(await credentials.authorization(true)).toBe('Bearer three');
  });

  it('takes data before files, which are relative to it, and the settings of TLS', async () => {
    write('ca.crt', 'from the file');
    const options = ', tls-server-name: name, insecure-skip-tls-verify: true';
    const file = await access(`, certificate-authority: ca.crt${options}`, '');
    expect(file.tls).toEqual({
      ca: Buffer.from('from the file'),
      servername: 'name',
      rejectUnauthorized: false,
    });
    const data = `, certificate-authority: ca.crt, certificate-authority-data: ZGF0YQ==`;
    expect((await access(data, '')).tls).toEqual({ ca: Buffer.from('data') });
  });

  it('impersonates', async () => {
    const { headers } = await access(
      '',
      'token: t, as: jane, as-uid: "1", as-groups: [a, b], as-user-extra: { Scopes/x: [y] }',
    );
    expect(headers).toEqual({
      'impersonate-user': 'jane',
      'impersonate-uid': '1',
      'impersonate-group': ['a', 'b'],
      'impersonate-extra-scopes%2fx': ['y'],
    });
  });

  it('goes through a proxy', async () => {
    const proxied = await access(', proxy-url: http://proxy:3128', '');
    expect(proxied).toHaveProperty('agent');
    expect(await access('', '')).not.toHaveProperty('agent');
  });
});

describe('several kubeconfigs', () => {
  it('are merged, and of two entries of one name the first counts', () => {
    const one = write(
      'one',
      `{ contexts: [{ name: a, context: { cluster: c, user: u } }],
         clusters: [{ name: c, cluster: { server: 'https://one' } }] }`,
    );
    const two = write(
      'two',
      `{ current-context: a,
         users: [{ name: u, user: { client-key: two.key } }],
         clusters: [{ name: c, cluster: { server: 'https://two' } }] }`,
    );
    vi.stubEnv('KUBECONFIG', [one, join(directory, 'missing'), two].join(delimiter));
    expect(readKubeconfig(undefined, undefined)).toMatchObject({
      context: 'a',
      cluster: { server: 'https://one' },
      user: { 'client-key': join(directory, 'two.key') },
    });
  });
});

describe('what is wrong with a kubeconfig is told in one line, without its contents', () => {
  it.each([
    ['a: [', /is not YAML: .* in line \d+$/],
    ['- a', /is not a kubeconfig/],
    ['', /it has no current-context: set KUBECONFIG/],
    ['current-context: x', /has no context x; it has: none/],
    [
      '{ current-context: a, contexts: [{ name: a, context: { cluster: c } }] }',
      /context a names the cluster c, which is not there/,
    ],
    [
      '{ current-context: a, contexts: [{ name: a, context: {} }] }',
      /context a has no cluster with a server/,
    ],
  ])('%s', async (yaml, message) => {
    const kubeconfig = write('bad', yaml);
    const reading = kubeconfigAccess({ kubeconfig, context: undefined }, clock);
    await expect(reading).rejects.toMatchObject({
      code: 'CONFIGURATION',
      message: expect.stringMatching(message) as string,
    });
  });

  it.each([
    ['', 'client-certificate-data: Z2FyYmFnZQ==, client-key-data: eA=='],
    ['', 'client-certificate: missing.crt'],
    ['', 'tokenFile: missing'],
  ])('cluster { %s } user { %s }', async (cluster, user) => {
    await expect(access(cluster, user)).rejects.toMatchObject({ code: 'CONFIGURATION' });
  });

  it('no file at all', () => {
    expect(() => readKubeconfig(undefined, undefined)).toThrow(/~\/\.kube\/config: there is no/);
  });
});
