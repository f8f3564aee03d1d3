import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { ApiServer, connectToServer } from '../../src/testing/index.ts';
import { Kubectl } from './kubectl.ts';

const MAIN = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));

let server: ApiServer;
let kubectl: Kubectl;

beforeAll(async () => {
  server = await ApiServer.start();
  kubectl = await Kubectl.for(server);
});

afterAll(async () => {
  await kubectl.remove();
  await server.stop();
});

function lease(name: string, spec: object = {}): object {
  return {
    apiVersion: 'coordination.k8s.io/v1',
    kind: 'Lease',
    metadata: { name },
    spec: { holderIdentity: 'somebody', ...spec },
  };
}

async function field(name: string, path: string): Promise<string> {
  return kubectl.expect(`get lease ${name} -o jsonpath={${path}}`);
}

/** A PATH on which the program is, by its sources and under the name of a plugin. */
async function pathWithPlugin(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'leasehold-plugin-'));
  onTestFinished(() => rm(directory, { recursive: true }));
  const link = join(directory, 'kubectl-leasehold.ts');
  await symlink(MAIN, link);
  const script = `#!/bin/sh\nexec '${process.execPath}' '${link}' "$@"\n`;
  await writeFile(join(directory, 'kubectl-leasehold'), script, { mode: 0o755 });
  return [directory, process.env.PATH ?? ''].join(delimiter);
}

