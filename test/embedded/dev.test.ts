import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connect } from '../../src/index.ts';
import { Program } from '../cli/program.ts';

let directory: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'leasehold-dev-test-'));
});

afterAll(async () => {
  await rm(directory, { recursive: true });
});

function dev(...words: readonly string[]): Program {
  return Program.start(['dev', ...words], { TMPDIR: directory });
}

async function kubeconfigOf(program: Program): Promise<string> {
  const [, file = ''] = await program.printed(/^export KUBECONFIG=(\S+)$/m);
  await program.printed(/is ready/);
  return file;
}

describe('leasehold dev', () => {
  it('runs until a signal, and leaves nothing behind', async () => {
    const program = dev();
    const kubeconfig = await kubeconfigOf(program);
    expect((await stat(kubeconfig)).mode & 0o777).toBe(0o600);
    const leasehold = await connect({ kubeconfig });
    const fence = await leasehold.lock('a').run(({ fence }) => fence);
    expect(fence).toBeGreaterThan(0n);
    await leasehold.close();
    program.child.kill('SIGTERM');
    expect(await program.finished).toMatchObject({ code: 0, errors: '' });
    await expect(stat(kubeconfig)).rejects.toMatchObject({ code: 'ENOENT' });
  });

  it('keeps its state in a file, and its versions grow on', async () => {
    const state = join(directory, 'state.json');
    const kubeconfig = join(directory, 'kubeconfig');
    const fences: bigint[] = [];
    for (let run = 0; run < 2; run += 1) {
      const program = dev('--state', state, '--kubeconfig', kubeconfig);
      await kubeconfigOf(program);
      const leasehold = await connect({ kubeconfig });
      fences.push(await leasehold.lock('kept').run(({ fence }) => fence));
      await leasehold.close();
      program.child.kill('SIGINT');
      expect(await program.finished).toMatchObject({ code: 0 });
    }
    expect((await stat(state)).mode & 0o777).toBe(0o600);
    expect(fences[1]).toBeGreaterThan(fences[0] ?? 0n);
  });

  it('says in one line that the port is taken', async () => {
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const { port } = other.address() as AddressInfo;
    const { code, errors } = await dev('--port', String(port)).finished;
    other.close();
    expect(code).toBe(71);
    expect(errors).toMatch(/^leasehold: port \d+ is taken .*\n$/);
  });

  it("overwrites nobody's kubeconfig, and reads no state of others", async () => {
    const file = join(directory, 'own.yaml');
    await writeFile(file, 'apiVersion: v1\nkind: Config\n');
    expect((await dev('--kubeconfig', file).finished).code).toBe(74);
    expect((await dev('--state', file).finished).code).toBe(74);
    expect(await readFile(file, 'utf8')).toBe('apiVersion: v1\nkind: Config\n');
  });

  it('logs requests when asked to', async () => {
    const program = dev('--verbose');
    const kubeconfig = await kubeconfigOf(program);
    const leasehold = await connect({ kubeconfig });
    await leasehold.close();
    program.child.kill('SIGTERM');
    expect((await program.finished).errors).toMatch(/^leasehold: POST \/apis\/\S+ 201$/m);
  });
});