describe('kubectl', () => {
  it('creates, gets and describes a Lease', async () => {
    expect(await kubectl.expect('create -f -', lease('read'))).toContain('read created');
    expect(await kubectl.expect('get leases')).toMatch(
      /NAME +HOLDER +AGE\n(.*\n)*read +somebody +\d+s/,
    );
    expect(await kubectl.expect('get leases -o wide')).toContain('somebody');
    expect(await kubectl.expect('get leases -o name')).toContain('lease.coordination.k8s.io/read');
    expect(await kubectl.expect('get lease read -o yaml')).toContain('holderIdentity: somebody');
    const read = JSON.parse(await kubectl.expect('get lease read -o json')) as { kind: string };
    expect(read.kind).toBe('Lease');
    expect(await kubectl.expect('describe lease read')).toMatch(/Holder Identity: +somebody/);
    expect(await kubectl.expect('get leases -A --sort-by=.metadata.name')).toContain('read');
    const missing = await kubectl.run(['get', 'lease', 'missing']);
    expect(missing.errors).toContain(
      'Error from server (NotFound): leases.coordination.k8s.io "missing" not found',
    );
  });

  it('annotates, labels and patches', async () => {
    await kubectl.expect('create -f -', lease('changed'));
    await kubectl.expect('annotate lease changed note=one');
    await kubectl.expect('annotate lease changed note=two --overwrite');
    expect(await field('changed', '.metadata.annotations.note')).toBe('two');
    await kubectl.expect('label lease changed tier=gold');
    expect(await kubectl.expect('get leases -l tier=gold -o name')).toContain('changed');
    await kubectl.expect('label lease changed tier-');
    expect(await kubectl.expect('get leases -l tier=gold -o name')).toBe('');
    await kubectl.expect('patch lease changed --type=merge -p {"spec":{"leaseTransitions":3}}');
    await kubectl.expect('patch lease changed -p {"spec":{"leaseDurationSeconds":7}}');
    await kubectl.expect(
      'patch lease changed --type=json -p [{"op":"remove","path":"/spec/holderIdentity"}]',
    );
    expect(await field('changed', '.spec')).toBe('{"leaseDurationSeconds":7,"leaseTransitions":3}');
  });

  it('applies: creates, changes and removes what is left out', async () => {
    const apply = async (spec: object): Promise<string> =>
      kubectl.expect('apply -f -', lease('applied', spec));
    expect(await apply({ leaseDurationSeconds: 5, leaseTransitions: 1 })).toContain('created');
    expect(await apply({ leaseDurationSeconds: 5, leaseTransitions: 1 })).toContain('unchanged');
    expect(await apply({ leaseDurationSeconds: 6 })).toContain('configured');
    expect(await field('applied', '.spec')).toBe(
      '{"holderIdentity":"somebody","leaseDurationSeconds":6}',
    );
    const diff = await kubectl.run(['diff', '-f', '-'], lease('applied', { leaseTransitions: 2 }));
    expect(diff.output).toContain('leaseTransitions: 2');
  });

  it('applies on the server: merges, finds conflicts, and forces', async () => {
    const apply = async (manager: string, spec: object, ...more: string[]) =>
      kubectl.run(['apply', '--server-side', '--field-manager', manager, ...more, '-f', '-'], {
        ...lease('shared'),
        spec,
      });
    expect((await apply('a', { holderIdentity: 'x' })).output).toContain('serverside-applied');
    await apply('b', { leaseDurationSeconds: 5 });
    const refused = await apply('b', { holderIdentity: 'y', leaseDurationSeconds: 5 });
    expect(refused.errors).toContain('conflict with "a": .spec.holderIdentity');
    expect(await field('shared', '.spec')).toBe('{"holderIdentity":"x","leaseDurationSeconds":5}');
    await apply('b', { holderIdentity: 'y' }, '--force-conflicts');
    expect(await field('shared', '.spec')).toBe('{"holderIdentity":"y"}');
  });

  it('edits in an editor', async () => {
    await kubectl.expect('create -f -', lease('edited'));
    const editor = { KUBE_EDITOR: 'sed -i s/somebody/nobody/' };
    const { code } = await kubectl.run(['edit', 'lease', 'edited'], undefined, editor);
    expect(code).toBe(0);
    expect(await field('edited', '.spec.holderIdentity')).toBe('nobody');
  });

  it('refuses unknown fields, as it asks the server to be strict', async () => {
    const { code, errors } = await kubectl.run(['create', '-f', '-'], lease('strict', { no: 1 }));
    expect(code).not.toBe(0);
    expect(errors).toContain('unknown field "spec.no"');
  });

  it('replaces and deletes', async () => {
    await kubectl.expect('create -f -', lease('old'));
    const read = JSON.parse(await kubectl.expect('get lease old -o json')) as {
      spec: Record<string, unknown>;
    };
    read.spec.holderIdentity = 'another';
    expect(await kubectl.expect('replace -f -', read)).toContain('replaced');
    expect(await field('old', '.spec.holderIdentity')).toBe('another');
    const stale = await kubectl.run(['replace', '-f', '-'], read);
    expect(stale.errors).toContain('the object has been modified');
    expect(await kubectl.expect('delete lease old')).toContain('"old" deleted');
    expect((await kubectl.run(['get', 'lease', 'old'])).code).toBe(1);
  });

  it('watches', async () => {
    const watching = kubectl.start(['get', 'leases', '--watch'], () => undefined);
    if (!watching.stdout) throw new Error('kubectl needs a pipe');
    const lines = createInterface({ input: watching.stdout })[Symbol.asyncIterator]();
    const until = async (pattern: RegExp): Promise<string> => {
      for (;;) {
        const { value, done } = await lines.next();
        if (done) throw new Error(`the watch ended without ${String(pattern)}`);
        if (pattern.test(value)) return value;
      }
    };
    await until(/^NAME/);
    await kubectl.expect('create -f -', lease('watched'));
    expect(await until(/^watched/)).toMatch(/somebody/);
    await kubectl.expect('patch lease watched -p {"spec":{"holderIdentity":"next"}}');
    await until(/^watched +next/);
    watching.kill();
  });

  it('creates namespaces, and what is in them', async () => {
    await kubectl.expect('create namespace shop');
    await kubectl.expect('create configmap settings -n shop --from-literal=a=b');
    await kubectl.expect('create serviceaccount clerk -n shop');
    await kubectl.expect('create service clusterip front -n shop --tcp=80:8080');
    await kubectl.expect('run till -n shop --image=example.invalid/none');
    const token = await kubectl.expect('create token clerk -n shop');
    expect(token.split('.')).toHaveLength(3);
    expect(await kubectl.expect('get all -n shop')).toMatch(/pod\/till +0\/1 +Pending/);
    expect(await kubectl.expect('get cm,sa,svc -n shop -o name')).toBe(
      'configmap/settings\nserviceaccount/clerk\nserviceaccount/default\nservice/front\n',
    );
    expect(await kubectl.expect('describe pod till -n shop')).toContain('example.invalid/none');
    expect(await kubectl.expect('get events -n shop')).toBe('');
    expect(await kubectl.expect('auth can-i delete leases')).toBe('yes\n');
    await kubectl.expect('delete namespace shop');
    expect((await kubectl.run(['get', 'namespace', 'shop'])).errors).toContain('NotFound');
  });

  it('shows events of an object', async () => {
    await kubectl.expect('create -f -', lease('eventful'));
    await kubectl.expect('create -f -', {
      apiVersion: 'v1',
      kind: 'Event',
      metadata: { name: 'eventful.1' },
      involvedObject: {
        apiVersion: 'coordination.k8s.io/v1',
        kind: 'Lease',
        namespace: 'default',
        name: 'eventful',
        uid: await field('eventful', '.metadata.uid'),
      },
      type: 'Normal',
      reason: 'Taken',
      message: 'somebody took it',
      source: { component: 'test' },
      firstTimestamp: new Date().toISOString(),
      lastTimestamp: new Date().toISOString(),
      count: 1,
    });
    expect(await kubectl.expect('events --for lease/eventful')).toContain('somebody took it');
    expect(await kubectl.expect('get events --field-selector reason=Taken')).toMatch(
      /Normal +Taken +lease\/eventful +somebody took it/,
    );
    expect(await kubectl.expect('describe lease eventful')).toContain('somebody took it');
  });

  it('runs leasehold as its plugin', async () => {
    const PATH = await pathWithPlugin();
    const plugin = (...words: string[]) =>
      kubectl.run(['leasehold', ...words], undefined, { PATH });
    await using leasehold = await connectToServer(server);
    await using held = await leasehold.lock('invoices').acquire();
    expect(held.valid).toBe(true);
    const listed = await plugin('ls');
    expect(listed).toMatchObject({ code: 0, errors: '' });
    expect(listed.output).toMatch(/^LOCK +HOLDER.*\ninvoices +\S+ +held /m);
    expect((await plugin('describe', 'invoices')).output).toMatch(/^State +held$/m);
    expect((await plugin('--help')).output).toMatch(/^Usage: kubectl leasehold /);
    expect((await plugin('ls', '--help')).output).toMatch(/^Usage: kubectl leasehold ls /);
    const missing = await plugin('describe', 'nothing');
    expect(missing.code).toBe(66);
    expect(missing.errors).toContain('nothing');
  });

  it('discovers what there is', async () => {
    const resources = await kubectl.expect('api-resources -o name');
    expect(resources.split('\n')).toContain('leases.coordination.k8s.io');
    expect(await kubectl.expect('explain lease.spec.holderIdentity')).toContain('<string>');
    expect(await kubectl.expect('version')).toContain('Server Version: v1.36');
    expect(await kubectl.expect('get --raw /readyz')).toBe('ok');
  });
});
